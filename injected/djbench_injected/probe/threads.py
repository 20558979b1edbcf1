"""Counts asgiref's bridges, the threads and the event loops, by wrapping the classes themselves: no call escapes.

Every call of sync_to_async carries a Call as its first argument, which is taken off again in the thread it runs in. So each call
knows its own two threads, however many run at once, and nothing is looked up by thread.
"""

import asyncio
import functools
import threading
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync

from djbench_injected.probe.counters import Counters
from djbench_injected.probe.middleware import Origin
from djbench_injected.probe.request import current


class Call:
    """One call of sync_to_async. Its request waits from the call to the function's start, and from its end to the way back."""

    def __init__(self) -> None:
        self.thread, self._request = threading.get_ident(), current.get()
        self._waits = False

    def wait(self) -> None:
        if self._request is not None and not self._waits:
            self._waits = True
            self._request.begin("thread_ns")

    def go(self) -> None:
        if self._request is not None and self._waits:
            self._waits = False
            self._request.end("thread_ns")


class Names:
    """Whose switches they were."""

    def __init__(self) -> None:
        self._lock, self._count = threading.Lock(), Counter[str]()

    def add(self, name: str) -> None:
        with self._lock:
            self._count[name] += 1

    def taken(self) -> dict[str, int]:
        """Name → switches since the last time this was asked."""
        with self._lock:
            told, self._count = dict(self._count), Counter()
        return told


def count_bridges(counters: Counters, origin: Origin, names: "Names | None" = None) -> None:
    """Calls in both directions, switches of thread, and which of them are made for middleware. `names`: where each is told."""
    outward: Any = SyncToAsync
    inward: Any = AsyncToSync
    call_async, handle, call_sync = outward.__call__, outward.thread_handler, inward.__call__

    @functools.wraps(call_async)
    async def to_thread(self: Any, *args: Any, **kwargs: Any) -> Any:
        counters.add("sync_to_async")
        call = Call()
        call.wait()
        try:
            return await call_async(self, call, *args, **kwargs)
        finally:
            call.go()

    @functools.wraps(handle)
    def in_thread(self: Any, loop: Any, exc_info: Any, tasks: Any, func: Any, child: Any) -> Any:
        call, args = child.args[0], child.args[1:]
        call.go()
        if threading.get_ident() != call.thread:
            counters.add("switches")
            if names is not None:
                names.add(origin.name(self))
            if origin.is_middleware(self):
                counters.add("middleware_switches")
        try:
            return handle(self, loop, exc_info, tasks, func, functools.partial(child.func, *args, **child.keywords))
        finally:
            call.wait()

    @functools.wraps(call_sync)
    def to_loop(self: Any, *args: Any, **kwargs: Any) -> Any:
        counters.add("async_to_sync")
        return call_sync(self, *args, **kwargs)

    outward.__call__, outward.thread_handler, inward.__call__ = to_thread, in_thread, to_loop


def count_starts(counters: Counters) -> None:
    """Threads as they are started; event loops as they are made, of asyncio and of uvloop."""
    thread: Any = threading.Thread
    thread.start = _counted(thread.start, counters, "threads_started")
    loops: list[Any] = [asyncio.BaseEventLoop]
    if find_spec("uvloop"):
        loops.append(import_module("uvloop").Loop)
    for loop in loops:
        loop.__init__ = _counted(loop.__init__, counters, "loops_started")


def _counted(plain: Callable[..., Any], counters: Counters, name: str) -> Callable[..., Any]:
    @functools.wraps(plain)
    def counted(*args: Any, **kwargs: Any) -> Any:
        counters.add(name)
        return plain(*args, **kwargs)

    return counted
