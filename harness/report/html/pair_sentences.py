"""One pair of arms in a sentence, and why in another: significant differences first, tendencies marked as such. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry import metrics
from harness.registry.metrics import Metric
from harness.report.causes import Because
from harness.report.html.answer_table import Told
from harness.report.html.line_charts import groups
from harness.scenario.model import Comparison
from harness.statistics.moderated import FEWEST_BLOCKS
from harness.verdicts import bottleneck

SAID: Final = {
    metrics.THROUGHPUT: ("has higher throughput than", "lower"),
    metrics.P99: ("has a lower p99 latency than", "a higher one"),
    metrics.HIGHEST_RATE: ("meets its objective up to a higher rate than", "only up to a lower one"),
}
"""How to say that an arm is better than another by the run's first metric, and that it is worse."""

Judged = Sequence[tuple[Compared, str, Because]]
"""Comparisons with their tones and reasons, see answer_table.Told."""


@dataclass(frozen=True)
class Answer:
    """One pair in a sentence, and why in another."""

    sentence: str
    why: str


@dataclass(frozen=True)
class Counted:
    """One pair's comparisons, from the point of view of the better arm."""

    first: str
    second: str
    turned: bool  # the ratios are those of the second over the first
    by_tone: Mapping[str, Judged]  # better, leans-better …, for the first arm

    def tone(self, how: str) -> Judged:
        return self.by_tone.get(how, [])


def answers(analysis: Analysis, told: Told, lost: set[Cell]) -> list[Answer]:
    """One per pair, in the scenario's order."""
    return [_answer(analysis, told, pair, lost) for pair in analysis.run.scenario.pairs]


def _answer(analysis: Analysis, told: Told, pair: Comparison, lost: set[Cell]) -> Answer:
    own = [one for key, one in told.items() if key[:2] == (pair.arm, pair.over)]
    gone = sum(bool({Cell(pair.arm, *key), Cell(pair.over, *key)} & lost) for key in groups(analysis))
    if not own:
        all_ = f": {'the only comparison is' if gone == 1 else f'all {gone} comparisons are'} INVALID" if gone else ""
        return Answer(f"{pair.arm} cannot be compared with {pair.over}{all_}.", "")
    counted = _counted(pair, own)
    said = [
        _said(analysis, counted, own),
        *_rest(analysis, counted),
        *([f"{gone} INVALID"] if gone else []),
    ]
    return Answer(f"{'; '.join(said)}.", _why(counted))


def _counted(pair: Comparison, own: Judged) -> Counted:
    """From the arm that leads: by significant differences, else by tendencies."""
    by_tone = {how: [one for one in own if one[1] == how] for _, how, _ in own}
    order = ("better", "worse", "leans-better", "leans-worse")
    if next((how for how in order if how in by_tone), "").endswith("worse"):
        swap = {"better": "worse", "worse": "better", "leans-better": "leans-worse", "leans-worse": "leans-better"}
        return Counted(pair.over, pair.arm, True, {swap.get(how, how): some for how, some in by_tone.items()})
    return Counted(pair.arm, pair.over, False, by_tone)


def _said(analysis: Analysis, counted: Counted, own: Judged) -> str:
    metric, total = analysis.metrics[0], "1 comparison" if len(own) == 1 else f"{len(own)} comparisons"
    few = f"too few blocks to detect a difference ({analysis.blocks} of {FEWEST_BLOCKS})"
    short = analysis.blocks < FEWEST_BLOCKS
    if counted.tone("better"):
        return _confirmed(counted, metric, total)
    if counted.tone("leans-better"):
        ahead, behind = counted.tone("leans-better"), counted.tone("leans-worse")
        also = f", trails in {len(behind)} ({_up_to(counted, behind)})" if behind else ""
        first = f"{counted.first} leads {counted.second} in {metric.title} in {len(ahead)} of {total}"
        return f"{first} ({_up_to(counted, ahead)}){also}, not significant{f'; {few}' if short else ''}"
    if short:
        return f"{counted.first} vs {counted.second}: {few}; {metric.title} ratio {_span(own)} in {total}"
    return f"{counted.first} vs {counted.second}: no significant difference in {total}"


def _confirmed(counted: Counted, metric: Metric, total: str) -> str:
    """`X has higher throughput than Y in 2 of 7 comparisons (up to 2.6×), leads in 2, trails in 1 (not significant)`."""
    (more, less), won, fell = SAID[metric], counted.tone("better"), counted.tone("worse")
    said = f"{counted.first} {more} {counted.second} in {len(won)} of {total} ({_up_to(counted, won)})"
    if fell:
        said += f" and {less} in {len(fell)} ({_up_to(counted, fell)})"
    leaning = [
        f"{word} in {len(some)}"
        for word, how in (("leads", "leans-better"), ("trails", "leans-worse"))
        if (some := counted.tone(how))
    ]
    return f"{said}; {', '.join(leaning)} (not significant)" if leaning else said


def _rest(analysis: Analysis, counted: Counted) -> list[str]:
    """What neither leads nor trails."""
    rest = {"equivalent": len(counted.tone("same")), "inconclusive": len(counted.tone("open"))}
    if analysis.blocks < FEWEST_BLOCKS and not any(how.startswith("leans") for how in counted.by_tone):
        del rest["inconclusive"]  # all of them, for the reason given before
    told = ", ".join(f"{number} {word}" for word, number in rest.items() if number)
    return [told] if told else []


def _up_to(counted: Counted, found: Judged) -> str:
    """The largest factor: `up to 2.7×`."""
    ratios = [1 / c.ratio.value if counted.turned else c.ratio.value for c, _, _ in found]
    furthest = max(ratios, key=lambda ratio: max(ratio, 1 / ratio))
    factor = f"{numbers.number(furthest)}×"
    return f"{'up' if furthest > 1 else 'down'} to {factor}" if len(found) > 1 else factor


def _span(found: Judged) -> str:
    """The range of all ratios: `0.329×`, `0.329–1.20×`."""
    least, most = (numbers.number(pick(c.ratio.value for c, _, _ in found)) for pick in (min, max))
    return f"{least}×" if least == most else f"{least}–{most}×"


def _why(counted: Counted) -> str:
    """The causes of significant differences; without any, of tendencies, marked as such."""
    said = []
    for place, how, who in (("leads", "better", counted.second), ("trails", "worse", "it")):
        confirmed, leaning = counted.tone(how), counted.tone(f"leans-{how}")
        note = "" if confirmed else " (not significant)"
        said.append(_reason(f"Where {counted.first} {place}{note}", confirmed or leaning, who))
    return " ".join(filter(None, said))


def _reason(where: str, found: Judged, who: str) -> str:
    """The cause that most of these comparisons share; `who` is behind."""
    full = [because.text for _, _, because in found if because.kind == bottleneck.CONCURRENCY_LIMIT]
    dear = [because for _, _, because in found if because.dearer]
    if len(full) * 2 > len(found):
        return f"{where}: {full[0]}."
    if len(dear) * 2 <= len(found):
        return ""
    times = [because.dearer for because in dear if because.dearer]
    least, most = numbers.number(min(times)), numbers.number(max(times))
    free = sum(because.beside for because in dear)
    unbound = f"; CPU is not its bottleneck in {free} of {len(dear)}" if free else ""
    return f"{where}: {who} uses {least if least == most else f'{least}–{most}'}× the CPU time per request{unbound}."
