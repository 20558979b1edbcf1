"""What this machine is: cores, memory, versions, and how its cores are shared out between server and load."""

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil

from harness.conditions import STEAL, busy_ns, cpu_times
from harness.errors import UserError

PACKAGES: Final = (
    "django", "asgiref", "gunicorn", "uvicorn", "uvicorn-worker", "uvloop", "httptools", "gevent", "hypercorn", "daphne",
    "granian", "locust", "aiohttp", "urllib3",
)  # fmt: skip
SAME: Final = ("cpu", "cores", "system", "python", "implementation", "gil", "packages")
"""The facts that have to be the same for all blocks of a run."""
WATCH_S: Final = 1.0
STEAL_MOST, OTHERS_MOST = 0.02, 0.10
FILES_NEEDED, PORTS_NEEDED = 4_096, 10_000


@dataclass(frozen=True)
class Cores:
    """Which cores the servers get and which the load maker and the services; None: no affinity on this system."""

    server: tuple[int, ...] | None
    load: tuple[int, ...] | None
    note: str | None = None  # what the split could not do, in words


def share_cores() -> Cores:
    """The first half of the usable cores for the servers, the rest for load and services."""
    if not hasattr(os, "sched_setaffinity"):
        return Cores(None, None, "this system has no CPU affinity: server and load share all cores")
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        return Cores(
            None, None, "only one core: server and load share it, so every figure includes the load maker's cost"
        )
    half = len(usable) // 2
    return Cores(tuple(usable[:half]), tuple(usable[half:]))


@contextmanager
def off_the_servers(cores: Cores) -> Iterator[None]:
    """Keep this process, the harness, out of the way: on the load's cores, and never in place of the load maker.

    SCHED_IDLE (sched(7)) gives way to any other process at once: with the normal policy a reading of /proc in mid-slice
    made requests up to 4 ms late. Children start as normal ones. Without privileges there may be no way back,
    which only matters on a machine that is busy when the report is made.
    """
    if cores.load is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores.load)
    os.sched_setscheduler(0, os.SCHED_IDLE | os.SCHED_RESET_ON_FORK, os.sched_param(0))
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, before)


def refuse_too_many_connections(connections: int, arms: int) -> None:
    """UserError if the load maker may not open that many sockets to each arm."""
    import resource

    needed, (_, hard) = connections * arms + 200, resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        most = (hard - 200) // arms
        raise UserError(
            f"{connections} connections to each of {arms} arms need {needed} open files, this system allows {hard}:"
            f" lower the users (or load.max_in_flight) to {most}, or raise the limit (`ulimit -Hn`)"
        )


def facts() -> dict[str, Any]:
    """Machine and versions, as stored with a run. A fact that cannot be had is None."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "clock": time.get_clock_info("perf_counter").implementation,
        "packages": {name: version(name) for name in PACKAGES},
    }


Fitness = tuple[str, str, str, bool | None, str]
"""(name, figure, limit, passed or None where it cannot be had, advice)."""


def fitness(cores: Cores) -> Iterator[Fitness]:
    """What of this machine would spoil a measurement. Watches it for a second."""
    load, count = os.getloadavg()[0], psutil.cpu_count() or 1
    yield "load average", f"{load:.2f} over the last minute", f"{count} cores", load <= count, "wait until it is idle"
    yield from _taken()
    governors = {
        file.read_text().strip() for file in Path("/sys/devices/system/cpu").glob("cpu*/cpufreq/scaling_governor")
    }
    told = ", ".join(sorted(governors)) or "not told by this system"
    passed = governors == {"performance"} if governors else None
    yield "frequency governor", told, "performance", passed, "`cpupower frequency-set -g performance`"
    yield from _limits()
    resolution_us = time.get_clock_info("perf_counter").resolution * 1e6
    yield "clock resolution", f"{resolution_us:g} µs", "1 µs", resolution_us <= 1, "use another clock source"
    split = f"server {cores.server}, load {cores.load}" if cores.server else str(cores.note)
    yield (
        "affinity",
        split,
        "cores of their own for server and load",
        cores.server is not None,
        "use two cores or more, and Linux",
    )


def _taken() -> Iterator[Fitness]:
    """What the host and other processes take while nothing of ours runs."""
    before, own_ns, start_ns = cpu_times(), time.process_time_ns(), time.perf_counter_ns()
    time.sleep(WATCH_S)
    after, used_ns = cpu_times(), time.process_time_ns() - own_ns
    wall_ns = time.perf_counter_ns() - start_ns
    if before is None or after is None:
        yield "steal, other processes' CPU", "not told by this system", "2 % and 10 % of a core", None, ""
        return
    steal, others = (after[STEAL] - before[STEAL]) / wall_ns, (busy_ns(before, after) - used_ns) / wall_ns
    yield "steal", f"{100 * steal:.1f} % of a core", "2 %", steal <= STEAL_MOST, "use a machine with cores of its own"
    yield "other processes", f"{100 * max(0.0, others):.1f} % of a core", "10 %", others <= OTHERS_MOST, "end them"


def _limits() -> Iterator[Fitness]:
    """Open files, and ports for outgoing connections."""
    import resource

    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = files == resource.RLIM_INFINITY or files >= FILES_NEEDED
    told = "no limit" if files == resource.RLIM_INFINITY else f"{files:,}"
    yield "open files", told, f"{FILES_NEEDED:,}", enough, "raise the limit (`ulimit -Hn`)"
    ports = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if ports.exists():
        low, high = map(int, ports.read_text().split())
        told, enough = f"{high - low + 1:,}", high - low + 1 >= PORTS_NEEDED
        yield "ports for connections", told, f"{PORTS_NEEDED:,}", enough, "widen net.ipv4.ip_local_port_range"


def version(package: str) -> str | None:
    """The installed version; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
