"""Under what conditions a slice was played: what the host took, what others used, what the server and the slow API saw.

Read just before and just after a slice, so that it costs the slice nothing.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from harness.resources import Usage

if TYPE_CHECKING:
    from harness.deployment import Deployed
    from harness.postgres import Sessions

ESTABLISHED: Final = "01"
TICK_NS: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
USER, NICE, SYSTEM, STEAL = 0, 1, 2, 7  # columns of /proc/stat; interrupts are nobody's, and left out


@dataclass(frozen=True)
class Conditions:
    """One slice. None: this system does not say."""

    slice: int
    wall_ns: int
    steal_ns: int | None  # time the host took from this machine, all cores
    others_ns: int | None  # CPU of processes that are not ours, all cores; in steps of 10 ms
    swapped_bytes: int | None  # in and out, by anyone
    connections: int | None  # established at the server's port after the slice
    seen: int | None  # requests that reached the application, counted by its own processes
    workers: int | None  # processes of the arm that had loaded the application by the end
    new_workers: int | None  # those of them that were not there at the start
    upstream_requests: int | None  # what the slow API answered …
    upstream_late_p99_ms: float | None  # … and how much later than asked
    sessions_opened: int | None  # connections to the database made in the slice, counted by it …
    sessions: int | None  # … and those open after it


class Told(Protocol):
    """What services say of themselves."""

    def upstream_stats(self) -> Any: ...

    def sessions(self) -> "Sessions | None": ...


class Surroundings:
    """begin() before a slice, end() after it."""

    def __init__(self, index: int, deployed: "Deployed", around: Told) -> None:
        self._index, self._deployed, self._around = index, deployed, around

    def begin(self) -> None:
        self._around.upstream_stats()  # starts its counters anew
        self._sessions = self._around.sessions()
        self._seen = self._deployed.seen()
        self._swapped, self._own_ns = swapped_bytes(), time.process_time_ns()
        self._cpu, self._wall_ns = cpu_times(), time.perf_counter_ns()

    def end(self, usage: Sequence[Usage]) -> Conditions:
        """`usage`: what our own process groups used meanwhile."""
        cpu, wall_ns, swapped = cpu_times(), time.perf_counter_ns() - self._wall_ns, swapped_bytes()
        ours = [row.cpu_ns for row in usage if row.processes] + [time.process_time_ns() - self._own_ns]
        seen, upstream = self._deployed.seen(), self._around.upstream_stats() or {}
        sessions = self._around.sessions()
        return Conditions(
            slice=self._index,
            wall_ns=wall_ns,
            steal_ns=cpu[STEAL] - self._cpu[STEAL] if cpu and self._cpu else None,
            others_ns=_others_ns(self._cpu, cpu, ours),
            swapped_bytes=None if swapped is None or self._swapped is None else swapped - self._swapped,
            connections=connections(self._deployed.port),
            seen=sum(seen.values()) - sum(self._seen.values()) if seen else None,
            workers=len(seen) or None,
            new_workers=len(seen.keys() - self._seen.keys()) if seen else None,
            upstream_requests=upstream.get("requests"),
            upstream_late_p99_ms=upstream.get("late_p99_ms"),
            sessions_opened=sessions.opened - self._sessions.opened if sessions and self._sessions else None,
            sessions=sessions.open if sessions else None,
        )


def cpu_times() -> list[int] | None:
    """ns per column of the first line of /proc/stat; None where there is none."""
    with suppress(OSError, ValueError), Path("/proc/stat").open() as file:
        return [int(ticks) * TICK_NS for ticks in file.readline().split()[1:]]
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


def _others_ns(before: Sequence[int] | None, after: Sequence[int] | None, ours: Sequence[int | None]) -> int | None:
    """CPU of everyone else; None if any share of ours is unknown."""
    known = [ns for ns in ours if ns is not None]
    if before is None or after is None or len(known) < len(ours):
        return None
    return max(0, busy_ns(before, after) - sum(known))


def busy_ns(before: Sequence[int], after: Sequence[int]) -> int:
    """CPU that all processes used between two readings of `cpu_times`."""
    return sum(after[column] - before[column] for column in (USER, NICE, SYSTEM))
