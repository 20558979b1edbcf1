"""Results by endpoint: which arm is better where, and why. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry import endpoints
from harness.report.causes import Because, Grounds
from harness.report.html.bar_rows import tone
from harness.report.html.line_charts import groups, where
from harness.scenario.model import Comparison
from harness.verdicts import verdict

SIGNS: Final = {
    "better": "▲",
    "leans-better": "△",
    "worse": "▼",
    "leans-worse": "▽",
    "same": "=",
    "open": "?",
    "lost": "!",
}


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
    flagged: str = ""  # the arms whose cell is flagged


@dataclass(frozen=True)
class Place:
    """A row: one endpoint and level, and what every pair did there (None: not compared)."""

    label: str
    words: str
    found: Sequence[Found | None]


Told = Mapping[tuple[str, str, str, float], tuple[Compared, str, Because]]
"""(arm, over, endpoint, level) → comparison by the run's first metric, its tone, its reasons."""


def told(analysis: Analysis, valid: Sequence[Compared], grounds: Grounds) -> Told:
    """Every valid comparison by the run's first metric, with its tone and reasons."""
    chosen = [c for c in valid if c.metric is analysis.metrics[0]]
    tones = [tone(analysis, c) for c in chosen]
    return {
        (c.arm, c.over, c.endpoint, c.level): (c, how, grounds.of(c, how)) for c, how in zip(chosen, tones, strict=True)
    }


def table(analysis: Analysis, told: Told, lost: set[Cell], flagged: set[Cell]) -> list[Place]:
    """Results by endpoint: rows are endpoints and levels, columns are the pairs."""
    rows = []
    for endpoint, level in groups(analysis):
        found = [
            _found(analysis, told.get((pair.arm, pair.over, endpoint, level)), pair, (endpoint, level), lost, flagged)
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
    flagged: set[Cell],
) -> Found | None:
    if one is None:
        gone = [arm for arm in (pair.arm, pair.over) if Cell(arm, *key) in lost]
        return (
            Found("lost", SIGNS["lost"], "INVALID", "", "", "", f"{' and '.join(gone)}: see Data quality")
            if gone
            else None
        )
    compared, how, because = one
    factor, _, interval = numbers.ratio(compared.ratio).partition(" ")
    found = verdict.of(compared, analysis)
    marked = " and ".join(arm for arm in (pair.arm, pair.over) if Cell(arm, *key) in flagged)
    return Found(how, SIGNS[how], found.word, found.note, factor, interval, because.text, marked)
