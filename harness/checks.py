"""Is a cell's figure worth anything? Checks over stored data: each gives a reason with number, limit and advice.

INVALID cells take no part in comparisons and are drawn hollow. FLAGGED cells are shown with the flag. Every check
here has a test in which it fires.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from harness import figures
from harness.analysis import Analysis
from harness.plan import Cell

FAILURES_MOST: Final = 0.001
EARLY_MS: Final = 2.0  # event loops count in whole milliseconds and may wake a millisecond early
LITTLE_TOLERANCE: Final = 1.01
LOAD_BUSY_MOST: Final = 0.70
STEAL_MOST: Final = 0.02
DRIFT_MOST: Final = 0.10


@dataclass(frozen=True)
class Reason:
    """Why a cell is INVALID, or FLAGGED."""

    cell: Cell
    invalid: bool
    text: str  # what was seen against what limit, and what to do


Check = Callable[[Analysis, Cell, pd.DataFrame], Iterator[str]]


def check(analysis: Analysis) -> list[Reason]:
    """All reasons of all cells, in the scenario's order."""
    reasons = []
    for cell in analysis.cells:
        rows = analysis.rows(cell)
        for checks, invalid in ((INVALIDATING, True), (FLAGGING, False)):
            reasons += [Reason(cell, invalid, text) for one in checks for text in one(analysis, cell, rows)]
    return reasons


def invalid_cells(reasons: list[Reason]) -> set[Cell]:
    """The cells that must not be compared."""
    return {reason.cell for reason in reasons if reason.invalid}


def refused(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """The twins' proof failed: another status or another body than the other arms."""
    why = analysis.refused.get((cell.arm, cell.endpoint))
    if why is not None:
        yield f"not loaded: {why}{_cause(analysis, cell)}"


def failures(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """A failure is not a number: more than 0.1 % of them and the rest cannot be called a rate."""
    requests, failed = int(rows.requests.sum()), int(rows.failures.sum())
    if requests and failed / requests > FAILURES_MOST:
        share = figures.percent(failed / requests)
        limit = figures.percent(FAILURES_MOST)
        yield f"{share} of {figures.count(requests)} requests failed (limit {limit}){_cause(analysis, cell)}"


def no_data(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Nothing came back in any window."""
    if not rows.ok_in_window.sum() and (cell.arm, cell.endpoint) not in analysis.refused:
        yield "no correct response in any window; lengthen load.slice_max_s or lower the users"


def too_early(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """An answer that comes sooner than its endpoint's wait did not do the work."""
    least_ms = _least_ms(analysis, cell)
    seen = rows.least_seen_ms.min()
    if seen < least_ms - EARLY_MS:
        takes = figures.number(least_ms)
        yield f"a response after {figures.number(seen)} ms where the work takes {takes} ms: it was not done"


def above_little(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Little's law: throughput × latency is the number in flight, and `users` users have at most `users` of them.

    Both are taken over the same windows (each request's time inside them), so that the law is exact and not
    only right in the long run.
    """
    in_flight = float(rows.in_flight.max())
    if in_flight > cell.users * LITTLE_TOLERANCE:
        seen = figures.number(in_flight)
        yield f"throughput × latency gives {seen} requests in flight where {cell.users} users have one each (Little's law)"
    least_s = _least_ms(analysis, cell) / 1000
    for row in rows.to_dict("records"):
        if least_s and row["ok_in_window"] > most_answers(cell.users, least_s, row):
            most, seen = figures.number(cell.users / least_s), figures.number(row["throughput_rps"])
            yield f"{seen} req/s where {cell.users} users that wait {least_s:g} s can make {most} (Little's law)"
            return


def above_cap(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """An arm with room for `cap` requests cannot answer more than cap / wait."""
    cap, least_s = analysis.run.scenario.arm(cell.arm).cap, _least_ms(analysis, cell) / 1000
    if cap is None or not least_s:
        return
    for row in rows.to_dict("records"):
        if row["ok_in_window"] > most_answers(cap, least_s, row):
            most, seen = figures.number(cap / least_s), figures.number(row["throughput_rps"])
            yield f"{seen} req/s where the declared cap of {cap} allows {most}: the cap is not what was declared"
            return


def most_answers(places: int, each_s: float, row: dict[Any, Any]) -> float:
    """Most answers that `places` places, each busy for `each_s` per answer, can give in a row's windows.

    One more per place and slice than the windows have room for: an answer may come just after a window opens.
    """
    return places * (float(row["window_s"]) / each_s * LITTLE_TOLERANCE + int(row["slices"]))


def load_maker_busy(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """A load maker that is short of CPU measures itself."""
    busy = rows.load_busy.astype(float).median()
    if busy > LOAD_BUSY_MOST:
        limit = figures.percent(LOAD_BUSY_MOST)
        yield f"the load maker used {figures.percent(busy)} of its core (limit {limit}): lower the users or add cores"


def unaccounted(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """What the load maker counted must be what is stored, to the unit."""
    count = int(rows.unaccounted.sum())
    if count:
        yield f"{figures.count(count)} requests are counted but not stored, or stored but not counted: the run folder is damaged"


def not_steady(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Throughput still moves when the slice ends: users that wait equally long fall into step, a queue still fills."""
    drift = rows.drift.astype(float).median()
    if abs(drift) > DRIFT_MOST:
        change = f"{'rose' if drift > 0 else 'fell'} by {figures.percent(abs(drift))}"
        yield f"not steady: throughput {change} from the first to the second half of its windows; lengthen load.slice_max_s"


def overloaded(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Work was left in the server; it was restarted before its next slice."""
    count = analysis.restarts.get(cell, 0)
    if count:
        yield f"overloaded: did not drain after {count} of its slices, so its arm was restarted each time"


def cut_short(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """The slice could not be ten latencies long: the throughput stands, the latency is that of a full queue."""
    longest = analysis.run.scenario.load.slice_max_s
    mean_ms = rows.mean_ms.astype(float).median()
    if mean_ms > longest * 1000:
        mean = figures.number(mean_ms)
        yield f"mean latency {mean} ms is longer than a slice ({longest:g} s): percentiles may still rise with time"


def stolen(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """The host gave this machine's time to another."""
    steal = rows.steal.median()
    if steal > STEAL_MOST:
        limit = figures.percent(STEAL_MOST)
        yield f"the host took {figures.percent(steal)} of a core (limit {limit}): run again on a quieter machine"


INVALIDATING: Final[tuple[Check, ...]] = (
    refused,
    failures,
    no_data,
    too_early,
    above_little,
    above_cap,
    unaccounted,
    load_maker_busy,
)
FLAGGING: Final[tuple[Check, ...]] = (overloaded, cut_short, not_steady, stolen)


def _least_ms(analysis: Analysis, cell: Cell) -> float:
    return {endpoint.label: endpoint.least_ms for endpoint in analysis.run.scenario.endpoints}[cell.endpoint]


def _cause(analysis: Analysis, cell: Cell) -> str:
    """What the arm's log says most often, if anything."""
    cause = analysis.causes.get(cell.arm)
    return f"; its log says: {cause}" if cause else "; see its log in blocks/*/logs/"
