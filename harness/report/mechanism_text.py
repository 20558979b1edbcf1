"""The mechanism of a cell in words, beside its numbers: negligible figures are left out. Pure."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.verdicts.mechanism import Explained, Mechanism

NOTHING: Final = 0.05  # per request

LATE_MS: Final = 5.0

LITTLE_MS: Final = 0.05

LITTLE_SHARE: Final = 0.01  # of the time in the application

UNEVEN: Final = 1.25  # of an equal share

SHOWN: Final = 3  # middleware by name

Told = Sequence[tuple[str, Sequence[str]]]


def lines(explained: Explained, cell: Cell, cpu_ms: float | None) -> list[str]:
    """The mechanism of this cell in words; `cpu_ms`: its CPU per request measured without the probe."""
    if cell in explained.unexplained:
        return [f"no mechanism: {explained.unexplained[cell]}"]
    one = explained.cells.get(cell)
    return [] if one is None else [*_switches(one, cpu_ms), *_starts(one), *_waits(one), *_rest(one)]


def _switches(one: Mechanism, cpu_ms: float | None) -> Iterator[str]:
    if one.switches < NOTHING:
        return
    part = f" ({one.middleware_switches:.1f} from {one.middleware} middleware)" if one.middleware_switches else ""
    told = f"{one.switches:.1f} thread switches per request{part}"
    if one.switch_cpu_us and cpu_ms:
        share = numbers.percent(one.switches * one.switch_cpu_us / 1000 / cpu_ms)
        told += f", {share} of CPU per request ({numbers.number(one.switch_cpu_us)} µs each)"
    yield told
    if one.context_cpu_us and cpu_ms:
        share = numbers.percent(one.context_cpu_us / 1000 / cpu_ms)
        yield f"starting the threads for these switches: {share} of CPU per request ({numbers.number(one.context_cpu_us)} µs)"


def _starts(one: Mechanism) -> Iterator[str]:
    started = {"threads": one.threads_started, "event loops": one.loops_started}
    told = " and ".join(f"{number:.1f} {what}" for what, number in started.items() if number >= NOTHING)
    if told:
        yield f"{told} started per request"
    if one.sessions_opened >= NOTHING:
        yield f"{one.sessions_opened:.1f} database sessions opened per request"
    if one.sync_only:
        more = f" and {len(one.sync_only) - SHOWN} more" if len(one.sync_only) > SHOWN else ""
        yield f"sync-only middleware: {', '.join(one.sync_only[:SHOWN])}{more}"


def _waits(one: Mechanism) -> Iterator[str]:
    parts = {
        "waiting for a thread": one.thread_ms,
        "waiting for a database connection": one.connection_ms,
        "in database queries": one.query_ms,
        "in HTTP calls": one.upstream_ms,
        "in Redis": one.redis_ms,
        "in Python, sleep and other": one.rest_ms,
        "after the response": one.answered_ms,
    }
    least = max(LITTLE_MS, LITTLE_SHARE * one.application_ms)
    told = ", ".join(f"{numbers.number(ms)} ms {what}" for what, ms in parts.items() if ms >= least)
    if told:
        yield f"time in the application {numbers.number(one.application_ms)} ms: {told}"
    if one.outside_ms is not None and one.outside_ms >= max(1.0, one.application_ms / 10):
        yield f"time outside the application (server queues): {numbers.number(one.outside_ms)} ms"


def _rest(one: Mechanism) -> Iterator[str]:
    if one.lag_p99_ms is not None and one.lag_p99_ms >= LATE_MS:
        yield f"event loop lag {numbers.number(one.lag_p99_ms)} ms (p99)"
    if one.processes > 1 and one.busiest_share * one.processes >= UNEVEN:
        yield f"uneven load: the busiest of {one.processes} workers served {numbers.percent(one.busiest_share)}"
    requests = "1 request" if one.inside_most == 1 else f"{numbers.count(one.inside_most)} requests"
    yield f"at most {requests} concurrent in one process"


def cost(explained: Explained) -> list[str]:
    """The overhead of the probe, once per report."""
    ratios = [
        one.instrumented_cpu_ms / one.cpu_ms
        for one in explained.cells.values()
        if one.cpu_ms and one.instrumented_cpu_ms
    ]
    if not ratios:
        return []
    spread = f"{numbers.number(min(ratios))} to {numbers.number(max(ratios))}"
    overhead = f"probe overhead {numbers.number(median(ratios))}× CPU per request ({spread})"
    return [f"mechanism: from an instrumented run, {overhead}; all other figures are measured without the probe"]


def as_text(told: Told) -> list[str]:
    """For a terminal: arm by arm, indented."""
    return [line for arm, why in told for line in (f"mechanism · {arm}", *(f"    {one}" for one in why))]


def as_markdown(told: Told) -> list[str]:
    """The same as a nested list."""
    return [line for arm, why in told for line in (f"- mechanism: {arm}", *(f"  - {one}" for one in why))]
