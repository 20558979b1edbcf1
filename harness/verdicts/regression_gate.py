"""The regression gate: passed, failed, or cannot tell. Pure.

It fails where something is worse by the verdict and by more than the limit, or could not be judged at all. It passes where the
intervals of the primary metric exclude the limit. In between it cannot tell: one that passes for want of data is none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.errors import EXIT_FAILED, EXIT_INVALID, EXIT_OPEN
from harness.plan.slices import Cell
from harness.registry.metrics import Metric
from harness.statistics import intervals
from harness.verdicts import verdict
from harness.verdicts.run_comparison import Matched, TwoRuns


class Gate(Enum):
    """What a gate says."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "cannot tell"

    @property
    def exit_code(self) -> int:
        return {Gate.PASSED: 0, Gate.FAILED: EXIT_FAILED, Gate.OPEN: EXIT_OPEN}[self]


def worse_by(ratio: float, metric: Metric) -> float:
    """By which fraction NEW is worse at this ratio; negative where it is better."""
    return 1 - ratio if metric.higher_is_better else ratio - 1


@dataclass(frozen=True)
class Judged:
    """What a gate says of the arms of one run, and because of which comparisons."""

    gate: Gate
    regressed: Sequence[
        Compared
    ]  # worse than the arm they are held against, by verdict and beyond the limit in both terms
    reaching: Sequence[Compared]  # of the primary metric: may yet be worse by more than the limit


def of_change(analysis: Analysis, compared: Sequence[Compared], limit: float, lost: bool) -> Judged:
    """Over one run. `lost`: a requested comparison is INVALID."""
    failed = [
        one
        for one in compared
        if verdict.of(one, analysis).word == one.metric.worse
        and _beyond(one.metric, one.ratio.value, _base(analysis, one), limit)
    ]
    reaching = [
        one
        for one in compared
        if one.metric is analysis.metrics[0]
        and one not in failed
        and ((end := _worst(one)) is None or _beyond(one.metric, end, _base(analysis, one), limit))
    ]
    if lost or failed or not compared:
        return Judged(Gate.FAILED, failed, reaching)
    return Judged(Gate.OPEN if reaching else Gate.PASSED, failed, reaching)


def minutes_until_told(analysis: Analysis, reaching: Iterable[Compared], limit: float) -> int | None:
    """About how many minutes more would tell for all of them; None where no reasonable time would."""
    more = 0
    for one in reaching:
        edge = 1 - limit if one.metric.higher_is_better else 1 + limit
        needed = None if one.model is None else one.model.blocks_until_apart(edge, analysis.doubt_later)
        if needed is None:
            return None
        more = max(more, needed - analysis.blocks)
    return verdict.minutes(more, verdict.block_s(analysis))


def of_runs(two: TwoRuns, limit: float) -> Gate:
    """Over two runs; what decides is the primary metric, or those that were asked for."""
    if regressed(two, limit) or two.lost or not two.matched or unjudged(two):
        return Gate.FAILED
    return Gate.OPEN if deciding(two, limit) else Gate.PASSED


def deciding(two: TwoRuns, limit: float) -> list[Matched]:
    """Of those that are not ruled out, those for whose sake the gate cannot tell."""
    return [one for _, one in not_ruled_out(two, limit) if one.metric in two.deciding]


def regressed(two: TwoRuns, limit: float) -> list[Matched]:
    """Those that are worse by the verdict, and beyond the limit in relative and absolute terms."""
    return [
        one
        for one in two.matched
        if one.verdict.word == one.metric.worse and _beyond(one.metric, one.ratio.value, one.base, limit)
    ]


def not_ruled_out(two: TwoRuns, limit: float) -> list[tuple[float, Matched]]:
    """Those that did not regress and whose interval reaches beyond the limit, with how far; the farthest first."""
    failed = regressed(two, limit)
    reaching = [
        (worse_by(end, one.metric), one)
        for one in two.matched
        if one not in failed and (end := _worst(one)) is not None and _beyond(one.metric, end, one.base, limit)
    ]
    return sorted(reaching, key=lambda found: found[0], reverse=True)


def unjudged(two: TwoRuns) -> list[Matched]:
    """Those without an interval: too few blocks to say anything."""
    return [one for one in two.matched if not one.judged]


def exit_code(two: TwoRuns, limit: float | None) -> int:
    """With a limit, that of the gate; without one, EXIT_INVALID for a lost comparison."""
    if limit is not None:
        return of_runs(two, limit).exit_code
    return EXIT_INVALID if two.lost or not two.matched else 0


def _worst(one: Matched | Compared) -> float | None:
    """The end of its interval at which NEW is worst."""
    return one.ratio.low if one.metric.higher_is_better else one.ratio.high


def _base(analysis: Analysis, one: Compared) -> float:
    """The figure of the arm that is held against, as a geometric mean over blocks."""
    rows = analysis.rows(Cell(one.over, one.endpoint, one.level))
    found = intervals.geometric_mean(rows[one.metric.column])
    return found.value if found else 0.0


def _beyond(metric: Metric, ratio: float, base: float, limit: float) -> bool:
    """Whether it would be worse by more than the limit, and by more than the metric's `least`, at this ratio to the base."""
    return worse_by(ratio, metric) > limit and abs(ratio - 1) * base > metric.least
