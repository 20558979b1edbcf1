"""From figures to words: what a comparison says, and what limits a cell. Pure."""

from dataclasses import dataclass
from math import inf, log
from typing import Final

from harness import figures
from harness.analysis import Analysis, Compared
from harness.intervals import Estimate
from harness.metrics import METRICS
from harness.plan import Cell

NEAR: Final = 0.92  # of a bound: close enough to say that the bound is what limits
BUSY: Final = 0.90  # of the cores an arm can use; a slice's drain, in which load falls, is part of the time
THROUGHPUT: Final = METRICS[0]


@dataclass(frozen=True)
class Verdict:
    """faster, slower (less, more for costs), equivalent or undecided."""

    word: str
    note: str = ""  # within which margin, or why undecided

    def __str__(self) -> str:
        return f"{self.word} {self.note}".strip()


def of(compared: Compared, analysis: Analysis) -> Verdict:
    """What the interval says against the margin below which two arms are equivalent.

    The margin is the scenario's or the measured A/A floor, whichever is larger. A difference counts only if the
    interval excludes 1 and the estimate lies beyond the floor: what a control shows against itself is no effect.
    An interval that excludes 1 is never called equivalent on the strength of a large floor: noise proves nothing.
    """
    ratio, metric = compared.ratio, compared.metric
    floor = analysis.floor(compared.endpoint, compared.users, metric)
    margin = max(analysis.run.scenario.margin, floor or 0.0)
    if ratio.low is None or ratio.high is None:
        return Verdict("undecided", "(fewer than 3 blocks)")
    excludes_one = ratio.low > 1 or ratio.high < 1
    if _inside(ratio, analysis.run.scenario.margin) or (_inside(ratio, margin) and not excludes_one):
        return Verdict("equivalent", f"({figures.margin(margin)})")
    if excludes_one and abs(log(ratio.value)) > log(1 + (floor or 0.0)):
        return Verdict(metric.better if (ratio.value > 1) == metric.higher_is_better else metric.worse)
    return Verdict("undecided", "(within the A/A floor)" if excludes_one else "")


def limit(analysis: Analysis, cell: Cell) -> str | None:
    """What holds this cell's throughput where it is, in words; None without a throughput."""
    rows = analysis.rows(cell)
    estimate = analysis.estimate(cell, THROUGHPUT)
    if estimate is None or not estimate.value:
        return None
    arm = analysis.run.scenario.arm(cell.arm)
    endpoint = {endpoint.label: endpoint for endpoint in analysis.run.scenario.endpoints}[cell.endpoint]
    least_s, busy = endpoint.least_ms / 1000, float(rows.server_busy.astype(float).median())
    by_users = cell.users / least_s if least_s else inf
    by_cap = arm.cap / least_s if least_s and arm.cap else inf
    if by_cap < by_users and estimate.value >= NEAR * by_cap:
        most = f"{arm.cap} / {least_s:g} s = {figures.number(by_cap)} req/s"
        return f"is limited by its cap: {arm.room}, {most}, the other users queue"
    if by_users < inf and estimate.value >= NEAR * by_users:
        share, most = figures.percent(estimate.value / by_users), f"{cell.users} / {least_s:g} s"
        return f"is limited by its users: {share} of Little's bound {most} = {figures.number(by_users)} req/s"
    if busy >= BUSY * usable_cores(analysis, cell):
        return f"is limited by CPU: {figures.percent(busy)} of a core"
    reached = f"{figures.percent(estimate.value / by_users)} of Little's bound, " if by_users < inf else ""
    return f"is limited by none of users, cap and CPU alone: {reached}{figures.percent(busy)} of a core busy"


def usable_cores(analysis: Analysis, cell: Cell) -> int:
    """Cores an arm can use at most: one per worker process (the GIL), no more than it was given."""
    cores = analysis.run.head["cores"]["server"]
    workers = analysis.run.scenario.arm(cell.arm).workers
    return min(workers, len(cores)) if cores else workers


def _inside(ratio: Estimate, margin: float) -> bool:
    assert ratio.low is not None
    assert ratio.high is not None
    return 1 / (1 + margin) <= ratio.low and ratio.high <= 1 + margin
