"""Is a cell's figure worth anything? Checks over stored data: each gives a reason with number, limit and advice.

INVALID cells take no part in comparisons and are drawn hollow. FLAGGED cells are shown with the flag. Every check
here has a test in which it fires.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from weakref import WeakKeyDictionary

import pandas as pd

from harness import figures
from harness.analysis import Analysis
from harness.capacity import LOWEST_RATE
from harness.innocence import (
    load_maker_busy,
    near_ceiling,
    nearing_ceiling,
    offered,
    others_busy,
    send_lag,
    stolen,
    swapping,
    ticker_late,
    upstream_late,
)
from harness.modes import CAPACITY, CLOSED, OPEN
from harness.plan import Cell, max_in_flight

FAILURES_MOST: Final = 0.001
EARLY_MS: Final = 2.0  # event loops count in whole milliseconds and may wake a millisecond early
LITTLE_TOLERANCE: Final = 1.01  # of the number of users
LITTLE_MOST: Final = 0.05
THREADS_SURE: Final = 0.8  # of the mean number in flight: so many were surely in the server at once
DRIFT_MOST: Final = 0.10
MORE_CONNECTIONS: Final = ": raise database.max_connections, or lower threads or users"
ADVICE: Final = dict.fromkeys(("too many clients", "connection slots are reserved"), MORE_CONNECTIONS)
"""What to do about a cause that a log names."""


@dataclass(frozen=True)
class Reason:
    """Why a cell is INVALID, or FLAGGED."""

    cell: Cell
    invalid: bool
    text: str  # what was seen against what limit, and what to do


Check = Callable[[Analysis, Cell, pd.DataFrame], Iterator[str]]


_KNOWN: Final[WeakKeyDictionary[Analysis, list[Reason]]] = WeakKeyDictionary()
"""What was found of an analysis: every chart and every section asks again, and it takes longer than they do."""


def check(analysis: Analysis) -> list[Reason]:
    """All reasons of all cells, in the scenario's order."""
    if analysis not in _KNOWN:
        _KNOWN[analysis] = _checked(analysis)
    return list(_KNOWN[analysis])


def _checked(analysis: Analysis) -> list[Reason]:
    reasons: list[Reason] = []
    for cell in analysis.cells:
        rows, whole = analysis.rows(cell), analysis.whole(cell)
        if whole == cell:
            reasons += _found(INVALIDATING, True, analysis, cell, rows) + _found(FLAGGING, False, analysis, cell, rows)
        else:
            lost = [reason.text for reason in reasons if reason.cell == whole and reason.invalid]
            reasons += [
                Reason(cell, True, f"a part of {whole.endpoint}, which is INVALID: {text}") for text in lost[:1]
            ]
            flags = [reason.text for reason in reasons if reason.cell == whole and not reason.invalid]
            reasons += [] if lost else _found(OF_A_PART, True, analysis, cell, rows)
            reasons += [Reason(cell, False, f"{whole.endpoint} as a whole: {text}") for text in flags]
    return reasons


