"""What a slice cost: CPU, memory, threads and context switches per process group.

CPU comes from each process's own CPU clock (clock_getcpuclockid(3)): nanoseconds, all threads, those that
have ended included. /proc/PID/schedstat has the same resolution but only the main thread, and a sum over
/proc/PID/task loses every thread that has ended, which under ASGI is one per sync request.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

LOAD: Final = "load"
SERVICES: Final = "services"
CPUCLOCK_SCHED: Final = 2  # linux/posix-timers.h: process CPU clock id = (~pid << 3) | CPUCLOCK_SCHED


@dataclass(frozen=True)
class Usage:
    """One process group over one slice, from before its first request to after its drain.

    Of the services, memory, threads and switches are those of the processes we started; CPU is that of all their descendants,
    ended ones included: PostgreSQL has a process per connection.
    """

    slice: int
    group: str  # server, load, services
    wall_ns: int
    cpu_ns: int | None  # user + system
    rss_bytes: int | None  # largest sum over the group's processes seen in the slice
    threads: int | None  # largest sum seen in the slice
    voluntary_switches: int | None  # of threads alive at both ends
    involuntary_switches: int | None
    processes: int  # alive at the end

    @property
    def busy(self) -> float | None:
        """CPU time by time: how many cores it used."""
        return self.cpu_ns / self.wall_ns if self.cpu_ns is not None and self.wall_ns else None


class Watch:
    """begin(), tick() now and then, end(): one slice."""

    def __init__(self, index: int, groups: Mapping[str, Sequence[int]], with_descendants: str = SERVICES) -> None:
        self._index, self._groups = index, groups
        self._cpu_ns = {group: tree_cpu_ns if group == with_descendants else cpu_ns for group in groups}
        self._rss: dict[str, int] = {}
        self._threads: dict[str, int] = {}

    def begin(self) -> None:
        self._switches = {group: switches(pids) for group, pids in self._groups.items()}
        self._cpu = self._read()
        self._wall_ns = time.perf_counter_ns()

    def tick(self) -> None:
        """Sample what only shows during the slice. About 0.1 ms, on the load's cores."""
        for group, pids in self._groups.items():
            rss, threads = memory_and_threads(pids)
            self._rss[group] = max(rss, self._rss.get(group, 0))
            self._threads[group] = max(threads, self._threads.get(group, 0))

    def end(self) -> list[Usage]:
        wall_ns = time.perf_counter_ns() - self._wall_ns
        cpu = {group: _growth(self._cpu[group], now) for group, now in self._read().items()}
        self.tick()
        return [self._usage(group, wall_ns, cpu[group]) for group in self._groups]

    def _read(self) -> dict[str, list[int | None]]:
        return {group: [self._cpu_ns[group](pid) for pid in pids] for group, pids in self._groups.items()}

    def _usage(self, group: str, wall_ns: int, cpu: int | None) -> Usage:
        pids = self._groups[group]
        before, after = self._switches[group], switches(pids)
        both = before.keys() & after.keys()
        return Usage(
            slice=self._index,
            group=group,
            wall_ns=wall_ns,
            cpu_ns=cpu,
            rss_bytes=self._rss[group] or None,
            threads=self._threads[group] or None,
            voluntary_switches=sum(after[task][0] - before[task][0] for task in both) if both else None,
            involuntary_switches=sum(after[task][1] - before[task][1] for task in both) if both else None,
            processes=sum(psutil.pid_exists(pid) for pid in pids),
        )


def cpu_ns(pid: int) -> int | None:
    """CPU time of a process since its start; None if it is gone."""
    if sys.platform == "linux":
        with suppress(OSError):
            return time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)
        return None
    with suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return int((times.user + times.system) * 1e9)
    return None


def tree_cpu_ns(pid: int) -> int | None:
    """CPU time of a process and all its descendants, those that have ended included; None if it is gone.

    The kernel adds an ended child's time to its parent's, in steps of 10 ms.
    """
    try:
        root = psutil.Process(pid)
        alive = [root, *root.children(recursive=True)]
    except psutil.Error:
        return None
    return sum(_own_and_ended_ns(process) for process in alive)


def _own_and_ended_ns(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        times = process.cpu_times()
        ended_s = times.children_user + times.children_system
        return (cpu_ns(process.pid) or 0) + int(ended_s * 1e9)
    return 0


def memory_and_threads(pids: Sequence[int]) -> tuple[int, int]:
    """(resident bytes, threads), summed over the processes that are alive."""
    rss = threads = 0
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            rss += process.memory_info().rss
            threads += process.num_threads()
    return rss, threads


def switches(pids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Thread id → (voluntary, involuntary) context switches; empty where there is no /proc."""
    found: dict[int, tuple[int, int]] = {}
    for pid in pids:
        for task in _entries(Path(f"/proc/{pid}/task")):
            with suppress(OSError, ValueError):
                lines = (task / "status").read_text().splitlines()[-2:]
                voluntary, involuntary = (int(line.split()[1]) for line in lines)
                found[int(task.name)] = (voluntary, involuntary)
    return found


def _growth(before: list[int | None], after: list[int | None]) -> int | None:
    """Sum of the differences; None if any process is gone, because its last reading is lost."""
    known = [(b, a) for b, a in zip(before, after, strict=True) if b is not None and a is not None]
    return sum(a - b for b, a in known) if known and len(known) == len(before) else None


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []
