"""Checks on the load generator and the machine: everything in the measurement but the arm itself. Pure.

Each takes the analysis, a cell and its rows, and gives reasons in words: what was seen against what limit, and what to do.
"""

from collections.abc import Iterator
from math import inf
from typing import Final

import numpy as np

from harness.analysis.analysis import Analysis
from harness.analysis.cell_blocks import CellBlocks
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.load_modes import CLOSED
from harness.samples import OTHERS_MOST, STEAL_MOST, TICK_LATE_MS
from harness.statistics.binomial import surely_more

OFFERED_MOST, OFFERED_FEW = 0.01, 3

MIB: Final = 2**20

LATE_SHARE: Final = 0.01  # p99: so many may be later than the limit

CEILING_MOST, CEILING_WARN = 0.50, 0.35  # of the load generator's ceiling

LOAD_BUSY_MOST: Final = 0.70

UPSTREAM_LATE_MS, UPSTREAM_LATE_SHARE = 1.0, 0.05


def load_generator_busy(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """A load generator short of CPU measures itself."""
    cores = load_cores(analysis)
    busy = rows.median("load_busy") / cores
    if busy > LOAD_BUSY_MOST:
        where = "its core" if cores == 1 else f"its {cores} cores"
        limit = numbers.percent(LOAD_BUSY_MOST)
        yield f"load generator CPU {numbers.percent(busy)} of {where} (limit {limit}): lower the level or add cores"


def near_ceiling(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Above half of the load generator's ceiling."""
    yield from _near_ceiling(analysis, rows, CEILING_MOST, inf)


def nearing_ceiling(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Above a third of it: the next level may be too high."""
    yield from _near_ceiling(analysis, rows, CEILING_WARN, CEILING_MOST)


def send_lag(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Load-generator scheduling lag: one block with p99 significantly over the limit is enough."""
    for row in rows.each("block", "requests", "lagging", "lag_p99_ms", "lag_limit_ms"):
        if surely_more(int(row["lagging"]), int(row["requests"]), LATE_SHARE):
            lag, limit = numbers.number(row["lag_p99_ms"]), numbers.number(row["lag_limit_ms"])
            advice = "load-generator scheduling lag; run again on a quieter machine or lower the rate"
            yield f"send lag p99 {lag} ms in block {row['block']:.0f} (limit {limit} ms): {advice}"
            return


def ticker_late(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """The load generator's own 10 ms clock: a stopped or starved load generator sends no late requests that would show it."""
    for row in rows.each("block", "ticks", "late_ticks", "worst_tick_ms"):
        if surely_more(int(row["late_ticks"]), int(row["ticks"]), LATE_SHARE) and row["worst_tick_ms"] > TICK_LATE_MS:
            worst = numbers.number(row["worst_tick_ms"])
            share = f"{int(row['late_ticks'])} of {int(row['ticks'])} ticks of the load generator's 10 ms clock late"
            limit = f"worst {worst} ms (limit: 1 % above {TICK_LATE_MS:g} ms)"
            advice = "the load generator stalled; run again on a quieter machine"
            yield f"send lag: {share} in block {row['block']:.0f}, {limit}: {advice}"
            return


def offered(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Arrivals due in a slice have to be sent in it. (The schedule's own deviation from its rate is not checked.)"""
    if analysis.mode == CLOSED:
        return
    for row in rows.each("block", "requests", "dropped", "sent_in_slice", "slice_s"):
        due, in_time = row["requests"] + row["dropped"], row["sent_in_slice"] + row["dropped"]
        if due - in_time > max(OFFERED_MOST * due, OFFERED_FEW):
            sent, wanted = numbers.number(in_time / row["slice_s"]), numbers.number(due / row["slice_s"])
            yield f"{sent}/s sent of {wanted}/s due in block {row['block']:.0f} (limit 1 %): the load generator did not keep up"
            return


def swapping(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Swapping during the measurement."""
    swapped = rows.sum("swapped_bytes")
    if swapped > 0:
        yield f"{numbers.number(swapped / MIB)} MiB swapped (limit 0): free memory or lower the level"


def stolen(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """CPU steal: the hypervisor ran another machine."""
    steal = rows.median("steal")
    if steal > STEAL_MOST:
        limit = numbers.percent(STEAL_MOST)
        yield f"CPU steal {numbers.percent(steal)} of a core (limit {limit}): run again on a quieter machine"


def others_busy(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """CPU of processes that are not part of the measurement."""
    busy = rows.median("others")
    if busy > OTHERS_MOST:
        limit = numbers.percent(OTHERS_MOST)
        yield f"other processes used {numbers.percent(busy)} of a core (limit {limit}): stop them and run again"


def upstream_late(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """The slow API answered later than requested, which adds to the latency."""
    late_ms, least_ms = rows.median("upstream_late_ms"), analysis.usual_ms(cell)
    limit_ms = max(UPSTREAM_LATE_MS, UPSTREAM_LATE_SHARE * least_ms)
    if late_ms > limit_ms:
        late, limit = numbers.number(late_ms), numbers.number(limit_ms)
        yield f"slow API late by {late} ms (p99; limit {limit} ms): it shares the load generator's cores, lower the level"


def uneven(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """An A/A pair that differs: the same arm twice, so it is the machine or a bad start, and may be so elsewhere too."""
    for one in analysis.uneven:
        if (one.arm, one.endpoint, one.level) == (cell.arm, cell.endpoint, cell.level):
            ratio, p = numbers.ratio(one.ratio), numbers.probability(one.p)
            seen = f"A/A: {analysis.metrics[0].title} is {ratio} that of {one.over}, the same arm ({p})"
            yield f"{seen}: read small differences with care"


def load_cores(analysis: Analysis) -> int:
    """Cores available to the load generator."""
    cores = analysis.run.head["cores"]["load"]
    processes = int(analysis.run.scenario.load.processes)
    return min(processes, len(cores)) if cores else processes


def _near_ceiling(analysis: Analysis, rows: CellBlocks, above: float, below: float) -> Iterator[str]:
    ceiling = analysis.run.head["calibration"].get("ceiling_rps")
    if not ceiling or not len(rows):
        return
    rate = float(np.median((rows["requests"] + rows["dropped"]) / rows["slice_s"]))
    if above < rate / ceiling <= below:
        share, most = numbers.percent(rate / ceiling), numbers.percent(above)
        seen = f"{numbers.number(rate)}/s is {share} of the load generator's ceiling of {numbers.number(ceiling)}/s"
        yield f"{seen} (limit {most}): lower the level or raise load.processes"
