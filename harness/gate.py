"""Is NEW worse than BASE by more than a limit? A gate that cannot tell does not pass. Pure."""

from harness import percent
from harness.compare import Matched, TwoRuns
from harness.errors import EXIT_FAILED, EXIT_INVALID, UserError
from harness.metrics import Metric


def limit(text: str) -> float:
    """The fraction in `5%`; UserError with expected and got."""
    try:
        return percent.fraction(text)
    except ValueError as error:
        raise UserError(f"--max-regression: {error}") from None


def worse_by(ratio: float, metric: Metric) -> float:
    """By which fraction NEW is worse at this ratio; negative where it is better."""
    return 1 - ratio if metric.higher_is_better else ratio - 1


def regressed(two: TwoRuns, limit: float) -> list[Matched]:
    """Those that are worse by the verdict, and beyond the limit in relative and in absolute terms."""
    return [one for one in two.matched if one.verdict.word == one.metric.worse and _beyond(one, one.ratio.value, limit)]


def not_ruled_out(two: TwoRuns, limit: float) -> list[tuple[float, Matched]]:
    """Those that did not regress and whose interval reaches beyond the limit, with how far; the farthest first."""
    failed = regressed(two, limit)
    reaching = [
        (worse_by(end, one.metric), one)
        for one in two.matched
        if one not in failed and (end := _worst(one)) is not None and _beyond(one, end, limit)
    ]
    return sorted(reaching, key=lambda found: found[0], reverse=True)


def unjudged(two: TwoRuns) -> list[Matched]:
    """Those without an interval: too few blocks to say anything."""
    return [one for one in two.matched if not one.judged]


def exit_code(two: TwoRuns, limit: float | None) -> int:
    """With a limit, 4 for a regression and for whatever could not be judged; without one, 3 for what was lost."""
    if limit is not None:
        failed = regressed(two, limit) or two.lost or unjudged(two) or not two.matched
        return EXIT_FAILED if failed else 0
    return EXIT_INVALID if two.lost or not two.matched else 0


def _worst(one: Matched) -> float | None:
    """The end of its interval at which NEW is worst."""
    return one.ratio.low if one.metric.higher_is_better else one.ratio.high


def _beyond(one: Matched, ratio: float, limit: float) -> bool:
    """Whether NEW would be worse by more than the limit, and by more than the metric's `least`, at this ratio."""
    return worse_by(ratio, one.metric) > limit and abs(ratio - 1) * one.base > one.metric.least
