"""The regression gate: fails if NEW is worse than BASE by more than a limit, or if that cannot be judged. Pure."""

from collections.abc import Sequence

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.errors import EXIT_FAILED, EXIT_INVALID
from harness.plan.slices import Cell
from harness.registry.metrics import Metric
from harness.statistics import intervals
from harness.verdicts import verdict
from harness.verdicts.run_comparison import Matched, TwoRuns


def worse_by(ratio: float, metric: Metric) -> float:
    """By which fraction NEW is worse at this ratio; negative where it is better."""
    return 1 - ratio if metric.higher_is_better else ratio - 1


def regressed_arms(analysis: Analysis, compared: Sequence[Compared], limit: float) -> list[Compared]:
    """Within one run: arms that are worse than the one they are held against, by verdict and beyond the limit in both terms."""
    return [
        one
        for one in compared
        if verdict.of(one, analysis).word == one.metric.worse
        and _beyond(one.metric, one.ratio.value, _base(analysis, one), limit)
    ]


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
    """With a limit, 4 for a regression or a comparison that could not be judged; without one, 3 for a lost comparison."""
    if limit is not None:
        failed = regressed(two, limit) or two.lost or unjudged(two) or not two.matched
        return EXIT_FAILED if failed else 0
    return EXIT_INVALID if two.lost or not two.matched else 0


def _worst(one: Matched) -> float | None:
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
