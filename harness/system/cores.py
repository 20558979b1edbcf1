"""How this machine's cores are shared out between the servers and everything else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Cores:
    """Which cores the servers get and which the load generator and the services; None: no affinity on this system."""

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
            None, None, "only one core: server and load share it, so every figure includes the load generator's cost"
        )
    half = len(usable) // 2
    return Cores(tuple(usable[:half]), tuple(usable[half:]))


@contextmanager
def off_the_servers(cores: Cores) -> Iterator[None]:
    """Keep this process, the harness, out of the way: on the load's cores, and never in place of the load generator.

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
