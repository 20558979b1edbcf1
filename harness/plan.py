"""A scenario in, every slice of every block out: which arm is loaded when, with what. Pure, and seeded.

All arms of a block are up at once, one is loaded at a time, and the order is shuffled anew in every
round, so that slow drift of the machine hits all arms alike (see docs/method.md).
"""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from harness.samples import LATENCIES_PER_SLICE
from harness.scenario import Arm, Endpoint, Load, Scenario

WARM_UP_LATENCIES = 2


@dataclass(frozen=True)
class Cell:
    """arm × endpoint × level."""

    arm: str
    endpoint: str  # the endpoint's label: name and query
    users: int


@dataclass(frozen=True)
class Slice:
    """One stretch of load on one cell."""

    index: int  # in its block
    cell: Cell
    path: str  # with the query
    warm_up: bool  # the first round of a block is not analysed
    least_s: float  # the least time a correct answer takes
    seconds: float  # lasts at least this …
    longest_s: float  # … and, once the cell's latency is known, at most this
    seed: int


@dataclass(frozen=True)
class Block:
    """Every arm freshly started, every cell visited in shuffled slices, everything stopped."""

    index: int
    slices: tuple[Slice, ...]


def expand(scenario: Scenario) -> list[Block]:
    """All blocks; the same for the same scenario and seed."""
    return [_block(scenario, index) for index in range(scenario.blocks)]


def cells(scenario: Scenario) -> Iterator[tuple[Cell, Arm, Endpoint]]:
    """Every cell with its arm and endpoint, in the scenario's order."""
    for endpoint in scenario.endpoints:
        for users in endpoint.users:
            for arm in scenario.arms:
                yield Cell(arm.name, endpoint.label, users), arm, endpoint


def path(arm: Arm, endpoint: Endpoint) -> str:
    """The URL path of an endpoint's view in the arm's colour."""
    query = "&".join(f"{key}={value}" for key, value in endpoint.query.items())
    return f"/{arm.view}/{endpoint.name}/" + (f"?{query}" if query else "")


def digest(blocks: list[Block]) -> str:
    """A hash of the plan: two runs with the same one asked the same thing in the same order."""
    text = json.dumps([asdict(block) for block in blocks], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def expected_s(scenario: Scenario) -> float:
    """A rough length of the whole run in seconds, from declared waits and caps; start-up included."""
    load = scenario.load
    per_block = 3.0 + 0.8 * len(scenario.arms)
    for _, slice_s, drain_s in _guesses(scenario):
        warm_up_s = max(load.slice_s, slice_s / LATENCIES_PER_SLICE * WARM_UP_LATENCIES)
        per_block += warm_up_s + drain_s + load.visits * (slice_s + drain_s)
    return per_block * scenario.blocks


def _guesses(scenario: Scenario) -> Iterator[tuple[Cell, float, float]]:
    """Each cell with a guessed slice and drain length in seconds; a request is taken to cost 1 ms of CPU."""
    load = scenario.load
    for cell, arm, endpoint in cells(scenario):
        least_s = endpoint.least_ms / 1000
        queued_s = cell.users * least_s / arm.cap if arm.cap else 0.0
        latency_s = max(least_s, queued_s, cell.users * 0.001)
        slice_s = min(max(load.slice_s, LATENCIES_PER_SLICE * latency_s), max(load.slice_max_s, load.slice_s))
        yield cell, slice_s, min(latency_s, load.drain_s)


def _block(scenario: Scenario, index: int) -> Block:
    rng = random.Random(f"{scenario.seed}/{index}")
    visits = list(cells(scenario))
    slices: list[Slice] = []
    for round_ in range(1 + scenario.load.visits):
        rng.shuffle(visits)
        for cell, arm, endpoint in visits:
            slices.append(
                _slice(
                    len(slices), cell, path(arm, endpoint), endpoint.least_ms / 1000, scenario.load, round_ == 0, rng
                )
            )
    return Block(index, tuple(slices))


def _slice(index: int, cell: Cell, path: str, least_s: float, load: Load, warm_up: bool, rng: random.Random) -> Slice:
    shortest = max(load.slice_s, WARM_UP_LATENCIES * least_s) if warm_up else load.slice_s
    longest = shortest if warm_up else max(load.slice_max_s, load.slice_s)
    return Slice(index, cell, path, warm_up, least_s, shortest, longest, rng.randrange(2**31))


def as_json(scenario: Scenario, blocks: list[Block]) -> dict[str, Any]:
    """What the run folder keeps of the plan."""
    return {"hash": digest(blocks), "seed": scenario.seed, "blocks": len(blocks)}
