"""Closed loop: every user sends its next request when the last one has been answered.

Alone, with Locust's web UI:

    locust -f locustfiles/closed_loop.py --host http://127.0.0.1:8000 --path /async/hello/

Inside a run the same loop is played slice by slice (player.py).
"""

import gc
from collections.abc import Callable, Iterator
from itertools import repeat
from statistics import median
from time import perf_counter_ns
from typing import Any, ClassVar
from urllib.parse import urlsplit

import gevent
from locust import User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from harness.samples import ENOUGH_NS, FILLING_ANSWERS, FILLINGS_PER_SLICE, WARM_S, Outcome, Page
from locustfiles.client import Client, Sweeper
from locustfiles.message import prebuilt
from locustfiles.recorder import Recorder, fold_into

PAUSE_AFTER_FAILURE_S = 0.01

STRETCH_NS = 1_000_000_000

TIMEOUT_NS = 30_000_000_000

Call = tuple[int, bytes, bytes | Page | None]
"""(which part of the slice, the request as bytes, the correct body, what else is correct, or None for anything)."""


class Window:
    """When a slice is analysed: from the moment every user has had FILLING_ANSWERS answers, for some of their latencies, and for
    longer than it took to fill.

    Nothing is guessed: a queue that is still growing shows in the answers. A slice that never fills is ended at `end_ns` as
    given, and then has no window: `cut_ns` is its end. To warm up (`latencies` 0), it ends soon after every user has had one
    answer.
    """

    __slots__ = ("_latencies", "_left", "_seen", "_shortest_ns", "_start_ns", "answers", "cut_ns", "end_ns")

    def __init__(
        self,
        users: int,
        end_ns: int,
        shortest_ns: float = 0.0,
        latencies: int = 0,
        least_ns: float = 0.0,
        start_ns: int | None = None,
    ) -> None:
        self.cut_ns = self.end_ns = end_ns
        self._left, self._latencies = users, latencies
        self._start_ns = start_ns if latencies else None
        self.answers = FILLING_ANSWERS if latencies else 1
        self._shortest_ns = max(shortest_ns, latencies * least_ns) if latencies else WARM_S * 1e9
        self._seen: list[int] = []

    def user_is_in(self, latency_ns: int) -> None:
        """Told by every user once, after its last answer of the filling, with how long that took."""
        self._seen.append(latency_ns)
        if len(self._seen) == self._left:
            now_ns = perf_counter_ns()
            filled_ns = 0 if self._start_ns is None else now_ns - self._start_ns
            longer_ns = min(FILLINGS_PER_SLICE * filled_ns, ENOUGH_NS)
            lasts_ns = max(self._shortest_ns, self._latencies * median(self._seen), longer_ns)
            self.cut_ns, self.end_ns = min(now_ns, self.end_ns), min(now_ns + int(lasts_ns), self.end_ns)


def call_until(
    window: Window,
    client: Client,
    calls: Iterator[Call],
    record: Callable[[tuple[int, ...]], None],
    tag: tuple[int, int],
) -> None:
    """Send requests back to back until the window ends; the last one is awaited. `tag` is (slice, user); `calls` never ends.

    After a connection is refused or reset the user pauses, as a browser would: a dead server is not hammered.
    """
    slice_, user = tag
    answers = 0
    intended_ns = perf_counter_ns()
    while intended_ns < window.end_ns:
        part, request, body = next(calls)
        sent_ns, first_ns, done_ns, status, outcome, length, reused = client.call(request, body)
        record((slice_, user, intended_ns, sent_ns, first_ns, done_ns, status, outcome, length, reused, part))
        if outcome >= Outcome.CONNECT_FAILED:
            gevent.sleep(PAUSE_AFTER_FAILURE_S)
            done_ns = perf_counter_ns()
        answers += 1
        if answers == window.answers:
            window.user_is_in(done_ns - intended_ns)
        intended_ns = done_ns


class ClosedLoopUser(User):
    """One user under Locust's own control: web UI, spawn rate, statistics."""

    recorder: ClassVar[Recorder] = Recorder()
    sweeper: ClassVar[Sweeper]
    users = 0

    def on_start(self) -> None:
        url = urlsplit(self.host or self.environment.host or "")
        if url.scheme != "http" or not url.hostname:
            raise SystemExit("closed_loop: --host: expected http://HOST:PORT")
        address = (url.hostname, url.port or 80)
        self.client = Client(address, TIMEOUT_NS, self.sweeper)
        self.calls = repeat((0, prebuilt(self.environment.parsed_options.path, url.netloc), None))
        self.number = ClosedLoopUser.users
        ClosedLoopUser.users += 1

    @task
    def call(self) -> None:
        call_until(
            Window(0, perf_counter_ns() + STRETCH_NS), self.client, self.calls, self.recorder.record, (0, self.number)
        )

    def on_stop(self) -> None:
        self.client.close()


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--path", default="/async/hello/", help="path to request, query included")


@events.init.add_listener
def report_every_second(environment: Environment, **_: Any) -> None:
    """Locust's statistics are fed from the recorder once a second."""
    assert environment.parsed_options is not None
    path = environment.parsed_options.path

    def feed() -> None:
        while True:
            gevent.sleep(1)
            flush()

    def flush(**_: Any) -> None:
        fold_into(environment.stats, path, ClosedLoopUser.recorder.take())

    gc.freeze()
    ClosedLoopUser.sweeper = Sweeper()
    gevent.spawn(feed)
    environment.events.test_stop.add_listener(flush)
