"""Checks on the arm itself: failures, impossible figures, no steady state, dropped or uncounted requests.

Each is a function (analysis, cell, its rows) that yields a reason with figure, limit and advice; verdicts.validity lists them.
"""

from collections.abc import Iterator
from typing import Final

from harness.analysis.analysis import Analysis
from harness.analysis.cell_blocks import CellBlocks
from harness.formatting import numbers
from harness.plan.confirmation import LOWEST_RATE
from harness.plan.layout import max_in_flight
from harness.plan.slices import Cell
from harness.registry.load_modes import CAPACITY, CLOSED, OPEN
from harness.statistics import steady_state

FAILURES_MOST: Final = 0.001

EARLY_MS: Final = 2.0  # event loops count in whole milliseconds and may wake a millisecond early

LITTLE_TOLERANCE: Final = 1.01  # of the number of users

LITTLE_MOST: Final = 0.05

THREADS_SURE: Final = 0.8  # of the mean number in flight: so many were surely in the server at once

DRIFT_MOST: Final = 0.10

NOT_STEADY: Final = "no steady state"

ANSWERS: Final = ("ok_in_window", "throughput_rps", "window_s", "slices")
"""Of a row, what says how many answers came, and how many could."""

MORE_CONNECTIONS: Final = ": raise database.max_connections, or lower threads or users"

ONE_WRITER: Final = (
    ": SQLite has one writer at a time: `writes = true` on its pages gives each arm a database of its own"
)

ADVICE: Final = {
    **dict.fromkeys(("too many clients", "connection slots are reserved"), MORE_CONNECTIONS),
    "database is locked": ONE_WRITER,
}
"""Advice for known causes in a log."""


