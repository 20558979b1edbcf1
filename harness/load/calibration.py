"""Calibration of the load generator: checked against a reference server whose timing is known.

Each check has a figure, a limit, a result and advice. The short form runs before every measurement and is stored with it; the
long one is `djbench calibrate`.
"""

import select
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import inf, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.load import wrk_and_hey
from harness.load.calibration_rig import Rig, column, rig
from harness.registry.load_modes import CLOSED
from harness.samples import Outcome
from harness.system import fitness
from harness.system.cores import Cores

OFFERED_SHARE: Final = 0.5

USERS, FEW_USERS = 64, 16

FLAT_OUT_RPS: Final = 100_000  # more than any Python sends

KS_ONE_PERCENT: Final = 1.628  # critical value of sqrt(n) × D; e.g. Conover, table A13

AVAILABLE: Final = hasattr(select, "epoll")


@dataclass(frozen=True)
class Line:
    """One check. `passed` None: it has no limit, or this system does not offer it."""

    name: str
    figure: str
    limit: str
    passed: bool | None
    advice: str


@dataclass(frozen=True)
class Size:
    """Seconds per check, and how often it is repeated: of repeated figures the median counts."""

    ceiling_s: float
    timing_s: float
    stall_s: float
    stall_rate: int  # low, so that answering the backlog of the stall takes no time of its own
    lag_s: float
    gaps_s: float
    lag_rates: Sequence[int]
    times: int
    closed_too: bool  # show the stall in closed loop as well


SHORT: Final = Size(0.5, 0.7, 3.0, 1000, 1.0, 1.0, (1000,), times=1, closed_too=False)

LONG: Final = Size(2.0, 1.0, 60.0, 200, 2.0, 20.0, (1000, 3000, 6000), times=5, closed_too=True)

TIMING_RATE, GAPS_RATE = 1000, 200

AGREEMENT: Final = 0.10

TIMING_MEDIAN_MS, TIMING_P99_MS = 0.1, 0.5

STALL_TOLERANCE: Final = 0.05

STALL_SHARE: Final = 1 / 60  # a freeze of one second in sixty, or of the same part of a shorter time

LAG_LIMITS_MS: Final = {1000: 0.5, 3000: 0.5, 6000: 1.0}

TIMING_SHARES: Final = (0.01, 0.05)
"""Of the shortest latency of a run, where that is more: errors of this size (median, p99) do not show beside it."""


def short(cores: Cores, mode: str, processes: int, shortest_ms: float = 0.0) -> dict[str, Any]:
    """The calibration stored with a run: the load generator's ceiling under this kind of load, and every check that it needs.

    A closed loop keeps no schedule, so neither send lag nor gaps nor a stalled schedule is of any account to it. `shortest_ms`:
    the shortest latency that the run is expected to measure.
    """
    if not AVAILABLE:
        none = Line("calibration", "not available: this system has no epoll", "", None, "run on Linux to calibrate")
        return {"ceiling_rps": None, "most_rate": None, "lines": [asdict(none)]}
    with rig(cores, processes) as ready:
        most = ceiling(ready, mode, SHORT.ceiling_s)
        lines = [ceiling_line(mode, most), *timing_error(ready, SHORT, shortest_ms)]
        lines += [] if mode == CLOSED else [stall(ready, SHORT), *lag(ready, SHORT, shortest_ms)]
    return {"ceiling_rps": most, "most_rate": most * OFFERED_SHARE, "lines": [asdict(line) for line in lines]}


