"""What holds a cell's throughput where it is, in words: users, cap, CPU, services, or none of them alone. Pure."""

from math import inf
from typing import Final

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.load_modes import CLOSED, OPEN

NEAR: Final = 0.92  # of a bound: close enough to say that the bound is what limits

BUSY: Final = 0.90  # of the cores an arm can use; a slice's drain, in which load falls, is part of the time

CAP, ASKED, SERVICES, CPU_BOUND, NOTHING_ALONE = "cap", "asked", "services", "cpu", "nothing alone"
"""By what a cell can be held, in the order in which it is looked for."""


def limit(analysis: Analysis, cell: Cell) -> str | None:
    """What holds this cell's throughput where it is; None without a throughput, or where CPU is not known."""
    found = held_by(analysis, cell)
    return found[1] if found else None


def held_by(analysis: Analysis, cell: Cell) -> tuple[str, str] | None:
    """The same with its kind before it: CAP, ASKED, SERVICES, CPU_BOUND or NOTHING_ALONE."""
    rows = analysis.rows(cell)
    rate, busy = (float(rows[column].astype(float).median()) for column in ("throughput_rps", "server_busy"))
    if not rate > 0 or busy != busy:
        return None
    least_s = analysis.mean_ms(cell) / 1000
    most = _offered(analysis, cell, rows, least_s)
    full = busy >= BUSY * usable_cores(analysis, cell)
    told = {
        CAP: _by_cap(analysis, cell, rate, least_s, most),
        ASKED: _by_what_is_asked(analysis, cell, rate, least_s, most, busy),
        SERVICES: _by_services(analysis, rows, not full),
        CPU_BOUND if full else NOTHING_ALONE: _by_cpu(analysis, cell, rate, most, busy),
    }
    return next((kind, text) for kind, text in told.items() if text)


def usable_cores(analysis: Analysis, cell: Cell) -> int:
    """Cores an arm can use at most: one per worker process (the GIL), no more than it was given."""
    cores = analysis.run.head["cores"]["server"]
    workers = analysis.run.scenario.arm(cell.arm).workers
    return min(workers, len(cores)) if cores else workers


def _offered(analysis: Analysis, cell: Cell, rows: pd.DataFrame, least_s: float) -> float:
    """The most that is asked of it: Little's bound in closed loop, what was due in open loop; otherwise no bound."""
    if analysis.mode == OPEN:
        return float(rows.due_rps.astype(float).median())
    return cell.level / least_s if least_s and analysis.mode == CLOSED else inf


def _by_cap(analysis: Analysis, cell: Cell, rate: float, least_s: float, most: float) -> str | None:
    arm = analysis.run.scenario.arm(cell.arm)
    by_cap = arm.cap / least_s if least_s and arm.cap else inf
    if by_cap >= most or rate < NEAR * by_cap:
        return None
    sum_ = f"{arm.cap} / {least_s:g} s = {numbers.number(by_cap)} req/s"
    return f"is limited by its cap: {arm.room}, {sum_}, the others queue"


def _by_what_is_asked(
    analysis: Analysis, cell: Cell, rate: float, least_s: float, most: float, busy: float
) -> str | None:
    if most == inf or rate < NEAR * most:
        return None
    share = f"{numbers.percent(rate / most)} of {_asked(analysis)}"
    if analysis.mode == OPEN:
        return f"answers {share}; {numbers.percent(busy)} of a core busy"
    return f"is limited by its users: {share} {cell.level} / {least_s:g} s = {numbers.number(most)} req/s"


def _by_services(analysis: Analysis, rows: pd.DataFrame, free: bool) -> str | None:
    """What serves the arm beside it (database, cache, slow API) shares its cores with the load generator, which goes first."""
    cores = analysis.run.head["cores"]["load"]
    services, load = (float(rows[column].astype(float).median()) for column in ("services_busy", "load_busy"))
    if not cores or not free or not services + load >= BUSY * len(cores) or services < load:
        return None
    return f"is limited by its services (database, cache, slow API): they used {numbers.percent(services)} of a core"


def _by_cpu(analysis: Analysis, cell: Cell, rate: float, most: float, busy: float) -> str:
    if busy >= BUSY * usable_cores(analysis, cell):
        return f"is limited by CPU: {numbers.percent(busy)} of a core"
    who = "users, cap and CPU" if analysis.mode == CLOSED else "cap and CPU"
    share = f"{numbers.percent(rate / most)} of {_asked(analysis)}, " if most < inf else ""
    return f"is limited by none of {who} alone: {share}{numbers.percent(busy)} of a core busy"


def _asked(analysis: Analysis) -> str:
    return "what is due" if analysis.mode == OPEN else "Little's bound"
