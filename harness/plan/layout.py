"""A scenario in, every slice of every block out: which arm is loaded when, with what. Pure, and seeded.

All arms of a block are up at once, one is loaded at a time, and the order is shuffled anew in every
round, so that drift affects all arms equally (see docs/method.md).
"""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from math import ceil, floor, log10
from typing import Any, Final

from harness.plan.slices import Block, Call, Cell, Level, Open, Purpose, Sent, Slice
from harness.registry.load_modes import CAPACITY, CLOSED
from harness.samples import FILLING_ANSWERS, LATENCIES_PER_SLICE, WARM_S
from harness.scenario.arm import Arm
from harness.scenario.endpoint import Endpoint, Part
from harness.scenario.model import Load, Scenario

WARM_UP_LATENCIES: Final = 2

FILLING_SHARE: Final = 5
"""The filling of an open-loop slice counts as no more than this part of it, twice."""

MOST_IN_FLIGHT: Final = 4_000

PAUSE_S: Final = 0.1
"""Between two slices: connections looked at, counters read."""

REQUEST_S: Final = {"WSGI": 0.001, "ASGI": 0.0025}
"""What a request is taken to cost a server's core, to guess how long a run lasts."""

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


def rehearsals(scenario: Scenario) -> list[Visit]:
    """What the arm that a control repeats is asked and the control is not: to warm up it is asked that too.

    A server that has had 256 requests in flight keeps more than one that has not, and its full collections take longer: here a
    control without them was 7 % faster than its equal.
    """
    own = list(cells(scenario))
    met = {(cell.arm, cell.endpoint, cell.level) for cell, _, _ in own}
    controls = [arm for arm in scenario.arms if arm.control_of is not None]
    return [
        (Cell(control.name, cell.endpoint, cell.level), control, endpoint)
        for control in controls
        for cell, _, endpoint in own
        if cell.arm == control.control_of and (control.name, cell.endpoint, cell.level) not in met
    ]


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
    return tuple(_call(arm, part) for part in endpoint.parts)


def _call(arm: Arm, part: Part) -> Call:
    key, streams = part.label if part.listed else None, (part.page is not None and part.page.streams) or None
    return Call(part.reported, path(arm, part), part.share, _request(part), key, streams)


def _request(part: Part) -> Sent | None:
    """What a page is sent beyond a plain GET; None for one."""
    if part.page is None:
        return None
    body, headers = part.page.content
    return Sent(part.page.method, tuple((headers | part.page.headers).items()), body, tuple(part.page.status))


def path(arm: Arm, part: Part) -> str:
    """What this arm is asked for, query included."""
    return part.path(arm.view)