def cautious(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Of two calibrations of one run, the one with the lower ceiling, plus the failed checks of the other."""
    lower, other = sorted((then, now), key=lambda one: one.get("ceiling_rps") or inf)
    failed = [line for line in other.get("lines", []) if line["passed"] is False]
    return lower | {"lines": [*lower.get("lines", []), *failed]}


def full(cores: Cores, say: Callable[[str], None]) -> Iterator[Line]:
    """Every check but the noise floor, each as soon as it is done; `say` reports progress."""
    with rig(cores) as ready:
        for mode in (CLOSED, "open"):
            say(f"ceiling, {mode} loop")
            yield ceiling_line(mode, ceiling(ready, mode, LONG.ceiling_s))
        say("timing error: delays of 1, 5 and 50 ms")
        yield from timing_error(ready, LONG)
        say(f"send lag: {LONG.lag_s:g} s at each of {', '.join(f'{rate:g}/s' for rate in LONG.lag_rates)}")
        yield from lag(ready, LONG)
        say(f"server stall: {LONG.stall_s:g} s in open loop, then in closed loop")
        yield stall(ready, LONG)
        for name in wrk_and_hey.installed():
            say(f"cross-check against {name}")
            yield cross_check(ready, name)
    yield from machine_lines(cores)


def ceiling(ready: Rig, mode: str, seconds: float) -> float:
    """Most requests per second of the load generator, in closed or in open loop."""
    if mode == CLOSED:
        played, rows = ready.closed("/", USERS, seconds)
        done = column(rows, "done_ns")
        inside = (column(rows, "outcome") == Outcome.OK) & (done >= played.cut_ns) & (done < played.end_ns)
        return float(inside.sum() / ((played.end_ns - played.cut_ns) / 1e9))
    _, rows = ready.open("/", FLAT_OUT_RPS, seconds / 2, "uniform", in_flight=USERS)
    ok = rows[column(rows, "outcome") == Outcome.OK]
    return float(len(ok) / ((column(ok, "done_ns").max() - column(ok, "sent_ns").min()) / 1e9))


def ceiling_line(mode: str, most: float) -> Line:
    loop = "closed" if mode == CLOSED else "open"
    limit = f"measure at most at half of it, {most * OFFERED_SHARE:,.0f} req/s"
    advice = "raise it with more cores and load.processes"
    return Line(f"ceiling, {loop} loop", f"{most:,.0f} req/s", limit, most > 0, advice)


def timing_error(ready: Rig, size: Size, shortest_ms: float = 0.0) -> Iterator[Line]:
    """Latency added by the load generator: measured less what the server recorded, request by request."""
    most_ms, most_p99_ms = (
        max(least, share * shortest_ms)
        for least, share in zip((TIMING_MEDIAN_MS, TIMING_P99_MS), TIMING_SHARES, strict=True)
    )
    for delay_ms in (1, 5, 50):
        errors = [_errors_ms(ready, delay_ms, size.timing_s) for _ in range(size.times)]
        name, limit = f"timing error at {delay_ms} ms", f"median +{most_ms:.2g} ms, p99 +{most_p99_ms:.2g} ms"
        if any(error is None for error in errors):
            yield Line(name, "the server counted other requests than were sent", "none", False, ADVICE)
            continue
        median, p99 = np.median([np.quantile(error, (0.5, 0.99)) for error in errors if error is not None], axis=0)
        passed = bool(median <= most_ms and p99 <= most_p99_ms)
        advice = f"latencies read too high by as much, throughput does not; {ADVICE}"
        yield Line(name, f"median {median:+.3f} ms, p99 {p99:+.3f} ms{_of(size)}", limit, passed, advice)


def _errors_ms(ready: Rig, delay_ms: int, seconds: float) -> NDArray[np.float64] | None:
    """One slice: client latency less server time, per request; None if client and server counted different requests."""
    ready.get("/log")
    _, rows = ready.open(f"/?ms={delay_ms}", TIMING_RATE, seconds)
    served = np.array(sorted(ready.get("/log")), dtype=np.int64)
    rows = rows[np.argsort(column(rows, "sent_ns"))]
    if len(served) != len(rows):
        return None
    return (column(rows, "done_ns") - column(rows, "sent_ns") - (served[:, 1] - served[:, 0])) / 1e6


def _of(size: Size) -> str:
    return f" (medians of {size.times} slices)" if size.times > 1 else ""


def stall(ready: Rig, size: Size) -> Line:
    """A server stalled for a sixtieth of the time: 1 % of requests wait 0.4 of that, or longer (coordinated omission)."""
    freeze_s = size.stall_s * STALL_SHARE
    expected_ms = 1000 * (freeze_s - 0.01 * size.stall_s)
    open_ms, closed_ms = _stalled_p99_ms(ready, size, freeze_s, True), None
    if size.closed_too:
        closed_ms = _stalled_p99_ms(ready, size, freeze_s, False)
    beside = "" if closed_ms is None else f" (closed loop: {closed_ms:.2f} ms, coordinated omission)"
    passed = abs(open_ms / expected_ms - 1) <= STALL_TOLERANCE
    name, limit = f"server stall of {freeze_s:g} s", f"{expected_ms:.0f} ms ± 5 %"
    return Line(name, f"p99 {open_ms:.1f} ms{beside}", limit, passed, ADVICE)


def _stalled_p99_ms(ready: Rig, size: Size, freeze_s: float, open_loop: bool) -> float:
    """p99 from the intended time over a slice with a server stall in its middle."""
    ready.get(f"/freeze?ms={1000 * freeze_s}&after={500 * size.stall_s}")
    if open_loop:
        _, rows = ready.open("/", size.stall_rate, size.stall_s, "uniform")
    else:
        _, rows = ready.closed("/", 1, size.stall_s)
    return float(np.quantile(column(rows, "done_ns") - column(rows, "intended_ns"), 0.99) / 1e6)


def lag(ready: Rig, size: Size, shortest_ms: float = 0.0) -> Iterator[Line]:
    """Send lag, and whether the gaps between requests are still those of a Poisson process."""
    for rate in size.lag_rates:
        slices = [ready.open("/", rate, size.lag_s)[1] for _ in range(size.times)]
        lags = [(column(rows, "sent_ns") - column(rows, "intended_ns")) / 1e6 for rows in slices]
        p50, p99 = np.median([np.quantile(lag_ms, (0.5, 0.99)) for lag_ms in lags], axis=0)
        limit = max(LAG_LIMITS_MS[rate], TIMING_SHARES[1] * shortest_ms)
        figure = f"p50 {p50:.3f} ms, p99 {p99:.3f} ms{_of(size)}"
        advice = f"requests leave late, and latencies read too high by as much; {ADVICE}"
        yield Line(f"send lag at {rate:,}/s", figure, f"p99 {limit:.2g} ms", bool(p99 <= limit), advice)
    _, rows = ready.open("/", GAPS_RATE, size.gaps_s)
    distance, critical = ks_exponential(column(rows, "sent_ns"), GAPS_RATE)
    figure, limit_text = f"KS distance {distance:.3f} from exponential", f"{critical:.3f} (1 % level)"
    yield Line(f"arrival gaps at {GAPS_RATE}/s", figure, limit_text, distance <= critical, ADVICE)


def ks_exponential(sent_ns: NDArray[np.int64], rate: float) -> tuple[float, float]:
    """(Kolmogorov-Smirnov distance of the gaps from the exponential of this rate, critical value at 1 %)."""
    gaps = np.sort(np.diff(np.sort(sent_ns))) / 1e9
    n, expected = len(gaps), 1 - np.exp(-rate * gaps)
    steps = np.arange(n + 1) / n
    distance = max(float((steps[1:] - expected).max()), float((expected - steps[:-1]).max()))
    return distance, KS_ONE_PERCENT / sqrt(n)


def cross_check(ready: Rig, name: str, rounds: int = 6, seconds: float = 1.0) -> Line:
    """Cross-check against another load generator, in alternating slices on a server that takes 2 ms.

    Few users, so that neither is short of CPU: the check is on counting, not on speed.

    The interval is that of the sign test: from the lowest to the highest of six ratios the median is covered with 97 %.
    """
    ratios = []
    for _ in range(rounds):
        played, rows = ready.closed("/?ms=2", FEW_USERS, seconds)
        done = column(rows, "done_ns")
        ours = ((done >= played.cut_ns) & (done < played.end_ns)).sum() / ((played.end_ns - played.cut_ns) / 1e9)
        ratios.append(ours / wrk_and_hey.rate(name, f"{ready.url}/?ms=2", FEW_USERS, seconds, ready.cores.load))
    low, high = min(ratios), max(ratios)
    figure = f"djbench / {name} {float(np.median(ratios)):.3f}× [{low:.3f}, {high:.3f}]"
    passed = 1 - AGREEMENT <= float(np.median(ratios)) <= 1 + AGREEMENT
    advice = "run again; if it persists, one of the two counts wrongly"
    return Line(f"cross-check, {name}", figure, "1 ± 10 %", passed, advice)


def machine_lines(cores: Cores) -> Iterator[Line]:
    """Checks on the machine itself."""
    for name, figure, limit, passed, advice in fitness.fitness(cores):
        yield Line(name, figure, limit, passed, advice)


ADVICE: Final = "stop other processes and calibrate again; on a virtual machine use dedicated cores"
