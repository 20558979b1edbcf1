"""The bottleneck of a cell: concurrency limit, offered load, services, CPU, or no single one. Pure."""

from math import inf
from typing import Final

from harness.analysis.analysis import Analysis
from harness.analysis.cell_blocks import CellBlocks
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.load_modes import CLOSED, OPEN

NEAR: Final = 0.92  # of a bound: close enough to call it the bottleneck

BUSY: Final = 0.90  # of the cores an arm can use; a slice's drain, in which load falls, is part of the time

CONCURRENCY_LIMIT, OFFERED_LOAD, SERVICES, CPU, NO_SINGLE_ONE = "concurrency", "offered", "services", "cpu", "none"
"""Kinds of bottleneck, in the order in which they are looked for."""


def describe(analysis: Analysis, cell: Cell) -> str | None:
    """The cell's bottleneck in words; None without a throughput, or where CPU is not known."""
    found = find(analysis, cell)
    return found[1] if found else None


def find(analysis: Analysis, cell: Cell) -> tuple[str, str] | None:
    """(kind, words): CONCURRENCY_LIMIT, OFFERED_LOAD, SERVICES, CPU or NO_SINGLE_ONE."""
    rows = analysis.rows(cell)
    rate, busy = (rows.median(column) for column in ("throughput_rps", "server_busy"))
    if not rate > 0 or busy != busy:
        return None
    least_s = analysis.mean_ms(cell) / 1000
    most = _offered(analysis, cell, rows, least_s)
    full = busy >= BUSY * usable_cores(analysis, cell)
    told = {
        CONCURRENCY_LIMIT: _by_concurrency(analysis, cell, rate, least_s, most),
        OFFERED_LOAD: _by_offered_load(analysis, cell, rate, least_s, most, busy),
        SERVICES: _by_services(analysis, rows, not full),
        CPU if full else NO_SINGLE_ONE: _by_cpu(analysis, cell, rate, most, busy),
    }
    return next((kind, text) for kind, text in told.items() if text)


def usable_cores(analysis: Analysis, cell: Cell) -> int:
    """Cores an arm can use at most: one per worker process (the GIL), no more than it was given."""
    cores = analysis.run.head["cores"]["server"]
    workers = analysis.run.scenario.arm(cell.arm).workers
    return min(workers, len(cores)) if cores else workers


def _offered(analysis: Analysis, cell: Cell, rows: CellBlocks, least_s: float) -> float:
    """The most that the load asks for: users / wait in closed loop (Little's law), the arrivals in open loop; else no bound."""
    if analysis.mode == OPEN:
        return rows.median("due_rps")
    return cell.level / least_s if least_s and analysis.mode == CLOSED else inf


def _by_concurrency(analysis: Analysis, cell: Cell, rate: float, least_s: float, most: float) -> str | None:
    arm = analysis.run.scenario.arm(cell.arm)
    bound = arm.most_rps(1000 * least_s)
    if bound >= most or rate < NEAR * bound:
        return None
    pool = "thread pool" if "threads" in arm.table.options else "concurrency limit"
    return f"bottleneck: {pool} saturated ({arm.concurrency_limit} / {least_s:g} s = {numbers.number(bound)} req/s max)"


def _by_offered_load(
    analysis: Analysis, cell: Cell, rate: float, least_s: float, most: float, busy: float
) -> str | None:
    if most == inf or rate < NEAR * most:
        return None
    share = f"{numbers.percent(rate / most)} of {_asked(analysis)}"
    if analysis.mode == OPEN:
        return f"keeps up with the load: {share}, {numbers.percent(busy)} of a core"
    return f"bottleneck: number of users ({share}: {cell.level} / {least_s:g} s = {numbers.number(most)} req/s)"


def _by_services(analysis: Analysis, rows: CellBlocks, free: bool) -> str | None:
    """Database, cache and slow API share their cores with the load generator, which has priority."""
    cores = analysis.run.head["cores"]["load"]
    services, load = (rows.median(column) for column in ("services_busy", "load_busy"))
    if not cores or not free or not services + load >= BUSY * len(cores) or services < load:
        return None
    return f"bottleneck: services (database, cache, slow API), {numbers.percent(services)} of a core"


def _by_cpu(analysis: Analysis, cell: Cell, rate: float, most: float, busy: float) -> str:
    if busy >= BUSY * usable_cores(analysis, cell):
        return f"bottleneck: CPU ({numbers.percent(busy)} of a core)"
    share = f", {numbers.percent(rate / most)} of {_asked(analysis)}" if most < inf else ""
    return f"no single bottleneck ({numbers.percent(busy)} of a core{share})"


def _asked(analysis: Analysis) -> str:
    return "the offered rate" if analysis.mode == OPEN else "the user limit"
