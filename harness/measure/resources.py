"""Resource usage of a slice: CPU, memory, threads and context switches per process group.

CPU comes from each process's own CPU clock (clock_getcpuclockid(3)): nanoseconds, all threads, those that
have ended included. /proc/PID/schedstat has the same resolution but only the main thread, and a sum over
/proc/PID/task loses every thread that has ended, which under ASGI is one per sync request.
"""

import time
from collections.abc import Mapping, Sequence

import psutil

from harness.samples import SERVICES, Usage
from harness.system.kernel_counters import cpu_ns, memory_and_threads, switches, tree_cpu_ns


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


def _growth(before: list[int | None], after: list[int | None]) -> int | None:
    """Sum of the differences; None if any process is gone, because its last reading is lost."""
    known = [(b, a) for b, a in zip(before, after, strict=True) if b is not None and a is not None]
    return sum(a - b for b, a in known) if known and len(known) == len(before) else None
