"""What the blocks before showed: how far visits of a cell, and duets of a pair, differ. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from statistics import median
from typing import Final

from harness.plan.slices import Cell
from harness.samples import Played
from harness.statistics import robust

PRIOR_VISITS: Final = 2
"""How many visits a guess is worth."""


@dataclass(frozen=True)
class Earlier:
    """A visit, or a duet, of a block before."""

    block: int
    cells: tuple[Cell, ...]  # one, or the two of a duet
    played: tuple[Played, ...]

    @property
    def log(self) -> float | None:
        """Of a visit its rate, of a duet what its arms cost one over the other; None where it says nothing: a visit beside which
        other processes had a part of the machine is left out where it is analysed, too."""
        if len(self.played) == 1:
            if self.played[0].disturbed:
                return None
            return log(rate) if (rate := rate_of(self.played[0])) > 0 else None
        costs = [cost_of(one) for one in self.played]
        return log(costs[0] / costs[1]) if min(costs) > 0 else None


def rate_of(played: Played) -> float:
    """Correct responses per second of what was not spent on full collections: whether one falls into a slice is chance."""
    return (played.requests - played.failures) / max(lasted_s(played) - played.server_gc_ns / 1e9, lasted_s(played) / 2)


def cost_of(played: Played) -> float:
    """CPU (ns) per correct response but for full collections; 0 where it is not known."""
    return ((played.server_cpu_ns or 0) - played.server_gc_ns) / max(1, played.requests - played.failures)


def lasted_s(played: Played) -> float:
    """From the first request to the last answer."""
    return max(1e-9, (played.drained_ns - played.start_ns) / 1e9)


def spare_s(before: Iterable[Earlier], pause_s: float) -> float:
    """What duets and further visits of a cell took, each with a pause after it: what these blocks could have done without."""
    met, found = set[tuple[int, tuple[Cell, ...]]](), 0.0
    for one in before:
        place = one.block, one.cells
        if len(one.cells) == 1 and place not in met:
            met.add(place)
        else:
            found += max(map(lasted_s, one.played)) + pause_s
    return found


def variance(blocks: Sequence[Sequence[float]], guess: float) -> float:
    """Of the log of what one visit shows, by how those of a block differ; by `guess`, a standard deviation, where little is seen.
    A visit in which the machine stood still counts as any other."""
    told = [own for own in blocks if len(own) > 1]
    apart = [abs(one - median(own)) for own in told for one in own]
    freedom = len(apart) - len(told)
    seen = robust.spread(apart) ** 2 * len(apart) if apart else 0.0
    return (guess**2 * PRIOR_VISITS + seen) / (PRIOR_VISITS + freedom)
