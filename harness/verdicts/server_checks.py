"""Checks about the arm itself: what failed, what was too fast to be true, what was not steady, dropped or unseen.

Each is a function (analysis, cell, its rows) that yields a reason with figure, limit and advice; verdicts.validity lists them.
"""

from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.plan.capacity_search import LOWEST_RATE
from harness.plan.layout import max_in_flight
from harness.plan.slices import Cell
from harness.registry.load_modes import CAPACITY, CLOSED, OPEN

FAILURES_MOST: Final = 0.001

EARLY_MS: Final = 2.0  # event loops count in whole milliseconds and may wake a millisecond early

LITTLE_TOLERANCE: Final = 1.01  # of the number of users

LITTLE_MOST: Final = 0.05

THREADS_SURE: Final = 0.8  # of the mean number in flight: so many were surely in the server at once

DRIFT_MOST: Final = 0.10

MORE_CONNECTIONS: Final = ": raise database.max_connections, or lower threads or users"

ADVICE: Final = dict.fromkeys(("too many clients", "connection slots are reserved"), MORE_CONNECTIONS)
"""What to do about a cause that a log names."""


def refused(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """The twins' proof failed: another status or another body than the other arms."""
    why = analysis.refusal(cell)
    if why is not None:
        yield f"not loaded: {why}{_cause(analysis, cell)}"


def failures(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """A failure is not a number: more than 0.1 % of them and the rest cannot be called a rate."""
    requests, failed = int(rows.requests.sum()), int(rows.failures.sum())
    if requests and failed / requests > FAILURES_MOST:
        share = numbers.percent(failed / requests)
        limit = numbers.percent(FAILURES_MOST)
        yield f"{share} of {numbers.count(requests)} requests failed (limit {limit}){_cause(analysis, cell)}"


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
        takes = numbers.number(least_ms)
        yield f"a response after {numbers.number(seen)} ms where the work takes {takes} ms: it was not done"


def above_little(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Little's law: throughput × latency is the number in flight, and `users` users have at most `users` of them.

    Both are taken over the same windows (each request's time inside them), so that the law is exact and not
    only right in the long run.
    """
    if analysis.mode != CLOSED:
        return
    users, in_flight = int(cell.level), float(rows.in_flight.max())
    if in_flight > users * LITTLE_TOLERANCE:
        seen = numbers.number(in_flight)
        yield f"throughput × latency gives {seen} requests in flight where {users} users have one each (Little's law)"
    least_s = analysis.least_ms(cell) / 1000
    for row in rows.to_dict("records"):
        if least_s and row["ok_in_window"] > most_answers(users, least_s, row):
            most, seen = numbers.number(users / least_s), numbers.number(row["throughput_rps"])
            yield f"{seen} req/s where {users} users that wait {least_s:g} s can make {most} (Little's law)"
            return


def off_little(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """In a steady state the number in flight is throughput × latency; where it is not, something is filling or emptying."""
    off = rows.little.astype(float).median()
    if abs(off) > LITTLE_MOST:
        word = "more" if off > 0 else "fewer"
        limit = numbers.percent(LITTLE_MOST)
        seen = f"{numbers.percent(abs(off))} {word} in flight than throughput × latency"
        yield f"{seen} (Little's law; limit {limit}): not steady, lengthen load.slice_max_s"


def above_cap(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """An arm with room for `cap` requests cannot answer more than cap / wait."""
    cap, least_s = analysis.run.scenario.arm(cell.arm).cap, analysis.least_ms(cell) / 1000
    if cap is None or not least_s:
        return
    for row in rows.to_dict("records"):
        if row["ok_in_window"] > most_answers(cap, least_s, row):
            most, seen = numbers.number(cap / least_s), numbers.number(row["throughput_rps"])
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
        declared = f"{numbers.count(busiest)} requests in flight, {arm.cap} threads declared"
        yield f"{declared}, and never more than {numbers.count(seen)} threads seen: fewer threads than declared"


def dropped(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Arrivals that could not be sent: the arm is overloaded, which is an outcome and not a latency."""
    count, due = int(rows.dropped.sum()), int(rows.requests.sum() + rows.dropped.sum())
    if count:
        share = numbers.percent(count / due)
        load = analysis.run.scenario.load
        most = numbers.count(max_in_flight(load, float(cell.level))) if analysis.mode == OPEN else "the most"
        seen = f"{numbers.count(count)} of {numbers.count(due)} arrivals ({share}) found {most} requests under way"
        yield f"overloaded: {seen} (load.max_in_flight; limit 0 dropped): lower the rate, or raise it if the arm can hold more"


def unaccounted(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Scheduled = sent + dropped, and what the load generator counted is what is stored, to the unit."""
    count = int(rows.unaccounted.sum())
    if count:
        lost = f"{numbers.count(count)} requests are scheduled or counted but not stored"
        yield f"{lost}, or the other way round: the run folder is damaged"


def unseen(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """Every answered request was seen by the server's application, and it saw none that was not sent, to the unit."""
    count = int(rows.unseen.sum())
    if count:
        seen = f"the arm's processes counted {numbers.count(count)} requests more than were sent, or fewer than were answered"
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
        yield f"{numbers.count(wrong.iloc[0])} worker processes where {asked} were asked for{_cause(analysis, cell)}"


def not_steady(analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> Iterator[str]:
    """It still moves when the slice ends: users that wait equally long fall into step, a queue still fills.

    Closed loop is judged by its throughput, open loop, where that is given, by its latency.
    """
    what, column = ("throughput", "throughput_drift") if analysis.mode == CLOSED else ("latency", "latency_drift")
    drift = rows[column].astype(float).median()
    change = f"{what} {'rose' if drift > 0 else 'fell'} by {numbers.percent(abs(drift))}"
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
    longest = analysis.run.scenario.load.longest_s
    mean_ms = rows.mean_ms.astype(float).median()
    if mean_ms > longest * 1000:
        mean = numbers.number(mean_ms)
        yield f"mean latency {mean} ms is longer than a slice ({longest:g} s): percentiles may still rise with time"


def _cause(analysis: Analysis, cell: Cell) -> str:
    """What the arm's log says most often, if anything."""
    cause = analysis.causes.get(cell.arm)
    advice = next((told for sign, told in ADVICE.items() if sign in (cause or "")), "")
    return f"; its log says: {cause}{advice}" if cause else "; see its log in blocks/*/logs/"
