"""From figures to words: what a comparison says, and what limits a cell. Pure."""

from dataclasses import dataclass
from math import inf, log
from typing import Final

from harness import figures
from harness.analysis import Analysis, Compared
from harness.intervals import Estimate
from harness.modes import CLOSED, OPEN
from harness.plan import Cell

NEAR: Final = 0.92  # of a bound: close enough to say that the bound is what limits
BUSY: Final = 0.90  # of the cores an arm can use; a slice's drain, in which load falls, is part of the time


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
    floor = analysis.floor(compared.endpoint, compared.level, metric)
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
    rate = float(rows.throughput_rps.astype(float).median())
    if not rate > 0:
        return None
    arm = analysis.run.scenario.arm(cell.arm)
    endpoint = {endpoint.label: endpoint for endpoint in analysis.run.scenario.endpoints}[cell.endpoint]
    least_s, busy = endpoint.least_ms / 1000, float(rows.server_busy.astype(float).median())
    by_cap = arm.cap / least_s if least_s and arm.cap else inf
    most, name = (cell.level / least_s if least_s else inf, "Little's bound") if analysis.mode == CLOSED else (inf, "")
    if analysis.mode == OPEN:
        most, name = float(rows.due_rps.astype(float).median()), "what is due"
    share = f"{figures.percent(rate / most)} of {name}" if most < inf else ""
    if by_cap < most and rate >= NEAR * by_cap:
        sum_ = f"{arm.cap} / {least_s:g} s = {figures.number(by_cap)} req/s"
        return f"is limited by its cap: {arm.room}, {sum_}, the others queue"
    if most < inf and rate >= NEAR * most:
        if analysis.mode == OPEN:
            return f"answers {share}; {figures.percent(busy)} of a core busy"
        return f"is limited by its users: {share} {cell.level} / {least_s:g} s = {figures.number(most)} req/s"
    if busy >= BUSY * usable_cores(analysis, cell):
        return f"is limited by CPU: {figures.percent(busy)} of a core"
    who = "users, cap and CPU" if analysis.mode == CLOSED else "cap and CPU"
    return f"is limited by none of {who} alone: {share + ', ' if share else ''}{figures.percent(busy)} of a core busy"


def usable_cores(analysis: Analysis, cell: Cell) -> int:
    """Cores an arm can use at most: one per worker process (the GIL), no more than it was given."""
    cores = analysis.run.head["cores"]["server"]
    workers = analysis.run.scenario.arm(cell.arm).workers
    return min(workers, len(cores)) if cores else workers


def _inside(ratio: Estimate, margin: float) -> bool:
    assert ratio.low is not None
    assert ratio.high is not None
    return 1 / (1 + margin) <= ratio.low and ratio.high <= 1 + margin
