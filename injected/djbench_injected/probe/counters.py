"""Named whole numbers in a memory-mapped file per process: readable at any time, there after a SIGKILL, new after a fork."""

import mmap
import os
from pathlib import Path
from threading import RLock
from typing import Final

LAG_STEPS: Final = 96
"""Lateness of the event loop, four steps to a factor of two: step n is below LAG_FLOOR_NS · 2^((n + 1) / 4)."""

LAG_FLOOR_NS: Final = 10_000

WAITS: Final = ("answered_ns", "connection_ns", "query_ns", "upstream_ns", "redis_ns", "thread_ns")
"""What a request can be waiting for, the first: for its own end, when it has been answered.

Of several at once the first counts, so that the parts never exceed the whole.
"""

NAMES: Final = (
    "requests",
    "inside",  # requests in the application now, and not yet answered
    "inside_most",  # the most there were; whoever reads may write 0 to it
    "sync_to_async",
    "async_to_sync",
    "switches",  # calls of sync_to_async that ran in another thread: there and back is one
    "middleware_switches",
    "threads_started",
    "loops_started",
    "sessions_opened",
    "application_ns",
    *WAITS,
    *(f"lag_{step}" for step in range(LAG_STEPS)),
)

PLACE: Final = {name: place for place, name in enumerate(NAMES)}


class Counters:
    """One process's counts, in FOLDER/<pid> as int64 in the order of NAMES."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open()
        os.register_at_fork(after_in_child=self._open)

    def add(self, name: str, amount: int = 1) -> None:
        """Exact: another thread may come between reading and writing a number, so it is locked."""
        with self.lock:
            self._slots[PLACE[name]] += amount

    def enter(self) -> None:
        """One more request is in the application."""
        with self.lock:
            self.add("requests")
            self.add("inside")
            inside = self._slots[PLACE["inside"]]
            if inside > self._slots[PLACE["inside_most"]]:
                self._slots[PLACE["inside_most"]] = inside

    def _open(self) -> None:
        self.lock = RLock()  # re-entrant: a finalizer may count while its thread is counting
        path, size = self._folder / str(os.getpid()), 8 * len(NAMES)
        path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._slots = memoryview(mmap.mmap(file.fileno(), size)).cast("q")
