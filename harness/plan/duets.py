"""Duets: two arms loaded at the same time on the same core. Which arms, for how long. Pure.

A shared core's speed wanders by tens of percent within seconds, and most of the noise of what is CPU-bound is that. Two arms
that fill one core together, each with half of it, meet the same speed at every moment: it is not in the ratio of their costs.
Source: Bulej et al., "Duet benchmarking: improving measurement accuracy in the cloud" (ICPE 2020).
"""

from dataclasses import replace
from typing import Final

from harness.plan import layout
from harness.plan.slices import Duet
from harness.samples import Played
from harness.scenario.model import Load

FULL, OWN = 0.9, 0.6
"""Of the servers' cores: an arm that uses this much by itself is CPU-bound, and one that uses the latter while others leave
nothing of the rest: beside a process that never waits it gets half."""

SLOWER: Final = 2
"""With half of a core, an answer takes twice as long."""

SHORTEST_S, LONGEST_S = 0.25, 4.0
"""Many short ones say most. Arms that would need more than the longest take turns."""

FEWEST: Final = 3
"""Of a pair in a block, so that one that is off is none of the middle."""

ANSWERS: Final = 2
"""A duet lasts so many of the slower arm's latencies."""


def fills(played: Played, least_s: float, cores: int) -> bool:
    """Whether the arm was CPU-bound in this slice. `cores`: that the servers have; 0 where they are not pinned."""
    own_ns, full_ns = played.server_cpu_ns or 0, cores * served_ns(played.start_ns, played.drained_ns, least_s)
    if full_ns <= 0:
        return False
    rested_ns = full_ns if played.core_idle_ns is None else max(0.0, played.core_idle_ns - 1e9 * least_s * cores)
    return own_ns >= FULL * full_ns or (own_ns >= OWN * full_ns and rested_ns <= (1 - FULL) * full_ns)


def served_ns(start_ns: float, drained_ns: float, least_s: float) -> float:
    """How long a server has had something to do: not while the first requests wait for as long as they all do."""
    return drained_ns - start_ns - 1e9 * least_s


def length_s(latencies_ms: tuple[float, float]) -> float | None:
    """How long a duet of arms with these latencies lasts; None: too long."""
    seconds = max(SHORTEST_S, ANSWERS * SLOWER * max(latencies_ms) / 1000)
    return seconds if seconds <= LONGEST_S else None


def of(
    index: int,
    visits: tuple[layout.Visit, layout.Visit],
    latencies_ms: tuple[float, float],
    load: Load,
    seed: int,
    turned: bool = False,
) -> Duet:
    """Both for exactly as long, with the same seed: when one ends sooner, the other has the core for itself.

    Users' starts are spread over what a latency will be. Those that start at once stay in step, and a server that gets requests
    in bursts needs up to a fifth less CPU for each: as much as many of the differences compared here. `turned`: the other of the
    two load generators has the first arm, so that what differs between them is none of the arms'. The first arm has the lower
    index either way.
    """
    seconds = length_s(latencies_ms)
    assert seconds is not None
    one, other = (
        replace(
            layout.slice_of(index + side, *visit, load, "duet", seed),
            seconds=seconds,
            longest_s=seconds,
            beside=index + 1 - side,
            spread_s=SLOWER * latency_ms / 1000,
        )
        for side, (visit, latency_ms) in enumerate(zip(visits, latencies_ms, strict=True))
    )
    return Duet(other, one) if turned else Duet(one, other)
