"""A scenario in, every slice of every block out: which arm is loaded when, with what. Pure, and seeded.

All arms of a block are up at once, one is loaded at a time, and the order is shuffled anew in every
round, so that drift affects all arms equally (see docs/method.md).
"""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from math import ceil
from typing import Any, Final

from harness.plan.slices import Block, Call, Cell, Level, Open, Purpose, Slice
from harness.registry.load_modes import CAPACITY, CLOSED
from harness.samples import FEWEST_LATENCIES, LATENCIES_PER_SLICE
from harness.scenario.arm import Arm
from harness.scenario.endpoint import Endpoint, Part
from harness.scenario.model import Load, Scenario

WARM_UP_LATENCIES: Final = 2

MOST_IN_FLIGHT: Final = 4_000

Visit = tuple[Cell, Arm, Endpoint]


def expand(scenario: Scenario) -> list[Block]:
    """All blocks there may be; the same for the same scenario and seed, and each the same however many there are."""
    return [_block(scenario, index) for index in range(scenario.most_blocks)]


def cells(scenario: Scenario) -> Iterator[Visit]:
    """Every cell with its arm and endpoint, in the scenario's order."""
    for endpoint in scenario.endpoints:
        for level in endpoint.levels:
            for arm in scenario.arms_of(endpoint):
                yield Cell(arm.name, endpoint.label, level), arm, endpoint


def reported(scenario: Scenario) -> list[Cell]:
    """Every cell of the report, in the scenario's order: those that are loaded, and of a mix each part as well."""
    return [
        Cell(arm.name, label, level)
        for endpoint in scenario.endpoints
        for label in endpoint.labels
        for level in endpoint.levels
        for arm in scenario.arms_of(endpoint)
    ]


def calls(arm: Arm, endpoint: Endpoint) -> tuple[Call, ...]:
    """The requests of this endpoint, to the arm's view."""
    return tuple(Call(part.label, path(arm, part), part.share) for part in endpoint.parts)


def path(arm: Arm, part: Part) -> str:
    """The URL path of an endpoint's view of this arm."""
    query = "&".join(f"{key}={value}" for key, value in part.query.items())
    return f"/{arm.view}/{part.name}/" + (f"?{query}" if query else "")


