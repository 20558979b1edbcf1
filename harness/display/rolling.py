"""Figures of the last slices, and how long the rest will take. Pure: the clock is the caller's."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from harness.samples import Played

LAST: Final = 8
"""So many slices are the last ones."""

TRUST: Final = 0.1
"""The expected time of a run counts as much as having measured this part of it."""


@dataclass(frozen=True)
class Lately:
    """The last slices together."""

    slices: int
    rate_rps: float | None  # correct responses per second of load; None: no time has passed
    worst_p95_ms: float | None  # percentiles are not averaged: the worst of those slices that have one
    failures: int
    load_busy: float | None  # the load generators' CPU, in cores; None: not known here


class Last:
    """Remembers LAST slices."""

    def __init__(self) -> None:
        self._seen: deque[tuple[Played, float | None]] = deque(maxlen=LAST)

    def add(self, played: Played, load_busy: float | None) -> None:
        self._seen.append((played, load_busy))

    @property
    def lately(self) -> Lately | None:
        """None before the first slice."""
        if not self._seen:
            return None
        played = [one for one, _ in self._seen]
        busy = [(cores, seconds(one)) for one, cores in self._seen if cores is not None]
        loaded_s, known_s = sum(map(seconds, played)), sum(length_s for _, length_s in busy)
        return Lately(
            slices=len(played),
            rate_rps=sum(one.requests - one.failures for one in played) / loaded_s if loaded_s else None,
            worst_p95_ms=max((one.p95_ms for one in played if one.p95_ms is not None), default=None),
            failures=sum(one.failures for one in played),
            load_busy=sum(cores * length_s for cores, length_s in busy) / known_s if known_s else None,
        )


def seconds(played: Played) -> float:
    """From when the first request may be sent to when the last response has come."""
    return (played.drained_ns - played.start_ns) / 1e9


@dataclass
class Pace:
    """How far a run is and how long the rest will take. `slices` of a block may be a guess."""

    blocks: int  # to measure, at most
    slices: int
    expected_s: float
    timed: bool = False  # the run was given this time, and will take it
    finished: int = 0  # blocks
    played: int = 0  # slices of the block under way

    @property
    def done(self) -> float:
        """The finished part, from 0 to 1."""
        within = min(self.played / self.slices, 0.99) if self.slices else 0.0
        return min((self.finished + within) / self.blocks, 1.0) if self.blocks else 1.0

    def part(self, elapsed_s: float) -> float:
        """How far the run is, from 0 to 1: of its time, where it was given one."""
        return min(elapsed_s / self.expected_s, 1.0) if self.timed and self.expected_s else self.done

    def left_s(self, elapsed_s: float) -> float:
        """The expected time of what is left, corrected by how this run compares with what was expected of it so far."""
        if self.timed:
            return max(0.0, self.expected_s - elapsed_s)
        prior_s = TRUST * self.expected_s
        expected_s = self.done * self.expected_s
        slower = (elapsed_s + prior_s) / (expected_s + prior_s) if prior_s else 1.0
        return (1 - self.done) * self.expected_s * slower
