"""What this machine is: cores, memory, versions, and how its cores are shared out between server and load."""

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil

from harness.errors import UserError

PACKAGES: Final = (
    "django", "asgiref", "gunicorn", "uvicorn", "uvicorn-worker", "uvloop", "httptools", "gevent", "hypercorn", "daphne",
    "granian", "locust", "aiohttp", "urllib3",
)  # fmt: skip


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
    """Bind this process, the harness, to the load's cores for a while."""
    if cores.load is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores.load)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def refuse_too_many_connections(users: int, arms: int) -> None:
    """UserError if the load maker may not open as many sockets as there are users on all arms."""
    import resource

    needed, (_, hard) = users * arms + 200, resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        most = (hard - 200) // arms
        raise UserError(
            f"{users} users on {arms} arms need {needed} open files, this system allows {hard}:"
            f" lower the users to {most}, or raise the limit (`ulimit -Hn`)"
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
