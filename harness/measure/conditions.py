"""Conditions of a slice: CPU steal, other processes, and the counters of server and slow API.

Read just before and just after a slice, so that it costs the slice nothing.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from harness.samples import Conditions, Usage
from harness.system.kernel_counters import STEAL, busy_ns, connections, cpu_times, swapped_bytes

if TYPE_CHECKING:
    from harness.deployment.fleet import Deployed
    from harness.services.postgres import Sessions


class Told(Protocol):
    """Counters of the services."""

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


def _others_ns(before: Sequence[int] | None, after: Sequence[int] | None, ours: Sequence[int | None]) -> int | None:
    """CPU of all other processes; None if any share of ours is unknown."""
    known = [ns for ns in ours if ns is not None]
    if before is None or after is None or len(known) < len(ours):
        return None
    return max(0, busy_ns(before, after) - sum(known))