def digest(scenario: Scenario, blocks: list[Block]) -> str:
    """A hash of the plan: two runs with the same one asked the same thing in the same order."""
    text = scenario.model_dump_json() + json.dumps([_told(block) for block in blocks], sort_keys=True)
    if scenario.lists:
        text += json.dumps(scenario.lists, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _told(block: Block) -> dict[str, Any]:
    """A block for its hash: a plain GET is sent nothing, and has no word for it."""
    told = asdict(block)
    for slice_ in told["slices"]:
        slice_["calls"] = [{key: one for key, one in call.items() if one is not None} for call in slice_["calls"]]
    return told


def expected_s(scenario: Scenario) -> float:
    """A rough length of the whole run in seconds, from declared waits and concurrency limits; start-up included."""
    per_block = start_s(scenario)
    for warm_up_s, measured_s in _guesses(scenario):
        per_block += warm_up_s + scenario.load.visits * measured_s
    return per_block * scenario.most_blocks


def start_s(scenario: Scenario) -> float:
    """About how long it takes to start and stop what a block needs."""
    return 3.0 + 0.8 * len(scenario.arms)


def shortest_ms(scenario: Scenario) -> float:
    """About the shortest latency of a cell: its endpoint's least time, or in closed loop what its users take a core to serve.

    Rounded down to a power of ten, so that scenarios that need about the same share a calibration.
    """
    per_user_ms = 1000 * REQUEST_S["WSGI"] / 2 if scenario.load.mode == CLOSED else 0.0
    shortest = min(max(endpoint.mean_ms, cell.level * per_user_ms) for cell, _, endpoint in cells(scenario))
    return float(10 ** floor(log10(shortest))) if shortest > 0 else 0.0


def told(slice_: Slice, latency_ms: float | None) -> dict[str, Any]:
    """What a load generator is told of a slice: the plan's own words, and what follows from the cell's latency, if it is known.

    `filling_ns`: in closed loop users' starts are spread over it, because users that start together stay in step; in open
    loop twice that is cut off, the same for every arm because the arrivals are. `latencies`: how many of the latencies that
    are seen a closed-loop slice lasts once it is full; to warm up it has done enough when it is.
    """
    least_ns = slice_.least_s * 1e9
    known_ms = latency_ms if slice_.spread_s is None else 1000 * slice_.spread_s
    latency_ns = least_ns if slice_.open else max((known_ms or 0.0) * 1e6, least_ns)
    return {
        "slice": asdict(slice_),
        "filling_ns": int(min(latency_ns, slice_.seconds * 1e9 / FILLING_SHARE)) if slice_.open else int(latency_ns),
        "latencies": 0 if slice_.purpose == "warm-up" else LATENCIES_PER_SLICE,
    }


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


def _guesses(scenario: Scenario) -> Iterator[tuple[float, float]]:
    """Each cell's guessed seconds of warm-up and of one visit, pause and drain included."""
    load = scenario.load
    for cell, arm, endpoint in cells(scenario):
        least_s = endpoint.longest_ms / 1000
        if load.mode != CLOSED:
            drain_s = min(least_s, load.drain_s) + PAUSE_S
            yield min(4 * load.seconds, load.longest_s) + drain_s, load.longest_s + drain_s
            continue
        queued_s = cell.level * least_s / arm.concurrency_limit if arm.concurrency_limit else 0.0
        latency_s = max(least_s, queued_s, cell.level * REQUEST_S[arm.table.interface])
        around_s = (FILLING_ANSWERS + 1) * latency_s + PAUSE_S  # filling before, drain after
        longest_s = load.longest_s + PAUSE_S
        yield (
            min(2 * latency_s + WARM_S + PAUSE_S, longest_s),
            min(around_s + max(load.seconds, LATENCIES_PER_SLICE * latency_s), longest_s),
        )


def _block(scenario: Scenario, index: int) -> Block:
    if scenario.adaptive:
        return Block(index, ())  # its slices follow from how the earlier ones went: courses.py
    rng = random.Random(f"{scenario.seed}/{index}")
    slices: list[Slice] = []
    for round_ in range(1 + scenario.load.visits):
        purpose: Purpose = "measure" if round_ else "warm-up"
        visits = list(cells(scenario)) + ([] if round_ else rehearsals(scenario))
        for cell, arm, endpoint in _shuffled(visits, rng):
            seed = seed_of(scenario.seed, index, round_, cell)
            slices.append(slice_of(len(slices), cell, arm, endpoint, scenario.load, purpose, seed))
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


def slice_of(index: int, cell: Cell, arm: Arm, endpoint: Endpoint, load: Load, purpose: Purpose, seed: int) -> Slice:
    """A visit of a cell."""
    asked, least_s = calls(arm, endpoint), endpoint.longest_ms / 1000
    if load.mode == CLOSED:
        first_s = endpoint.slowest_least_ms / 1000
        return Slice(index, cell, asked, purpose, first_s, load.seconds, load.longest_s, seed)
    warm_up_s = max(load.seconds, WARM_UP_LATENCIES * least_s)
    how = Open(load.arrivals, max_in_flight(load, cell.level), arm.table.keeps_alive)
    seconds = min(4 * warm_up_s, load.longest_s) if purpose == "warm-up" else load.longest_s
    return open_slice(index, cell, asked, least_s, purpose, seconds, seed, how)


def as_json(scenario: Scenario, blocks: list[Block]) -> dict[str, Any]:
    """The plan as stored in the run folder."""
    return {"hash": digest(scenario, blocks), "seed": scenario.seed, "blocks": len(blocks)}
