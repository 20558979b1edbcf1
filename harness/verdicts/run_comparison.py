"""Two runs, cell by cell: NEW over BASE with an interval, a test and a verdict; and what could not be compared. Pure.

The blocks of two runs are not paired: Welch's test takes the place of the moderated t, and drift of the machine between the runs
is part of the ratio.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import exp, log

import numpy as np

from harness.analysis.analysis import Analysis
from harness.plan.slices import Cell
from harness.registry.metrics import Metric
from harness.statistics import intervals, moderated
from harness.statistics.estimate import Estimate
from harness.statistics.intervals import DOUBT, FEWEST_FOR_T, Values
from harness.statistics.moderated import MOST_BLOCKS
from harness.verdicts import validity, verdict
from harness.verdicts.comparability import Difference
from harness.verdicts.validity import Reason
from harness.verdicts.verdict import Verdict

INVALID, MISSING = "INVALID", "missing"


@dataclass(frozen=True)
class Side:
    """One of the two runs."""

    name: str  # BASE or NEW
    analysis: Analysis
    reasons: Sequence[Reason]

    @property
    def margin(self) -> float:
        return self.analysis.run.scenario.margin

    def logs(self, cell: Cell, metric: Metric) -> Values:
        """The cell's figure, one log per block that has one."""
        values = self.analysis.rows(cell)[metric.column]
        return np.asarray(np.log(values[np.isfinite(values) & (values > 0)]))

    def noise_floor(self, cell: Cell, metric: Metric) -> float | None:
        return self.analysis.noise_floor(cell.endpoint, cell.level, metric)


@dataclass(frozen=True)
class Matched:
    """NEW over BASE, for one cell and metric."""

    cell: Cell
    metric: Metric
    ratio: Estimate
    logs: tuple[Values, Values] = field(compare=False)  # of NEW's blocks and of BASE's
    margin: float  # the larger of both scenarios'
    noise_floor: float | None  # the larger of both runs'
    p: float  # of there being no difference, corrected for the family
    family: int = 1  # how many comparisons it was corrected for
    factor: int = 1  # by which the correction multiplies an own p that is not significant
    doubt: float = DOUBT

    @property
    def new(self) -> float:
        """Geometric mean over NEW's blocks."""
        return exp(self.logs[0].mean())

    @property
    def base(self) -> float:
        """Geometric mean over BASE's blocks."""
        return exp(self.logs[1].mean())

    @property
    def judged(self) -> bool:
        """Whether there is an interval at all."""
        return self.ratio.low is not None

    @property
    def verdict(self) -> Verdict:
        said = verdict.weigh(self, self.margin)
        return Verdict(said.word, self._advice()) if said.word == verdict.INCONCLUSIVE else said

    def _advice(self) -> str:
        if not self.judged:
            return f"(at least {FEWEST_FOR_T} blocks in both runs are needed for an interval)"
        needed = blocks_needed(self.logs, self.margin, self.factor)
        return "(not resolvable here)" if needed is None else f"(≈ {needed} blocks each needed)"


@dataclass(frozen=True)
class Lost:
    """A cell that could not be compared, or one metric of it."""

    cell: Cell
    word: str  # INVALID or missing
    why: str  # in which run, and why
    metric: Metric | None = None  # None: the whole cell


@dataclass(frozen=True)
class TwoRuns:
    """The comparison of NEW with BASE."""

    base: Side
    new: Side
    metrics: Sequence[Metric]
    accepted: Sequence[Difference]
    matched: Sequence[Matched]
    lost: Sequence[Lost]
    absent: Sequence[tuple[Cell, Metric]]  # available in neither run, and not requested
    deciding: Sequence[Metric]  # for a gate: those that were named, or else the primary one

    @property
    def cells(self) -> list[Cell]:
        """Those of BASE, then those that only NEW has."""
        return _cells(self.base, self.new)


def compare(
    base: Analysis, new: Analysis, told: Sequence[Metric], asked: bool, accepted: Sequence[Difference]
) -> TwoRuns:
    """NEW over BASE on every cell for each of these metrics, all of them one family.

    `asked`: the metrics were named by the user, so that a missing figure is a lost comparison and not a warning.
    """
    sides = [_side("BASE", base), _side("NEW", new)]
    lost = [one for cell in _cells(*sides) for one in _lost(cell, sides)]
    out = {one.cell for one in lost}
    matched, absent = [], []
    for cell in _cells(*sides):
        for metric in told if cell not in out else ():
            empty = [side.name for side in sides if not len(side.logs(cell, metric))]
            if not empty:
                matched.append(_match(cell, metric, sides))
            elif len(empty) == 1 or asked:
                why = (
                    f"{metric.title} not available in {' and '.join(empty)} (too few samples, or not measurable there)"
                )
                lost.append(Lost(cell, MISSING, why, metric))
            else:
                absent.append((cell, metric))
    return TwoRuns(sides[0], sides[1], told, accepted, corrected(matched), lost, absent, told if asked else told[:1])


def corrected(family: Sequence[Matched]) -> list[Matched]:
    """The same comparisons, each with its p within this family (Holm)."""
    p, factor = moderated.adjusted([one.p for one in family], DOUBT)
    return [replace(one, p=float(own), family=len(family), factor=factor) for one, own in zip(family, p, strict=True)]


def blocks_needed(logs: tuple[Values, Values], margin: float, factor: int) -> int | None:
    """Fewest blocks in each run that would decide it, if means and spreads stayed what they are; None above MOST_BLOCKS.

    For a difference the interval, corrected by this factor, has to exclude 0; for equivalence the plain one has to lie within
    the margin (a fraction).
    """
    spreads = float(logs[0].std(ddof=1)), float(logs[1].std(ddof=1))
    middle, allowed = abs(float(logs[0].mean() - logs[1].mean())), log(1 + margin)
    n = np.arange(min(map(len, logs)) + 1, MOST_BLOCKS + 1)
    apart = intervals.welch_half_width(spreads, (n, n), DOUBT / factor) < middle
    within = intervals.welch_half_width(spreads, (n, n)) <= allowed - middle
    enough = apart | within
    return int(n[enough][0]) if enough.any() else None


def _cells(base: Side, new: Side) -> list[Cell]:
    return list(dict.fromkeys([*base.analysis.cells, *new.analysis.cells]))


def _side(name: str, analysis: Analysis) -> Side:
    return Side(name, *validity.sound(analysis))


def _lost(cell: Cell, sides: Sequence[Side]) -> Iterator[Lost]:
    for side in sides:
        if cell not in side.analysis.cells:
            yield Lost(cell, MISSING, f"not in the scenario of {side.name}")
        for reason in side.reasons:
            if reason.invalid and reason.cell == cell:
                yield Lost(cell, INVALID, f"in {side.name}: {reason.text}")


def _match(cell: Cell, metric: Metric, sides: Sequence[Side]) -> Matched:
    base, new = (side.logs(cell, metric) for side in sides)
    found = intervals.welch(new, base)
    assert found is not None
    floors = [floor for side in sides if (floor := side.noise_floor(cell, metric)) is not None]
    margin = max(side.margin for side in sides)
    return Matched(cell, metric, found[0], (new, base), margin, max(floors, default=None), found[1])
