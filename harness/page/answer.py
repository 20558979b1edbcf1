"""What was found, for a reader who knows nothing of the project: a sentence per pair, a table of who won where and why. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness import endpoints, figures, limits, metrics, verdict
from harness.analysis import Analysis
from harness.comparison import Compared
from harness.metrics import Metric
from harness.page.bars import tone
from harness.page.because import Because, Grounds
from harness.page.charts import groups, where
from harness.plan import Cell
from harness.scenario import Comparison

SIGNS: Final = {
    "better": "▲",
    "leans-better": "△",
    "worse": "▼",
    "leans-worse": "▽",
    "same": "=",
    "open": "?",
    "lost": "!",
}
SAID: Final = {
    metrics.THROUGHPUT: ("answered more requests per second than", "fewer"),
    metrics.P50: ("let its users wait less (median) than", "longer"),
    metrics.HIGHEST_RATE: ("kept its promise up to a higher rate than", "only up to a lower one"),
}
"""How an arm did better than another by what a comparison is about, and how worse."""


@dataclass(frozen=True)
class Found:
    """One pair on one endpoint and level."""

    tone: str  # as bars.tone, or lost
    sign: str
    word: str
    note: str  # what would decide it
    factor: str  # 2.57×
    interval: str  # [2.20, 3.01]
    because: str


@dataclass(frozen=True)
class Place:
    """A row: one endpoint and level, and what every pair did there (None: not compared)."""

    label: str
    words: str
    found: Sequence[Found | None]


@dataclass(frozen=True)
class Answer:
    """One pair in a sentence, and why in another."""

    sentence: str
    why: str


Told = Mapping[tuple[str, str, str, float], tuple[Compared, str, Because]]
"""(arm, over, endpoint, level) → comparison by the run's first metric, its tone, its reasons."""


def told(analysis: Analysis, valid: Sequence[Compared], grounds: Grounds) -> Told:
    """What is said of every valid comparison by what comparisons of this run are about."""
    chosen = [c for c in valid if c.metric is analysis.metrics[0]]
    tones = [tone(analysis, c) for c in chosen]
    return {
        (c.arm, c.over, c.endpoint, c.level): (c, how, grounds.of(c, how)) for c, how in zip(chosen, tones, strict=True)
    }


def table(analysis: Analysis, told: Told, lost: set[Cell]) -> list[Place]:
    """Who won where, and why: rows are endpoints and levels, columns are the pairs."""
    rows = []
    for endpoint, level in groups(analysis):
        found = [
            _found(analysis, told.get((pair.arm, pair.over, endpoint, level)), pair, (endpoint, level), lost)
            for pair in analysis.run.scenario.pairs
        ]
        rows.append(Place(where(analysis, endpoint, level), endpoints.in_words(endpoint), found))
    return rows


def _found(
    analysis: Analysis,
    one: tuple[Compared, str, Because] | None,
    pair: Comparison,
    key: tuple[str, float],
    lost: set[Cell],
) -> Found | None:
    if one is None:
        gone = [arm for arm in (pair.arm, pair.over) if Cell(arm, *key) in lost]
        return (
            Found("lost", SIGNS["lost"], "INVALID", "", "", "", f"{' and '.join(gone)}: see validity") if gone else None
        )
    compared, how, because = one
    factor, _, interval = figures.ratio(compared.ratio).partition(" ")
    found = verdict.of(compared, analysis)
    return Found(how, SIGNS[how], found.word, found.note, factor, interval, because.text)


def answers(analysis: Analysis, told: Told, lost: set[Cell]) -> list[Answer]:
    """One per pair, in the scenario's order."""
    return [_answer(analysis, told, pair, lost) for pair in analysis.run.scenario.pairs]


def _answer(analysis: Analysis, told: Told, pair: Comparison, lost: set[Cell]) -> Answer:
    own = [one for key, one in told.items() if key[:2] == (pair.arm, pair.over)]
    keys = [key for key in groups(analysis) if {Cell(pair.arm, *key), Cell(pair.over, *key)} & lost]
    total = len(own) + len(keys)
    if not own:
        gone = f": all {total} cases are INVALID" if total else ""
        return Answer(f"{pair.arm} cannot be compared with {pair.over} here{gone}.", "")
    ahead, behind = ([one for one in own if one[1].endswith(how)] for how in ("better", "worse"))
    said = _counted(pair, analysis.metrics[0], ahead, behind, total)
    rest = {
        "about equal": sum(how == "same" for _, how, _ in own),
        "undecided": sum(how == "open" for _, how, _ in own),
        "INVALID": len(keys),
    }
    others = ", ".join(f"{number} {word}" for word, number in rest.items() if number)
    return Answer(f"{said}{f'; {others}' if others else ''}.", _why(pair, ahead, behind))


Judged = Sequence[tuple[Compared, str, Because]]


def _counted(pair: Comparison, metric: Metric, ahead: Judged, behind: Judged, total: int) -> str:
    more, less = SAID[metric]
    cases = f"{total} cases" if total > 1 else "1 case"
    if ahead:
        won = f"{pair.arm} {more} {pair.over} in {len(ahead)} of {cases} ({_up_to(ahead)})"
        return f"{won} and {less} in {len(behind)} ({_up_to(behind)})" if behind else won
    if behind:
        return f"{pair.over} {more} {pair.arm} in {len(behind)} of {cases} ({_up_to(behind, turned=True)})"
    return f"Between {pair.arm} and {pair.over} no difference was shown in {cases}"


def _up_to(found: Judged, turned: bool = False) -> str:
    """The largest factor, and how many are not certain: `up to 2.7×, 1 of them not certain yet`."""
    ratios = [1 / c.ratio.value if turned else c.ratio.value for c, _, _ in found]
    furthest = max(ratios, key=lambda ratio: max(ratio, 1 / ratio))
    factor = f"{figures.number(furthest)}×"
    if len(found) > 1:
        factor = f"{'up' if furthest > 1 else 'down'} to {factor}"
    unsure = sum(how.startswith("leans") for _, how, _ in found)
    if not unsure:
        return factor
    return f"{factor}, {'' if unsure == len(found) else f'{unsure} of them '}not certain yet"


def _why(pair: Comparison, ahead: Judged, behind: Judged) -> str:
    said = [
        text
        for place, found, loser in (("ahead", ahead, pair.over), ("behind", behind, pair.arm))
        if (text := _reason(f"Where {pair.arm} was {place}", found, loser))
    ]
    return " ".join(said)


def _reason(where: str, found: Judged, loser: str) -> str:
    """The reason that most of these comparisons share."""
    full = [because.text for _, _, because in found if because.kind == limits.CAP]
    dearer = [because.dearer for _, _, because in found if because.dearer]
    if len(full) * 2 > len(found):
        return f"{where}, {full[0]}, the others queue."
    if len(dearer) * 2 > len(found):
        who = "it" if where.startswith(f"Where {loser} ") else loser
        least, most = figures.number(min(dearer)), figures.number(max(dearer))
        return f"{where}, each request cost {who} {least if least == most else f'{least} to {most}'}× the CPU."
    return ""
