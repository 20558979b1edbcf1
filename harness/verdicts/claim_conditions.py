"""One condition of a claim, judged: verdict words, its cells, limits, exceptions and counts. Pure."""

from dataclasses import dataclass
from typing import Final

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.metrics import Metric
from harness.scenario.claims import Condition, Quantity
from harness.statistics import intervals
from harness.statistics.estimate import Estimate
from harness.verdicts.mechanism import PER_REQUEST, Explained
from harness.verdicts.server_checks import FAILURES_MOST

SUPPORTED, REFUTED, INCONCLUSIVE, INVALID = "supported", "refuted", "inconclusive", "invalid"


@dataclass(frozen=True)
class Judged:
    """One condition, or a whole claim."""

    word: str
    reason: str


def unsound(analysis: Analysis, condition: Condition, lost: dict[Cell, str]) -> str | None:
    """Why one of its cells cannot be used, if so."""
    for cell in cells_of(analysis, condition):
        name = f"{cell.arm} on {numbers.pushed(analysis.mode, cell.endpoint, cell.level)}"
        if cell in lost:
            return f"{name} is INVALID: {lost[cell]}"
        if not len(analysis.rows(cell)):
            return f"{name}: not measured"
    return None


def cells_of(analysis: Analysis, condition: Condition) -> list[Cell]:
    level = analysis.run.scenario.level_of(condition)
    return [Cell(arm, endpoint, level) for arm, endpoint in condition.asked]


def where(analysis: Analysis, condition: Condition, metric: Metric) -> str:
    return f"{place(analysis, condition, metric)}, {' over '.join(condition.sides)}"


def place(analysis: Analysis, condition: Condition, metric: Metric) -> str:
    level = analysis.run.scenario.level_of(condition)
    return f"{metric.title} on {numbers.pushed(analysis.mode, str(condition.endpoint), level)}"


def unit(metric: Metric) -> str:
    return f" {metric.unit}" if metric.unit else ""


COUNTED_OFF: Final = 0.02
"""Per request: a request in flight at the start or end of its slice is counted in part."""


def limited(analysis: Analysis, condition: Condition, lost: dict[Cell, str]) -> Judged:
    """A limit for one cell: its interval has to lie on the claimed side."""
    why_not = unsound(analysis, condition, lost)
    metric = analysis.run.scenario.metric_of(condition)
    found = None if why_not else analysis.typical(cells_of(analysis, condition)[0], metric)
    at = where(analysis, condition, metric)
    if why_not:
        return Judged(INVALID, why_not)
    if found is None:
        return Judged(INCONCLUSIVE, f"{at}: too few samples")
    limit, upper = condition.at_most or condition.at_least, condition.at_most is not None
    assert limit is not None
    said = f"{at}: {numbers.estimate(found)}{unit(metric)}, claimed {'at most' if upper else 'at least'} {limit}"
    return _against(found, limit, upper, said)


def _against(found: Estimate, limit: Quantity, upper: bool, said: str) -> Judged:
    if found.low is None or found.high is None:
        return Judged(
            INCONCLUSIVE, f"{said}; at least {intervals.FEWEST_FOR_JACKKNIFE} blocks with enough samples are needed"
        )
    if found.high <= limit.value if upper else found.low >= limit.value:
        return Judged(SUPPORTED, said)
    if found.low > limit.value if upper else found.high < limit.value:
        return Judged(REFUTED, said)
    return Judged(INCONCLUSIVE, f"{said}; the interval contains the limit")


def raises(analysis: Analysis, condition: Condition) -> Judged:
    """Whether the arm fails on this endpoint with the claimed exception in its log."""
    cell = cells_of(analysis, condition)[0]
    at, failed = f"{cell.endpoint} on {cell.arm}", analysis.refusal(cell) or _failed_under_load(analysis, cell)
    if failed is None:
        return Judged(REFUTED, f"{at}: responds correctly")
    cause = analysis.causes.get(cell.arm, "no exception")
    named = cause.partition(":")[0].rpartition(".")[2] == condition.raises
    return Judged(SUPPORTED if named else REFUTED, f"{at}: {failed}; log: {cause}")


def _failed_under_load(analysis: Analysis, cell: Cell) -> str | None:
    """How many of its requests failed; None if they are few enough for a valid cell."""
    rows = analysis.rows(cell)
    requests, failures = int(rows.sum("requests")), int(rows.sum("failures"))
    if failures <= FAILURES_MOST * requests:
        return None
    return f"{numbers.percent(failures / requests)} of {numbers.count(requests)} requests failed"


def counted(analysis: Analysis, condition: Condition, explained: Explained | None) -> Judged:
    """A count of the instrumented run, without an interval: counts per request do not vary between blocks."""
    metric, cell = analysis.run.scenario.metric_of(condition), cells_of(analysis, condition)[0]
    at, limit = where(analysis, condition, metric), condition.at_most or condition.at_least
    assert limit is not None
    if explained is None:
        return Judged(INCONCLUSIVE, f"{at}: not measured yet; run `djbench explain {analysis.run.path}`")
    if cell not in explained.cells:
        return Judged(INVALID, f"{at}: no mechanism: {explained.unexplained.get(cell, 'not requested')}")
    value = getattr(explained.cells[cell], metric.column)
    if value is None:
        return Judged(INVALID, f"{at}: not available")
    off = COUNTED_OFF if metric.column in PER_REQUEST else 0.0
    kept = value <= limit.value + off if condition.at_most else value >= limit.value - off
    said = (
        f"{at}: {numbers.number(value)}{unit(metric)}, claimed {'at most' if condition.at_most else 'at least'} {limit}"
    )
    return Judged(SUPPORTED if kept else REFUTED, said)
