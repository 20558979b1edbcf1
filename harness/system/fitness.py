"""Checks for conditions of this machine that distort a measurement."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from harness.samples import OTHERS_MOST, STEAL_MOST
from harness.system.cores import Cores
from harness.system.kernel_counters import STEAL, busy_ns, cpu_times

WATCH_S: Final = 1.0

FILES_NEEDED, PORTS_NEEDED = 4_096, 10_000

Fitness = tuple[str, str, str, bool | None, str]
"""(name, figure, limit, passed or None where it cannot be had, advice)."""


def fitness(cores: Cores) -> Iterator[Fitness]:
    """Conditions of this machine that distort a measurement. Observes it for a second."""
    load, count = os.getloadavg()[0], psutil.cpu_count() or 1
    yield "load average", f"{load:.2f} over the last minute", f"{count} cores", load <= count, "wait until it is idle"
    yield from _taken()
    governors = {
        file.read_text().strip() for file in Path("/sys/devices/system/cpu").glob("cpu*/cpufreq/scaling_governor")
    }
    told = ", ".join(sorted(governors)) or "not available on this system"
    passed = governors == {"performance"} if governors else None
    yield "frequency governor", told, "performance", passed, "run `cpupower frequency-set -g performance`"
    yield from _limits()
    resolution_us = time.get_clock_info("perf_counter").resolution * 1e6
    yield "clock resolution", f"{resolution_us:g} µs", "1 µs", resolution_us <= 1, "use another clock source"
    split = f"server {cores.server}, load {cores.load}" if cores.server else str(cores.note)
    yield (
        "affinity",
        split,
        "separate cores for server and load generator",
        cores.server is not None,
        "use two cores or more, on Linux",
    )


def _taken() -> Iterator[Fitness]:
    """CPU steal and other processes, while the harness is idle."""
    before, own_ns, start_ns = cpu_times(), time.process_time_ns(), time.perf_counter_ns()
    time.sleep(WATCH_S)
    after, used_ns = cpu_times(), time.process_time_ns() - own_ns
    wall_ns = time.perf_counter_ns() - start_ns
    if before is None or after is None:
        yield "steal, other processes' CPU", "not available on this system", "2 % and 10 % of a core", None, ""
        return
    steal, others = (after[STEAL] - before[STEAL]) / wall_ns, (busy_ns(before, after) - used_ns) / wall_ns
    yield "steal", f"{100 * steal:.1f} % of a core", "2 %", steal <= STEAL_MOST, "use a machine with dedicated cores"
    yield "other processes", f"{100 * max(0.0, others):.1f} % of a core", "10 %", others <= OTHERS_MOST, "stop them"


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
