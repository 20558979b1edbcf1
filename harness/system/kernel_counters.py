"""Kernel counters: CPU clocks, memory, threads, context switches, connections."""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

ESTABLISHED: Final = "01"

TICK_NS: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

USER, NICE, SYSTEM, IDLE, WAITING, STEAL = 0, 1, 2, 3, 4, 7
"""Columns of /proc/stat. Interrupts are nobody's, and left out."""


def cpu_times() -> list[int] | None:
    """ns per column of the first line of /proc/stat; None where there is none."""
    with suppress(OSError, ValueError), Path("/proc/stat").open() as file:
        return [int(ticks) * TICK_NS for ticks in file.readline().split()[1:]]
    return None


def idle_ns(cores: Sequence[int]) -> int | None:
    """How long these cores have had nothing to do since boot, added up; None where there is no /proc. In steps of 10 ms."""
    with suppress(OSError, ValueError, KeyError):
        lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
        by_name = {name: ticks for name, *ticks in lines if name.startswith("cpu")}
        return sum(int(by_name[f"cpu{core}"][column]) for core in cores for column in (IDLE, WAITING)) * TICK_NS
    return None


def swapped_bytes() -> int | None:
    """Bytes swapped in and out since boot."""
    with suppress(OSError, ValueError):
        lines = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
        return (int(lines["pswpin"]) + int(lines["pswpout"])) * PAGE_BYTES
    return None


def connections(port: int) -> int | None:
    """Established connections at a local IPv4 port; None where there is no /proc."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        return None
    local = f":{port:04X}"
    rows = (line.split(maxsplit=4) for line in table.read_text().splitlines()[1:])
    return sum(row[1].endswith(local) and row[3] == ESTABLISHED for row in rows)


def busy_ns(before: Sequence[int], after: Sequence[int]) -> int:
    """CPU that all processes used between two readings of `cpu_times`."""
    return sum(after[column] - before[column] for column in (USER, NICE, SYSTEM))


CPUCLOCK_SCHED: Final = 2  # linux/posix-timers.h: process CPU clock id = (~pid << 3) | CPUCLOCK_SCHED


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


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []
