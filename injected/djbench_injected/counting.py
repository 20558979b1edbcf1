"""How many requests reached the application, and what its garbage collections take, per process in a file that outlives it.

With DJBENCH_COUNTS set, every process that loads the application maps FOLDER/<its pid>: three numbers of eight bytes.
It adds one to the first for each HTTP request, before Django sees it; to the second the CPU time (ns) of each full collection,
which comes every few hundred requests and takes as long as twenty; and one to the third for each collection of the young, of
which there are the more the more is allocated. The file survives a SIGKILL. Costs well under a microsecond per request, the same
on both interfaces.
"""

import gc
import mmap
import os
import time
from pathlib import Path
from threading import Lock

REQUESTS, FULL_NS, YOUNG, NUMBERS = range(4)

OLDEST = 2
"""The generation of a full collection."""


class Counter:
    """One process's numbers."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._lock = Lock()
        self._collecting_ns = 0
        self._open()
        os.register_at_fork(after_in_child=self._open)
        gc.callbacks.append(self._collected)

    def add(self) -> None:
        """One more. Locked, because another thread may come between reading and writing the number."""
        with self._lock:
            self._number[REQUESTS] += 1

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        """Before and after each collection, in the thread that does it; none begins meanwhile."""
        if info["generation"] != OLDEST:
            self._number[YOUNG] += phase == "start"
        elif phase == "start":
            self._collecting_ns = time.thread_time_ns()
        else:
            self._number[FULL_NS] += time.thread_time_ns() - self._collecting_ns

    def _open(self) -> None:
        path = self._folder / str(os.getpid())
        path.write_bytes(bytes(8 * NUMBERS))
        with path.open("r+b") as file:
            self._number = memoryview(mmap.mmap(file.fileno(), 8 * NUMBERS)).cast("Q")


def counter() -> Counter | None:
    """This process's, where one is asked for."""
    folder = os.environ.get("DJBENCH_COUNTS")
    return Counter(folder) if folder else None