def refused(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Verification failed: another status or another body than the other arms."""
    why = analysis.refusal(cell)
    if why is not None:
        yield f"not measured: {why}{_cause(analysis, cell)}"


def failures(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """More than 0.1 % of requests failed: throughput and latency of the rest mean nothing."""
    requests, failed = int(rows.sum("requests")), int(rows.sum("failures"))
    if requests and failed / requests > FAILURES_MOST:
        share = numbers.percent(failed / requests)
        limit = numbers.percent(FAILURES_MOST)
        yield f"{share} of {numbers.count(requests)} requests failed (limit {limit}){_cause(analysis, cell)}"


def no_data(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """No correct response in any window; in a capacity search, no rate met the objective."""
    if analysis.refusal(cell) or (len(rows) and rows.sum("ok_in_window")):
        return
    if analysis.mode == CAPACITY:
        yield f"{analysis.run.scenario.load.objective} was not met at any rate down to {LOWEST_RATE:g}/s: loosen the objective"
    else:
        yield "no correct response in any window: raise load.slice_max_s, or see the arm's log if requests failed"


def not_in_every_block(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """In a capacity search the highest rate is the lowest of the blocks in which one met the objective."""
    found = [one for one in analysis.found if (one["arm"], one["endpoint"]) == (cell.arm, cell.endpoint)]
    none = sum(one["rate"] is None for one in found)
    if 0 < none < len(found):
        yield f"in {none} of {len(found)} blocks no rate met the objective; the highest rate is that of the others"


def strange(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Answers of a page whose words differ, kept under load, that differ in others, too."""
    count, how = analysis.strange.get((cell.arm, cell.endpoint), (0, ""))
    if count:
        yield f"{count} answers under load, of one kept in each slice, are unlike those before it: {how}"


def too_early(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """A response faster than its endpoint's minimum time skipped the workload."""
    least_ms = analysis.least_ms(cell)
    seen = rows.min("least_seen_ms")
    if seen < least_ms - EARLY_MS:
        takes = numbers.number(least_ms)
        yield f"fastest response {numbers.number(seen)} ms, minimum possible {takes} ms: the endpoint skipped its workload"


def above_little(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Little's law: throughput × latency is the number in flight, and `users` users have at most `users` of them.

    Both are taken over the same windows (each request's time inside them), so that the law is exact and not
    only right in the long run.
    """
    if analysis.mode != CLOSED:
        return
    users, in_flight = int(cell.level), rows.max("in_flight")
    if in_flight > users * LITTLE_TOLERANCE:
        seen = numbers.number(in_flight)
        yield f"Little's law: throughput × latency gives {seen} requests in flight, {users} users can have at most {users}"
    least_s = analysis.usual_ms(cell) / 1000
    for row in rows.each(*ANSWERS):
        if least_s and row["ok_in_window"] > most_answers(users, least_s, row):
            most, seen = numbers.number(users / least_s), numbers.number(row["throughput_rps"])
            yield f"Little's law: {seen} req/s, {users} users with {least_s:g} s per request can make at most {most}"
            return


def off_little(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """In steady state the number in flight is throughput × latency (Little's law); otherwise a queue is filling or emptying."""
    off = rows.median("little")
    if steady_state.surely_off(rows["little"], LITTLE_MOST):
        limit = numbers.percent(LITTLE_MOST)
        yield f"Little's-law check off by {numbers.percent(abs(off))} (tolerance {limit}): {_longer(analysis)}"


def above_concurrency_limit(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Throughput cannot exceed the concurrency limit divided by the wait."""
    limit, least_s = analysis.run.scenario.arm(cell.arm).concurrency_limit, analysis.usual_ms(cell) / 1000
    if limit is None or not least_s:
        return
    for row in rows.each(*ANSWERS):
        if row["ok_in_window"] > most_answers(limit, least_s, row):
            most, seen = numbers.number(limit / least_s), numbers.number(row["throughput_rps"])
            yield f"{seen} req/s, a concurrency limit of {limit} allows at most {most}: the limit was not in force"
            return


def most_answers(places: int, each_s: float, row: dict[str, float]) -> float:
    """Most responses of `places` workers, each busy for `each_s` per response, in a row's windows.

    One more per worker and slice than fits: a response may come just after a window opens.
    """
    return places * (row["window_s"] / each_s * LITTLE_TOLERANCE + row["slices"])


def too_few_threads(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """A thread pool with more requests than threads has started all of its threads: fewer means a smaller pool than declared."""
    arm, busiest = analysis.run.scenario.arm(cell.arm), rows.max("in_flight")
    if (
        "threads" not in arm.table.options
        or arm.concurrency_limit is None
        or not analysis.usual_ms(cell)
        or not busiest > 0
    ):
        return
    expected, seen = min(arm.concurrency_limit, int(busiest * THREADS_SURE)), rows.max("threads")
    if seen < expected:
        declared = f"{arm.concurrency_limit} declared, {numbers.count(busiest)} requests in flight"
        yield f"at most {numbers.count(seen)} threads seen ({declared}): the thread pool is smaller than declared"


def dropped(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Arrivals that could not be sent: the arm is overloaded."""
    count, due = int(rows.sum("dropped")), int(rows.sum("requests") + rows.sum("dropped"))
    if count:
        share = numbers.percent(count / due)
        load = analysis.run.scenario.load
        most = numbers.count(max_in_flight(load, float(cell.level))) if analysis.mode == OPEN else "the limit"
        seen = f"{numbers.count(count)} of {numbers.count(due)} arrivals ({share}) dropped at {most} requests in flight"
        yield f"overloaded: {seen} (limit 0 dropped): lower the rate, or raise load.max_in_flight if the arm can take more"


def unaccounted(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Scheduled = sent + dropped, and the load generator's counts equal the stored ones, exactly."""
    count = int(rows.sum("unaccounted"))
    if count:
        yield f"{numbers.count(count)} requests differ between schedule, counters and storage: the run folder is damaged"


def unseen(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """The application counted every answered request and none that was not sent, exactly."""
    count = int(rows.sum("unseen"))
    if count:
        seen = f"{numbers.count(count)} requests differ between load generator and application"
        yield f"{seen}: another client sent requests, or another server answered"


def wrong_workers(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """The declared number of worker processes, and the same ones throughout."""
    asked = analysis.run.scenario.arm(cell.arm).workers
    restarted = int(rows.sum("new_workers"))
    if restarted:
        yield f"{restarted} workers exited under load and were replaced{_cause(analysis, cell)}"
        return
    wrong = [seen for seen in rows.known("workers") if seen != asked]
    if wrong:
        yield f"{numbers.count(wrong[0])} worker processes, expected {asked}{_cause(analysis, cell)}"


def not_steady(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """No steady state by the end of the slice: users with equal waits stay in lockstep, or a queue still fills.

    Closed loop is judged by throughput, open loop, where throughput is given, by latency.
    """
    what, column = ("throughput", "throughput_drift") if analysis.mode == CLOSED else ("latency", "latency_drift")
    drift = rows.median(column)
    change = f"{what} {'rose' if drift > 0 else 'fell'} {numbers.percent(abs(drift))}"
    if steady_state.surely_off(rows[column], DRIFT_MOST):
        yield f"{NOT_STEADY}: {change} within the slice (limit {numbers.percent(DRIFT_MOST)}); {_longer(analysis)}"
    elif rows.sum("unsettled") > 0.5 * len(rows):
        where = f"in {numbers.count(rows.sum('unsettled'))} of {len(rows)} blocks"
        yield f"{NOT_STEADY}: not settled within half the slice {where} (MSER-5); {_longer(analysis)}"


def overloaded(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """Requests were left in the server; it was restarted before its next slice."""
    count = analysis.restarts.get(cell, 0)
    if count:
        yield f"overloaded: did not drain after {count} slices; the arm was restarted after each"


def cut_short(analysis: Analysis, cell: Cell, rows: CellBlocks) -> Iterator[str]:
    """The slice was ended before its latencies fitted in: throughput is valid, latency is that of a saturated queue."""
    longest = analysis.run.scenario.load.longest_s
    mean_ms = rows.median("mean_ms")
    if mean_ms > longest * 1000:
        mean = numbers.number(mean_ms)
        yield f"mean latency {mean} ms exceeds the slice ({longest:g} s): percentiles may still rise; raise load.slice_max_s"


def _longer(analysis: Analysis) -> str:
    """The key that makes slices longer."""
    return f"raise load.{'slice_s' if analysis.mode == CLOSED else 'slice_max_s'}"


def _cause(analysis: Analysis, cell: Cell) -> str:
    """The most frequent exception in the arm's log, if any."""
    cause = analysis.causes.get(cell.arm)
    advice = next((told for sign, told in ADVICE.items() if sign in (cause or "")), "")
    return f"; log: {cause}{advice}" if cause else "; see its log in blocks/*/logs/"
