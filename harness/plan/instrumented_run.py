"""A scenario in, the scenario of its instrumented run out: every arm as it is, and again with the probe. Pure.

Both are measured in the same block, so that the overhead of the probe is known.
"""

from typing import Final

from harness.plan import layout
from harness.registry.load_modes import CLOSED
from harness.samples import LATENCIES_PER_SLICE
from harness.scenario.arm import Arm
from harness.scenario.endpoint import Endpoint
from harness.scenario.model import Comparison, Load, Scenario

INSTRUMENTED_RUNS: Final = "explain"
"""Subfolder of a run that holds its instrumented runs."""

INSTRUMENTED: Final = " (instrumented)"

VISITS: Final = 2  # of an open loop

SHORT_S: Final = 1.0


def instrumented(scenario: Scenario) -> Scenario:
    """One block of short slices, each arm twice. Controls and claims are left out: nothing here is a result."""
    arms = [arm for arm in scenario.arms if arm.control_of is None]
    return scenario.model_copy(
        update={
            "blocks": 1,
            "time": None,
            "load": narrow(short(scenario.load, scenario.endpoints), layout.most_connections(scenario)),
            "arms": [one for arm in arms for one in (arm, with_probe(arm))],
            "endpoints": both(scenario.endpoints, {arm.name for arm in arms}),
            "comparisons": [Comparison(arm=arm.name + INSTRUMENTED, over=arm.name) for arm in arms],
            "claims": [],
            "instrumented": True,
        }
    )


def with_probe(arm: Arm) -> Arm:
    """The same arm with the probe around its application."""
    return arm.model_copy(update={"name": arm.name + INSTRUMENTED, "instrumented": True})


def short(load: Load, endpoints: list[Endpoint]) -> Load:
    """Slices just long enough to be filled: counts per request need no more. Of a closed loop one visit does."""
    if load.mode == CLOSED:
        return load.model_copy(update={"visits": 1})
    longest_s = max(endpoint.longest_ms for endpoint in endpoints) / 1000
    most_s = max(load.seconds, SHORT_S, LATENCIES_PER_SLICE * longest_s)
    return load.model_copy(update={"visits": VISITS, "slice_max_s": min(load.longest_s, most_s)})


def narrow(load: Load, connections: int) -> Load:
    """Of arrivals, at most half of what may be under way in a run: with twice the arms as many sockets do, so that a
    machine that can do the run can do this one. The users of a closed loop are as many as they are.
    """
    if load.mode == CLOSED:
        return load
    return load.model_copy(update={"max_in_flight": min(connections, layout.MOST_IN_FLIGHT // 2)})


def both(endpoints: list[Endpoint], arms: set[str]) -> list[Endpoint]:
    """The endpoints with the names of the arms they are asked of doubled; those that only controls are asked for left out."""
    kept = [endpoint for endpoint in endpoints if not endpoint.arms or arms & set(endpoint.arms)]
    return [
        one.model_copy(
            update={"arms": [name + side for name in one.arms if name in arms for side in ("", INSTRUMENTED)]}
        )
        for one in kept
    ]
