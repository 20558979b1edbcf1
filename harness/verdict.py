"""From figures to words: what a comparison says, and what limits a cell. Pure."""

from dataclasses import dataclass
from math import log
from typing import Final

from harness import figures
from harness.analysis import Analysis, Compared
from harness.metrics import METRICS
from harness.plan import Cell

NEAR: Final = 0.92  # of a bound: close enough to say that the bound is what limits
BUSY: Final = 0.90  # of the server's cores
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
    """
    ratio, metric = compared.ratio, compared.metric
    floor = analysis.floor(compared.endpoint, compared.users, metric)
    margin = max(analysis.run.scenario.margin, floor or 0.0)
    if ratio.low is None or ratio.high is None:
        return Verdict("undecided", "(fewer than 3 blocks)")
    if 1 / (1 + margin) <= ratio.low and ratio.high <= 1 + margin:
        return Verdict("equivalent", f"({figures.margin(margin)})")
    if (ratio.low > 1 or ratio.high < 1) and abs(log(ratio.value)) > log(1 + (floor or 0.0)):
        return Verdict(metric.better if (ratio.value > 1) == metric.higher_is_better else metric.worse)
    return Verdict("undecided")


def limit(analysis: Analysis, cell: Cell) -> str | None:
    """What holds this cell's throughput where it is, in words; None if nothing that was measured explains it."""
    rows = analysis.rows(cell)
    estimate = analysis.estimate(cell, THROUGHPUT)
    if estimate is None or not estimate.value:
        return None
    arm = analysis.run.scenario.arm(cell.arm)
    endpoint = {endpoint.label: endpoint for endpoint in analysis.run.scenario.endpoints}[cell.endpoint]
    least_s = endpoint.least_ms / 1000
    busy = rows.server_busy.astype(float).median()
    if least_s:
        by_users = cell.users / least_s
        by_cap = arm.cap / least_s if arm.cap else float("inf")
        if by_cap < by_users and estimate.value >= NEAR * by_cap:
            most = f"{arm.cap} / {least_s:g} s = {figures.number(by_cap)} req/s"
            return f"its cap: {arm.room}, {most}, the other users queue"
        if estimate.value >= NEAR * by_users:
            most = f"{cell.users} / {least_s:g} s = {figures.number(by_users)} req/s"
            return f"its users: {most} is Little's bound, nobody queues"
    cores = analysis.run.head["cores"]["server"]
    if busy >= BUSY * (len(cores) if cores else 1):
        return f"CPU: its core is {figures.percent(busy)} busy"
    return None
