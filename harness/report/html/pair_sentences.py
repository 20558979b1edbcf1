"""One pair of arms in a sentence, and why in another: what is confirmed leads, what was only measured is told apart. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry import metrics
from harness.registry.metrics import Metric
from harness.report.html.answer_table import Told
from harness.report.html.causes import Because
from harness.report.html.line_charts import groups
from harness.scenario.model import Comparison
from harness.statistics.moderated import FEWEST_BLOCKS
from harness.verdicts import bottleneck

SAID: Final = {
    metrics.THROUGHPUT: ("answered more requests per second than", "fewer"),
    metrics.P50: ("let its users wait less (median) than", "longer"),
    metrics.HIGHEST_RATE: ("kept its promise up to a higher rate than", "only up to a lower one"),
}
"""How an arm did better than another by what a comparison is about, and how worse."""

Judged = Sequence[tuple[Compared, str, Because]]
"""Comparisons with their tones and reasons, see answer.Told."""


@dataclass(frozen=True)
class Answer:
    """One pair in a sentence, and why in another."""

    sentence: str
    why: str


@dataclass(frozen=True)
class Counted:
    """One pair's comparisons, told from the arm that did better."""

    first: str
    second: str
    turned: bool  # the ratios are those of the second over the first
    by_tone: Mapping[str, Judged]  # better, leans-better …: as the first sees it

    def tone(self, how: str) -> Judged:
        return self.by_tone.get(how, [])


def answers(analysis: Analysis, told: Told, lost: set[Cell]) -> list[Answer]:
    """One per pair, in the scenario's order."""
    return [_answer(analysis, told, pair, lost) for pair in analysis.run.scenario.pairs]


def _answer(analysis: Analysis, told: Told, pair: Comparison, lost: set[Cell]) -> Answer:
    own = [one for key, one in told.items() if key[:2] == (pair.arm, pair.over)]
    gone = sum(bool({Cell(pair.arm, *key), Cell(pair.over, *key)} & lost) for key in groups(analysis))
    if not own:
        all_ = f": {'the one case is' if gone == 1 else f'all {gone} cases are'} INVALID" if gone else ""
        return Answer(f"{pair.arm} cannot be compared with {pair.over} here{all_}.", "")
    counted = _counted(pair, own)
    said = [
        _said(analysis, counted, own),
        *_rest(analysis, counted),
        *([f"{_cases(gone, 'more')} INVALID"] if gone else []),
    ]
    return Answer(f"{'; '.join(said)}.", _why(counted))


def _counted(pair: Comparison, own: Judged) -> Counted:
    """From the arm that leads: by what is confirmed, else by what is not."""
    by_tone = {how: [one for one in own if one[1] == how] for _, how, _ in own}
    order = ("better", "worse", "leans-better", "leans-worse")
    if next((how for how in order if how in by_tone), "").endswith("worse"):
        swap = {"better": "worse", "worse": "better", "leans-better": "leans-worse", "leans-worse": "leans-better"}
        return Counted(pair.over, pair.arm, True, {swap.get(how, how): some for how, some in by_tone.items()})
    return Counted(pair.arm, pair.over, False, by_tone)


def _said(analysis: Analysis, counted: Counted, own: Judged) -> str:
    metric, total = analysis.metrics[0], "1 case" if len(own) == 1 else f"{len(own)} cases"
    few = f"too few blocks to confirm a difference ({analysis.blocks} of {FEWEST_BLOCKS})"
    short = analysis.blocks < FEWEST_BLOCKS
    if counted.tone("better"):
        return _confirmed(counted, metric, total)
    if counted.tone("leans-better"):
        behind = counted.tone("leans-worse")
        also = f" and behind in {len(behind)} ({_up_to(counted, behind)})" if behind else ""
        led = f"{len(counted.tone('leans-better'))} of {total}, none confirmed"
        first = f"{counted.first} was measured ahead of {counted.second} by {metric.title} in {led}"
        return f"{first} ({_up_to(counted, counted.tone('leans-better'))}){also}{f'; {few}' if short else ''}"
    if short:
        seen = f"{metric.title} of {counted.first} was measured at {_span(own)} that of {counted.second} in {total}"
        return f"Between {counted.first} and {counted.second}, {few}: {seen}"
    return f"Between {counted.first} and {counted.second} no difference was shown in {total}"