def _found(checks: Sequence[Check], invalid: bool, analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> list[Reason]:
    return [Reason(cell, invalid, text) for one in checks for text in one(analysis, cell, rows)]


def sound(analysis: Analysis) -> tuple[Analysis, list[Reason]]:
    """The analysis without floors of INVALID controls or originals (no margin is made of them), and all reasons."""
    reasons = check(analysis)
    lost = invalid_cells(reasons)
    floors = [
        one for one in analysis.floors if not {Cell(arm, one.endpoint, one.level) for arm in (one.arm, one.over)} & lost
    ]
    told = replace(analysis, floors=floors)
    _KNOWN[told] = reasons  # no check asks for a floor
    return told, reasons


def invalid_cells(reasons: list[Reason]) -> set[Cell]:
    """The cells that must not be compared."""
    return {reason.cell for reason in reasons if reason.invalid}


def refused(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """The twins' proof failed: another status or another body than the other arms."""
    why = analysis.refusal(cell)
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
    """Nothing came back in any window; in a search for capacity, no rate kept the promise."""
    if analysis.refusal(cell) or (len(rows) and rows.ok_in_window.sum()):
        return
    if analysis.mode == CAPACITY:
        yield f"{analysis.run.scenario.load.objective} was not kept at any rate from {LOWEST_RATE:g}/s: loosen the promise"
    else:
        yield "no correct response in any window: lengthen load.slice_max_s, or see the arm's log if requests failed"


def too_early(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """An answer that comes sooner than its endpoint's wait did not do the work."""
    least_ms = analysis.least_ms(cell)
    seen = rows.least_seen_ms.min()
    if seen < least_ms - EARLY_MS:
        takes = figures.number(least_ms)
        yield f"a response after {figures.number(seen)} ms where the work takes {takes} ms: it was not done"


def above_little(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Little's law: throughput × latency is the number in flight, and `users` users have at most `users` of them.

    Both are taken over the same windows (each request's time inside them), so that the law is exact and not
    only right in the long run.
    """
    if analysis.mode != CLOSED:
        return
    users, in_flight = int(cell.level), float(rows.in_flight.max())
    if in_flight > users * LITTLE_TOLERANCE:
        seen = figures.number(in_flight)
        yield f"throughput × latency gives {seen} requests in flight where {users} users have one each (Little's law)"
    least_s = analysis.least_ms(cell) / 1000
    for row in rows.to_dict("records"):
        if least_s and row["ok_in_window"] > most_answers(users, least_s, row):
            most, seen = figures.number(users / least_s), figures.number(row["throughput_rps"])
            yield f"{seen} req/s where {users} users that wait {least_s:g} s can make {most} (Little's law)"
            return


def off_little(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """In a steady state the number in flight is throughput × latency; where it is not, something is filling or emptying."""
    off = rows.little.astype(float).median()
    if abs(off) > LITTLE_MOST:
        word = "more" if off > 0 else "fewer"
        limit = figures.percent(LITTLE_MOST)
        seen = f"{figures.percent(abs(off))} {word} in flight than throughput × latency"
        yield f"{seen} (Little's law; limit {limit}): not steady, lengthen load.slice_max_s"


def above_cap(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """An arm with room for `cap` requests cannot answer more than cap / wait."""
    cap, least_s = analysis.run.scenario.arm(cell.arm).cap, analysis.least_ms(cell) / 1000
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


def too_few_threads(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """A thread pool that more requests wait for than it has threads has started all of them: fewer were not declared."""
    arm, busiest = analysis.run.scenario.arm(cell.arm), float(rows.in_flight.max())
    if "threads" not in arm.table.options or arm.cap is None or not analysis.least_ms(cell) or not len(rows):
        return
    expected, seen = min(arm.cap, int(busiest * THREADS_SURE)), rows.threads.max()
    if seen < expected:
        declared = f"{figures.count(busiest)} requests in flight, {arm.cap} threads declared"
        yield f"{declared}, and never more than {figures.count(seen)} threads seen: fewer threads than declared"


def dropped(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Arrivals that could not be sent: the arm is overloaded, which is an outcome and not a latency."""
    count, due = int(rows.dropped.sum()), int(rows.requests.sum() + rows.dropped.sum())
    if count:
        share = figures.percent(count / due)
        load = analysis.run.scenario.load
        most = figures.count(max_in_flight(load, float(cell.level))) if analysis.mode == OPEN else "the most"
        seen = f"{figures.count(count)} of {figures.count(due)} arrivals ({share}) found {most} requests under way"
        yield f"overloaded: {seen} (load.max_in_flight; limit 0 dropped): lower the rate, or raise it if the arm can hold more"


def unaccounted(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Scheduled = sent + dropped, and what the load maker counted is what is stored, to the unit."""
    count = int(rows.unaccounted.sum())
    if count:
        lost = f"{figures.count(count)} requests are scheduled or counted but not stored"
        yield f"{lost}, or the other way round: the run folder is damaged"


def unseen(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Every answered request was seen by the server's application, and it saw none that was not sent, to the unit."""
    count = int(rows.unseen.sum())
    if count:
        seen = f"the arm's processes counted {figures.count(count)} requests more than were sent, or fewer than were answered"
        yield f"{seen}: something else asked, or answered"


def wrong_workers(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """As many worker processes as asked, and the same ones from beginning to end."""
    asked = analysis.run.scenario.arm(cell.arm).workers
    restarted = int(rows.new_workers.astype(float).sum())
    if restarted:
        yield f"{restarted} of its workers were started while it was loaded: they ended and were replaced{_cause(analysis, cell)}"
        return
    seen = rows.workers.astype(float)
    wrong = seen[(seen != asked) & seen.notna()]
    if len(wrong):
        yield f"{figures.count(wrong.iloc[0])} worker processes where {asked} were asked for{_cause(analysis, cell)}"


def not_steady(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """It still moves when the slice ends: users that wait equally long fall into step, a queue still fills.

    Closed loop is judged by its throughput, open loop, where that is given, by its latency.
    """
    what, column = ("throughput", "throughput_drift") if analysis.mode == CLOSED else ("latency", "latency_drift")
    drift = rows[column].astype(float).median()
    change = f"{what} {'rose' if drift > 0 else 'fell'} by {figures.percent(abs(drift))}"
    if abs(drift) > DRIFT_MOST:
        yield f"not steady: {change} from the first to the second half of its windows; lengthen load.slice_max_s"
    elif rows.unsettled.mean() > 0.5:
        where = f"in {int(rows.unsettled.sum())} of {len(rows)} blocks"
        yield f"not steady: had not settled within half of its windows {where} (MSER-5); lengthen load.slice_max_s"


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


INVALIDATING: Final[tuple[Check, ...]] = (
    refused,
    failures,
    no_data,
    dropped,
    too_early,
    above_little,
    above_cap,
    too_few_threads,
    unaccounted,
    unseen,
    wrong_workers,
    offered,
    send_lag,
    ticker_late,
    load_maker_busy,
    near_ceiling,
    swapping,
)
OF_A_PART: Final[tuple[Check, ...]] = (failures, no_data, too_early)
"""What can be wrong with one endpoint of a mix alone; the rest is asked of the mix."""
FLAGGING: Final[tuple[Check, ...]] = (
    overloaded,
    cut_short,
    not_steady,
    off_little,
    nearing_ceiling,
    upstream_late,
    others_busy,
    stolen,
)


def _cause(analysis: Analysis, cell: Cell) -> str:
    """What the arm's log says most often, if anything."""
    cause = analysis.causes.get(cell.arm)
    advice = next((told for sign, told in ADVICE.items() if sign in (cause or "")), "")
    return f"; its log says: {cause}{advice}" if cause else "; see its log in blocks/*/logs/"
