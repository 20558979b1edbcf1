"""Where a request's time goes: at any moment it is waiting for one of counters.WAITS, or for none of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from time import perf_counter_ns
from typing import Any

from djbench_injected.probe.counters import WAITS, Counters


class Request:
    """One request in the application, from whichever threads and tasks work on it."""

    def __init__(self, counters: Counters) -> None:
        self._counters, self._since_ns = counters, perf_counter_ns()
        self._waits = dict.fromkeys(WAITS, 0)
        self._answered = self._over = False
        counters.enter()

    def begin(self, wait: str) -> None:
        """It waits for this, too."""
        self._change(wait, 1)

    def end(self, wait: str) -> None:
        """One such wait is over."""
        self._change(wait, -1)

    def answered(self) -> None:
        """The last of the response has been sent: nobody waits any more, whatever the application still does."""
        with self._counters.lock:
            if not self._answered:
                self.begin("answered_ns")
                self._answered = True
                self._counters.add("inside", -1)

    def leave(self) -> None:
        """The application is done with it; what is still done in its name is not its time any more."""
        self.answered()
        with self._counters.lock:
            if not self._over:
                self._settle()
                self._over = True

    def _change(self, wait: str, step: int) -> None:
        with self._counters.lock:
            if not self._over:
                self._settle()
                self._waits[wait] += step

    def _settle(self) -> None:
        """Book the time since the last change."""
        now = perf_counter_ns()
        self._counters.add("application_ns", now - self._since_ns)
        waiting = next((wait for wait, number in self._waits.items() if number), None)
        if waiting:
            self._counters.add(waiting, now - self._since_ns)
        self._since_ns = now


current: ContextVar[Request | None] = ContextVar("instrumented_request", default=None)
"""The request being worked on. asgiref carries it from thread to thread with all other context."""


@contextmanager
def waiting(wait: str) -> Iterator[None]:
    """The current request, if there is one, waits for this meanwhile."""
    request = current.get()
    if request is None:
        yield
        return
    request.begin(wait)
    try:
        yield
    finally:
        request.end(wait)


def follow_into_pools() -> None:
    """What a view hands to a thread pool of its own is still its request's work."""
    pool: Any = ThreadPoolExecutor
    submit = pool.submit

    @wraps(submit)
    def followed(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = submit(self, _for, current.get(), fn, *args, **kwargs)
        return future

    pool.submit = followed


def _for(request: Request | None, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    token = current.set(request)
    try:
        return fn(*args, **kwargs)
    finally:
        current.reset(token)
