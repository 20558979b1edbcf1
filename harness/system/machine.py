"""What this machine is: processor, memory, kernel, versions; and whether its limits allow what a run needs."""

import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil

from harness.errors import UserError

PACKAGES: Final = (
    "django", "asgiref", "gunicorn", "uvicorn", "uvicorn-worker", "uvloop", "httptools", "gevent", "hypercorn", "daphne",
    "granian", "locust", "aiohttp", "urllib3",
)  # fmt: skip

SAME: Final = ("cpu", "cores", "system", "python", "implementation", "gil", "packages")
"""The facts that have to be the same for all blocks of a run."""


def refuse_too_many_connections(connections: int, arms: int) -> None:
    """UserError if the load generator may not open that many sockets to each arm."""
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
