"""Open loop: requests leave on a schedule fixed beforehand, whether or not the earlier ones have been answered.

An arrival that is due wakes one idle caller (a Locust user with a connection of its own). It is
never delayed: a late one goes out at once and keeps its intended time, and one that finds no idle caller is dropped
and counted. Deadlines are absolute, on the monotonic clock, so that lateness does not add up.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from time import perf_counter_ns

from gevent import getcurrent
from gevent.event import Event
from gevent.hub import get_hub

from harness.samples import Page
from locustfiles.client import READ, Client

BATCH = 32
"""Arrivals sent in a row; then the event loop may read what has come back."""

TFD_NONBLOCK, TFD_CLOEXEC, TFD_TIMER_ABSTIME, CLOCK_MONOTONIC = 0o4000, 0o2000000, 1, 1  # sys/timerfd.h, time.h

Arrival = tuple[int, int]
"""(number in the schedule, intended ns)."""

Caller = Callable[[Arrival | None], object]
"""Takes an arrival and sends its request; None ends it."""


class Arrivals:
    """The arrivals of one slice and the callers that are free to send them. Knows no clock and no socket.

    `offsets`: ns from `start_ns`, rising. Of the whole schedule these are every `step`th from `first` on.
    """

    def __init__(self, offsets: Sequence[int], drop: Callable[[Arrival], None], first: int = 0, step: int = 1) -> None:
        self.start_ns = 0
        self.idle: list[Caller] = []
        self.all_done = Event()
        self._offsets, self._drop = offsets, drop
        self._first, self._step = first, step
        self._next = 0
        self._in_flight = 0

    def release(self, now_ns: int) -> int | None:
        """Send what is due by now, at most BATCH of it; returns when the next one is due, None after the last."""
        elapsed_ns = now_ns - self.start_ns
        stop = min(self._next + BATCH, len(self._offsets))
        while self._next < stop and self._offsets[self._next] <= elapsed_ns:
            arrival = self._first + self._next * self._step, self.start_ns + self._offsets[self._next]
            self._next += 1
            if self.idle:
                self._in_flight += 1
                self.idle.pop()(arrival)  # the caller that was busy last: its connection is warm
            else:
                self._drop(arrival)
        if self._next < len(self._offsets):
            return self.start_ns + self._offsets[self._next]
        self._done_if_empty()
        return None

    def answered(self) -> None:
        """One request has ended, however it ended."""
        self._in_flight -= 1
        if self._next == len(self._offsets):
            self._done_if_empty()

    def end_slice(self) -> None:
        """Tell every caller that the slice is over. Like `release`, only to be called by the event loop."""
        for caller in self.idle:
            caller(None)
        self.idle.clear()

    def _done_if_empty(self) -> None:
        if not self._in_flight:
            self.all_done.set()


def serve(
    arrivals: Arrivals,
    client: Client,
    call_of: Callable[[int], tuple[int, bytes, bytes | Page | None]],
    record: Callable[[tuple[int, ...]], None],
    slice_: int,
) -> None:
    """A caller: send one request per arrival, until the end of the slice. Runs in a greenlet of its own.

    `call_of`: number of the arrival → (part of the slice, request, correct body).
    """
    wake, wait = getcurrent().switch, get_hub().switch
    while True:
        arrivals.idle.append(wake)
        arrival = wait()
        if arrival is None:
            return
        number, intended_ns = arrival
        part, request, body = call_of(number)
        sent_ns, first_ns, done_ns, status, outcome, length, reused = client.call(request, body)
        record((slice_, number, intended_ns, sent_ns, first_ns, done_ns, status, outcome, length, reused, part))
        arrivals.answered()


class Pacer:
    """Calls `arrivals.release` when something is due: by a timerfd on Linux, by gevent's timer elsewhere.

    A timerfd takes absolute nanoseconds; the event loop's own timers count in the milliseconds of epoll_wait.
    """

    def __init__(self) -> None:
        self._alarm = TimerFd(self._ring) if sys.platform == "linux" else LoopTimer(self._ring)
        self._arrivals: Arrivals | None = None

    def start(self, arrivals: Arrivals) -> None:
        """From now on; the first ring comes from the event loop, as all switches to callers must."""
        self._arrivals = arrivals
        self._alarm.set(perf_counter_ns())

    def _ring(self) -> None:
        assert self._arrivals is not None
        next_ns = self._arrivals.release(perf_counter_ns())
        if next_ns is not None:
            self._alarm.set(next_ns)


class TimerFd:
    """timerfd_create(2) as an I/O watcher of gevent's loop."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._when = (ctypes.c_long * 4)()  # struct itimerspec: interval s, ns; value s, ns
        self._ring = ring
        self._watcher = get_hub().loop.io(self._fd, READ)
        self._watcher.start(self._fired)

    def set(self, deadline_ns: int) -> None:
        """Ring at this time of CLOCK_MONOTONIC; at once if it has passed."""
        self._when[2], self._when[3] = divmod(deadline_ns, 1_000_000_000)
        self._libc.timerfd_settime(self._fd, TFD_TIMER_ABSTIME, self._when, None)

    def _fired(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        self._ring()


class LoopTimer:
    """gevent's timer, for systems without timerfd: about a millisecond late."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring

    def set(self, deadline_ns: int) -> None:
        loop = get_hub().loop
        loop.update_now()
        self._timer = loop.timer(max(0.0, (deadline_ns - perf_counter_ns()) / 1e9))
        self._timer.start(self._ring)
