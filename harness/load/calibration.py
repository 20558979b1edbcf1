"""Calibration of the load generator: checked against a reference server whose timing is known.

Each check has a figure, a limit, a result and advice. The short form runs before every measurement and is stored with it; the
long one is `djbench calibrate`.
"""

import http.client
import json
import select
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import inf, sqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError
from harness.load import known_server, wrk_and_hey
from harness.load.base import Playing
from harness.load.locust_process import LocustLoad
from harness.location import ROOT
from harness.plan.slices import Call, Cell, Open, Slice
from harness.registry.load_modes import CLOSED, Kind
from harness.samples import COLUMNS, Outcome, Played
from harness.scenario.model import Load
from harness.system import fitness, ports, processes
from harness.system.cores import Cores

OFFERED_SHARE: Final = 0.5

USERS, FEW_USERS = 64, 16

FLAT_OUT_RPS: Final = 100_000  # more than any Python sends

START_S: Final = 15.0

KS_ONE_PERCENT: Final = 1.628  # critical value of sqrt(n) × D; e.g. Conover, table A13

AVAILABLE: Final = hasattr(select, "epoll")

KNOWN: Final = ("-m", "harness.load.known_server", "--spin")

Rows = NDArray[np.int64]


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


class Rig:
    """The reference server on the servers' cores and the load generator on its own."""

    def __init__(self, playing: Playing, port: int, cores: Cores) -> None:
        self._playing, self.port, self.cores = playing, port, cores
        self._count = 0

    @property
    def url(self) -> str:
        return f"http://{ports.HOST}:{self.port}"

    def closed(self, path: str, users: int, seconds: float) -> tuple[Played, Rows]:
        """One slice in closed loop."""
        return self._play(path, users, seconds, None)

    def open(
        self, path: str, rate: float, seconds: float, kind: Kind = "poisson", in_flight: int = 1_000
    ) -> tuple[Played, Rows]:
        """One slice in open loop."""
        return self._play(path, rate, seconds, Open(kind, in_flight, pre_open=True))

    def get(self, path: str) -> Any:
        """The reference server's answer, parsed as JSON."""
        connection = http.client.HTTPConnection(ports.HOST, self.port, timeout=30)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def _play(self, path: str, level: float, seconds: float, how: Open | None) -> tuple[Played, Rows]:
        self._count += 1
        cell = Cell("known", "known", level)
        slice_ = Slice(self._count, cell, (Call("known", path),), "measure", 0.0, seconds, seconds, self._count, how)
        self._playing.prepare(slice_, (ports.HOST, self.port))
        played = self._playing.play(lambda: None)
        rows = np.frombuffer(self._playing.requests(), dtype=np.int64).reshape(-1, len(COLUMNS))
        return played, rows[column(rows, "slice") == self._count]


@contextmanager
def rig(cores: Cores, load_processes: int = 1, server: Sequence[str] = KNOWN) -> Iterator[Rig]:
    """A load generator and a server on a free port, ready; both stopped afterwards. `server`: its arguments to Python."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), ports.free()
        child = processes.start(
            "reference server",
            [sys.executable, *server, str(port)],
            folder / "logs" / "known.log",
            cores=cores.server,
            env=processes.environment({"PYTHONPATH": str(ROOT)}),
            cwd=ROOT,
        )
        try:
            if not ports.poll(lambda: ports.answers(port), START_S):
                raise UserError(f"reference server: not up on port {port}:\n{child.log_tail()}")
            settings = Load(processes=load_processes, timeout_s=10.0, drain_s=10.0)
            with LocustLoad().playing(settings, {"known": known_server.BODY}, folder, cores.load) as playing:
                yield Rig(playing, port, cores)
        finally:
            processes.stop([child])


def short(cores: Cores, mode: str, processes: int) -> dict[str, Any]:
    """The calibration stored with a run: the load generator's ceiling under this kind of load, and every check."""
    if not AVAILABLE:
        none = Line("calibration", "not available: this system has no epoll", "", None, "run on Linux to calibrate")
        return {"ceiling_rps": None, "most_rate": None, "lines": [asdict(none)]}
    with rig(cores, processes) as ready:
        most = ceiling(ready, mode, SHORT.ceiling_s)
        lines = [ceiling_line(mode, most), *timing_error(ready, SHORT), stall(ready, SHORT), *lag(ready, SHORT)]
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


def timing_error(ready: Rig, size: Size) -> Iterator[Line]:
    """Latency added by the load generator: measured less what the server recorded, request by request."""
    for delay_ms in (1, 5, 50):
        errors = [_errors_ms(ready, delay_ms, size.timing_s) for _ in range(size.times)]
        name, limit = f"timing error at {delay_ms} ms", "median +0.1 ms, p99 +0.5 ms"
        if any(error is None for error in errors):
            yield Line(name, "the server counted other requests than were sent", "none", False, ADVICE)
            continue
        median, p99 = np.median([np.quantile(error, (0.5, 0.99)) for error in errors if error is not None], axis=0)
        passed = bool(median <= TIMING_MEDIAN_MS and p99 <= TIMING_P99_MS)
        yield Line(name, f"median {median:+.3f} ms, p99 {p99:+.3f} ms{_of(size)}", limit, passed, ADVICE)


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


def lag(ready: Rig, size: Size) -> Iterator[Line]:
    """Send lag, and whether the gaps between requests are still those of a Poisson process."""
    for rate in size.lag_rates:
        slices = [ready.open("/", rate, size.lag_s)[1] for _ in range(size.times)]
        lags = [(column(rows, "sent_ns") - column(rows, "intended_ns")) / 1e6 for rows in slices]
        p50, p99 = np.median([np.quantile(lag_ms, (0.5, 0.99)) for lag_ms in lags], axis=0)
        limit, figure = LAG_LIMITS_MS[rate], f"p50 {p50:.3f} ms, p99 {p99:.3f} ms{_of(size)}"
        yield Line(f"send lag at {rate:,}/s", figure, f"p99 {limit:g} ms", bool(p99 <= limit), ADVICE)
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


def column(rows: Rows, name: str) -> NDArray[np.int64]:
    """One of samples.COLUMNS."""
    return rows[:, COLUMNS.index(name)]


ADVICE: Final = "stop other processes and calibrate again; on a virtual machine use dedicated cores"
