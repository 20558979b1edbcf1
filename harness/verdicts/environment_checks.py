"""Checks on the load generator and the machine: everything in the measurement but the arm itself. Pure.

Each takes the analysis, a cell and its rows, and gives reasons in words: what was seen against what limit, and what to do.
"""

from collections.abc import Iterator
from math import inf
from typing import Final

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.cells import MIB
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.load_modes import CLOSED
from harness.samples import OTHERS_MOST, STEAL_MOST, TICK_LATE_MS
from harness.statistics.binomial import surely_more

OFFERED_MOST, OFFERED_FEW = 0.01, 3

LATE_SHARE: Final = 0.01  # p99: so many may be later than the limit

CEILING_MOST, CEILING_WARN = 0.50, 0.35  # of what the load generator can offer at all

LOAD_BUSY_MOST: Final = 0.70

UPSTREAM_LATE_MS, UPSTREAM_LATE_SHARE = 1.0, 0.05


def load_generator_busy(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """A load generator that is short of CPU measures itself."""
    cores = load_cores(analysis)
    busy = rows.load_busy.astype(float).median() / cores
    if busy > LOAD_BUSY_MOST:
        where = "its core" if cores == 1 else f"its {cores} cores"
        limit = numbers.percent(LOAD_BUSY_MOST)
        yield f"the load generator used {numbers.percent(busy)} of {where} (limit {limit}): lower the level or add cores"


def near_ceiling(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """More than half of what the load generator can offer at all."""
    yield from _near_ceiling(analysis, rows, CEILING_MOST, inf)


def nearing_ceiling(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """More than a third of it: the next level may be too much."""
    yield from _near_ceiling(analysis, rows, CEILING_WARN, CEILING_MOST)


def send_lag(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Requests that leave late measure the load generator. One block in which p99 is surely over the limit is enough."""
    for row in rows.to_dict("records"):
        if surely_more(int(row["lagging"]), int(row["requests"]), LATE_SHARE):
            lag, limit = numbers.number(row["lag_p99_ms"]), numbers.number(row["lag_limit_ms"])
            advice = "the load generator was late, not the server; run again on a quieter machine or lower the rate"
            yield f"send lag p99 {lag} ms in block {row['block']} (limit {limit} ms): {advice}"
            return


def ticker_late(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """The load generator's own 10 ms clock: stopped, starved or stuck, it cannot say so in its requests."""
    for row in rows.to_dict("records"):
        if surely_more(int(row["late_ticks"]), int(row["ticks"]), LATE_SHARE) and row["worst_tick_ms"] > TICK_LATE_MS:
            worst = numbers.number(row["worst_tick_ms"])
            share = (
                f"{int(row['late_ticks'])} of {int(row['ticks'])} ticks of the load generator's 10 ms clock were late"
            )
            limit = f"the worst by {worst} ms (limit: 1 % later than {TICK_LATE_MS:g} ms)"
            advice = "the load generator stood still; run again on a quieter machine"
            yield f"send lag: {share} in block {row['block']}, {limit}: {advice}"
            return


def offered(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """What was due has to be sent within its slice. (How far a schedule is from its rate is Poisson's, and not checked.)"""
    if analysis.mode == CLOSED:
        return
    for row in rows.to_dict("records"):
        due, in_time = row["requests"] + row["dropped"], row["sent_in_slice"] + row["dropped"]
        if due - in_time > max(OFFERED_MOST * due, OFFERED_FEW):
            sent, wanted = numbers.number(in_time / row["slice_s"]), numbers.number(due / row["slice_s"])
            seen = f"{sent}/s were sent in block {row['block']} where {wanted}/s were due"
            yield f"{seen} (limit 1 %): the load generator did not keep up"
            return


def swapping(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Memory that comes from a disk is not memory."""
    swapped = rows.swapped_bytes.astype(float).sum()
    if swapped > 0:
        yield f"{numbers.number(swapped / MIB)} MiB were swapped meanwhile (limit 0): free memory or lower the level"


def stolen(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """The host gave this machine's time to another."""
    steal = rows.steal.median()
    if steal > STEAL_MOST:
        limit = numbers.percent(STEAL_MOST)
        yield f"the host took {numbers.percent(steal)} of a core (limit {limit}): run again on a quieter machine"


def others_busy(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Something else ran on this machine."""
    busy = rows.others.astype(float).median()
    if busy > OTHERS_MOST:
        limit = numbers.percent(OTHERS_MOST)
        yield f"other processes used {numbers.percent(busy)} of a core (limit {limit}): end them and run again"


def upstream_late(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """A slow API that is slower than asked is part of the figure."""
    late_ms, least_ms = rows.upstream_late_ms.astype(float).median(), analysis.least_ms(cell)
    limit_ms = max(UPSTREAM_LATE_MS, UPSTREAM_LATE_SHARE * least_ms)
    if late_ms > limit_ms:
        late, limit = numbers.number(late_ms), numbers.number(limit_ms)
        seen = f"the slow API answered up to {late} ms later than asked (p99; limit {limit} ms)"
        yield f"{seen}: it shares the load's cores, lower the level"


def load_cores(analysis: Analysis) -> int:
    """How many cores the load generator can use."""
    cores = analysis.run.head["cores"]["load"]
    processes = int(analysis.run.scenario.load.processes)
    return min(processes, len(cores)) if cores else processes


def _near_ceiling(analysis: Analysis, rows: pd.DataFrame, above: float, below: float) -> Iterator[str]:
    ceiling = analysis.run.head["calibration"].get("ceiling_rps")
    if not ceiling or not len(rows):
        return
    rate = float(((rows.requests + rows.dropped) / rows.slice_s).median())
    if above < rate / ceiling <= below:
        share, most = numbers.percent(rate / ceiling), numbers.percent(above)
        seen = f"{numbers.number(rate)}/s is {share} of the {numbers.number(ceiling)}/s that the load generator can make here"
        yield f"{seen} (limit {most}): lower the level or set load.processes"
