"""Conditions about one arm: what it promises, that it raises, what the probe counts of it. Pure; for judge.py."""

from typing import Final

from harness import claim, figures, significance
from harness.analysis import Analysis
from harness.checks import FAILURES_MOST
from harness.claim import Condition, Quantity
from harness.intervals import Estimate
from harness.judged import INVALID, REFUTED, SUPPORTED, UNDECIDED, Judged, cells_of, unit, unsound, where
from harness.mechanism import PER_REQUEST, Explained
from harness.plan import Cell

COUNTED_OFF: Final = 0.02
"""Per request: a request under way when its slice began or ended is counted in part."""


def kept(analysis: Analysis, condition: Condition, lost: dict[Cell, str]) -> Judged:
    """A limit for one cell: its interval has to lie on the promised side."""
    why_not = unsound(analysis, condition, lost)
    metric = claim.metric_of(condition, analysis.run.scenario)
    found = None if why_not else analysis.estimate(cells_of(analysis, condition)[0], metric)
    at = where(analysis, condition, metric)
    if why_not:
        return Judged(INVALID, why_not)
    if found is None:
        return Judged(UNDECIDED, f"{at}: too few samples for {metric.title}")
    limit, upper = condition.at_most or condition.at_least, condition.at_most is not None
    assert limit is not None
    said = f"{at}: {figures.estimate(found)}{unit(metric)}, claimed {'at most' if upper else 'at least'} {limit}"
    return _against(found, limit, upper, said)


def _against(found: Estimate, limit: Quantity, upper: bool, said: str) -> Judged:
    if found.low is None or found.high is None:
        return Judged(
            UNDECIDED, f"{said}; an interval takes {significance.FEWEST_BLOCKS} blocks with enough samples each"
        )
    if found.high <= limit.value if upper else found.low >= limit.value:
        return Judged(SUPPORTED, said)
    if found.low > limit.value if upper else found.high < limit.value:
        return Judged(REFUTED, said)
    return Judged(UNDECIDED, f"{said}; the interval has the limit in it")


def raises(analysis: Analysis, condition: Condition) -> Judged:
    """An arm that cannot serve this endpoint, with the exception that its own log names."""
    cell = cells_of(analysis, condition)[0]
    at, failed = f"{cell.endpoint} on {cell.arm}", analysis.refusal(cell) or _failed_under_load(analysis, cell)
    if failed is None:
        return Judged(REFUTED, f"{at}: answers as it should")
    cause = analysis.causes.get(cell.arm, "nothing")
    named = cause.partition(":")[0].rpartition(".")[2] == condition.raises
    return Judged(SUPPORTED if named else REFUTED, f"{at}: {failed}; its log says: {cause}")


def _failed_under_load(analysis: Analysis, cell: Cell) -> str | None:
    """How many of its requests failed; None if they are few enough for a valid cell."""
    rows = analysis.rows(cell)
    requests, failures = int(rows.requests.sum()), int(rows.failures.sum())
    if failures <= FAILURES_MOST * requests:
        return None
    return f"{figures.percent(failures / requests)} of {figures.count(requests)} requests failed"


def counted(analysis: Analysis, condition: Condition, explained: Explained | None) -> Judged:
    """A count of the explaining pass. It has no interval: what is counted per request is the same in every block."""
    metric, cell = claim.metric_of(condition, analysis.run.scenario), cells_of(analysis, condition)[0]
    at, limit = where(analysis, condition, metric), condition.at_most or condition.at_least
    assert limit is not None
    if explained is None:
        return Judged(UNDECIDED, f"{at}: not counted; `bench explain {analysis.run.path}` counts it")
    if cell not in explained.cells:
        return Judged(INVALID, f"{at}: not explained: {explained.unexplained.get(cell, 'not asked for')}")
    value = getattr(explained.cells[cell], metric.column)
    if value is None:
        return Judged(INVALID, f"{at}: there is none")
    off = COUNTED_OFF if metric.column in PER_REQUEST else 0.0
    kept = value <= limit.value + off if condition.at_most else value >= limit.value - off
    said = (
        f"{at}: {figures.number(value)}{unit(metric)}, claimed {'at most' if condition.at_most else 'at least'} {limit}"
    )
    return Judged(SUPPORTED if kept else REFUTED, said)