def digest(scenario: Scenario, blocks: list[Block]) -> str:
    """A hash of the plan: two runs with the same one asked the same thing in the same order."""
    text = scenario.model_dump_json() + json.dumps([asdict(block) for block in blocks], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def expected_s(scenario: Scenario) -> float:
    """A rough length of the whole run in seconds, from declared waits and concurrency limits; start-up included."""
    load = scenario.load
    per_block = 3.0 + 0.8 * len(scenario.arms)
    for _, slice_s, drain_s in _guesses(scenario):
        warm_up_s = max(load.slice_s, slice_s / LATENCIES_PER_SLICE * WARM_UP_LATENCIES)
        per_block += warm_up_s + drain_s + load.visits * (slice_s + drain_s)
    return per_block * scenario.most_blocks


def timing(slice_: Slice, latency_ms: float | None) -> tuple[int, int]:
    """(length, filling time) of a slice in ns, given the cell's latency where it is known.

    In open loop both are the same for every arm, because the arrivals are: the length is fixed, and the filling time
    is the endpoint's least time. In closed loop the length is ten of the cell's latencies, within the slice's bounds, and the
    filling time is one latency: closed-loop users' starts are spread over it, and twice that is cut
    off. Where the upper bound cuts the slice short (a queue as long as the slice), it is a fifth of the slice: a
    saturated server is filled as soon as every user has sent its first request.
    """
    least_ns = slice_.least_s * 1e9
    latency_ns = least_ns if slice_.open else max((latency_ms or 0.0) * 1e6, least_ns)
    shortest_ns, longest_ns = slice_.seconds * 1e9, slice_.longest_s * 1e9
    length_ns = min(max(shortest_ns, LATENCIES_PER_SLICE * latency_ns), longest_ns)
    return int(length_ns), int(min(latency_ns, length_ns / FEWEST_LATENCIES))


def open_slice(
    index: int,
    cell: Cell,
    calls: tuple[Call, ...],
    least_s: float,
    purpose: Purpose,
    seconds: float,
    seed: int,
    how: Open,
) -> Slice:
    """A slice of fixed length in open loop."""
    return Slice(index, cell, calls, purpose, least_s, seconds, seconds, seed, how)


def max_in_flight(load: Load, rate: float) -> int:
    """The scenario's own, or as many requests as can be under way before the oldest times out; within bounds."""
    return load.max_in_flight or min(ceil(rate * load.timeout_s), MOST_IN_FLIGHT)


def most_connections(scenario: Scenario) -> int:
    """The most connections the load generator may have to one arm."""
    if scenario.load.mode == CLOSED:
        return int(max(cell.level for cell, _, _ in cells(scenario)))
    if scenario.load.mode == CAPACITY:
        return scenario.load.max_in_flight or MOST_IN_FLIGHT
    return max(max_in_flight(scenario.load, cell.level) for cell, _, _ in cells(scenario))


def _guesses(scenario: Scenario) -> Iterator[tuple[Cell, float, float]]:
    """Each cell with a guessed slice and drain length in seconds; a request is taken to cost 1 ms of CPU."""
    load = scenario.load
    for cell, arm, endpoint in cells(scenario):
        least_s = endpoint.longest_ms / 1000
        if load.mode == CLOSED:
            queued_s = cell.level * least_s / arm.concurrency_limit if arm.concurrency_limit else 0.0
            latency_s = max(least_s, queued_s, cell.level * 0.001)
            slice_s = min(max(load.slice_s, LATENCIES_PER_SLICE * latency_s), max(load.slice_max_s, load.slice_s))
        else:
            latency_s, slice_s = least_s, load.slice_max_s
        yield cell, slice_s, min(latency_s, load.drain_s)


def _block(scenario: Scenario, index: int) -> Block:
    if scenario.load.mode == CAPACITY:
        return Block(index, ())  # its slices follow from how the earlier ones went: capacity_search.py
    rng = random.Random(f"{scenario.seed}/{index}")
    slices: list[Slice] = []
    for round_ in range(1 + scenario.load.visits):
        purpose: Purpose = "measure" if round_ else "warm-up"
        for cell, arm, endpoint in _shuffled(list(cells(scenario)), rng):
            seed = seed_of(scenario.seed, index, round_, cell)
            slices.append(_slice(len(slices), cell, arm, endpoint, scenario.load, purpose, seed))
    return Block(index, tuple(slices))


def _shuffled(visits: list[Visit], rng: random.Random) -> Iterator[Visit]:
    """A round: endpoints and levels in random order, and within each the arms, one right after the other.

    What is compared is close in time, because machine noise is correlated: the throughput of neighbouring slices of 0.25 s
    correlated by 0.53, and of those ten slices apart by 0.27.
    """
    groups: dict[tuple[str, Level], list[Visit]] = {}
    for visit in visits:
        groups.setdefault((visit[0].endpoint, visit[0].level), []).append(visit)
    order = list(groups.values())
    rng.shuffle(order)
    for group in order:
        rng.shuffle(group)
        yield from group


def seed_of(seed: int, block: int, round_: int | str, cell: Cell) -> int:
    """The seed of a slice: new in every block and round, the same for every arm."""
    return random.Random(f"{seed}/{block}/{round_}/{cell.endpoint}/{cell.level}").randrange(2**31)


def _slice(index: int, cell: Cell, arm: Arm, endpoint: Endpoint, load: Load, purpose: Purpose, seed: int) -> Slice:
    asked, least_s = calls(arm, endpoint), endpoint.longest_ms / 1000
    warm_up_s = max(load.slice_s, WARM_UP_LATENCIES * least_s)
    if load.mode != CLOSED:
        how = Open(load.arrivals, max_in_flight(load, cell.level), arm.table.keeps_alive)
        seconds = min(4 * warm_up_s, load.slice_max_s) if purpose == "warm-up" else load.slice_max_s
        return open_slice(index, cell, asked, least_s, purpose, seconds, seed, how)
    if purpose == "warm-up":
        return Slice(index, cell, asked, purpose, least_s, warm_up_s, warm_up_s, seed)
    return Slice(index, cell, asked, purpose, least_s, load.slice_s, max(load.slice_max_s, load.slice_s), seed)


def as_json(scenario: Scenario, blocks: list[Block]) -> dict[str, Any]:
    """The plan as stored in the run folder."""
    return {"hash": digest(scenario, blocks), "seed": scenario.seed, "blocks": len(blocks)}