def _confirmed(counted: Counted, metric: Metric, total: str) -> str:
    """`X answered more … than Y in 2 of 7 cases (up to 2.6×) and was measured ahead in 2 more, not confirmed`."""
    (more, less), won, fell = SAID[metric], counted.tone("better"), counted.tone("worse")
    said = f"{counted.first} {more} {counted.second} in {len(won)} of {total} ({_up_to(counted, won)})"
    if fell:
        said += f" and {less} in {len(fell)} ({_up_to(counted, fell)})"
    leaning = [
        f"{word} in {len(some)} more"
        for word, how in (("ahead", "leans-better"), ("behind", "leans-worse"))
        if (some := counted.tone(how))
    ]
    return f"{said} and was measured {' and '.join(leaning)}, not confirmed" if leaning else said


def _rest(analysis: Analysis, counted: Counted) -> list[str]:
    """What is neither ahead nor behind."""
    rest = {"about equal": len(counted.tone("same")), "undecided": len(counted.tone("open"))}
    if any(how.startswith("leans") for how in counted.by_tone):
        rest["undecided either way"] = rest.pop("undecided")
    elif analysis.blocks < FEWEST_BLOCKS:
        del rest["undecided"]  # all of them, and it was said why
    told = ", ".join(f"{number} {word}" for word, number in rest.items() if number)
    return [told] if told else []


def _cases(number: int, more: str) -> str:
    return f"1 {more} case is" if number == 1 else f"{number} {more} cases are"


def _up_to(counted: Counted, found: Judged) -> str:
    """The largest factor: `up to 2.7×`."""
    ratios = [1 / c.ratio.value if counted.turned else c.ratio.value for c, _, _ in found]
    furthest = max(ratios, key=lambda ratio: max(ratio, 1 / ratio))
    factor = f"{numbers.number(furthest)}×"
    return f"{'up' if furthest > 1 else 'down'} to {factor}" if len(found) > 1 else factor


def _span(found: Judged) -> str:
    """All ratios that were measured: `0.329×`, `0.329 to 1.20×`."""
    least, most = (numbers.number(pick(c.ratio.value for c, _, _ in found)) for pick in (min, max))
    return f"{least}×" if least == most else f"{least} to {most}×"


def _why(counted: Counted) -> str:
    """Of what is confirmed; of what was only measured, and called so, where nothing is."""
    said = []
    for place, how, loser in (("ahead", "better", counted.second), ("behind", "worse", counted.first)):
        confirmed, leaning = counted.tone(how), counted.tone(f"leans-{how}")
        was = "was" if confirmed else "was measured"
        said.append(_reason(f"Where {counted.first} {was} {place}", confirmed or leaning, loser))
    return " ".join(filter(None, said))


def _reason(where: str, found: Judged, loser: str) -> str:
    """The reason that most of these comparisons share."""
    full = [because.text for _, _, because in found if because.kind == bottleneck.CAP]
    dear = [because for _, _, because in found if because.dearer]
    if len(full) * 2 > len(found):
        return f"{where}, {full[0]}, the others queue."
    if len(dear) * 2 <= len(found):
        return ""
    times = [because.dearer for because in dear if because.dearer]
    least, most = numbers.number(min(times)), numbers.number(max(times))
    who = "it" if where.startswith(f"Where {loser} ") else loser
    free = sum(because.beside for because in dear)
    unbound = f"; in {free} of {len(dear)} it was not limited by CPU alone" if free else ""
    return f"{where}, each request cost {who} {least if least == most else f'{least} to {most}'}× the CPU{unbound}."
