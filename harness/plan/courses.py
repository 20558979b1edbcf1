"""The slices of a block: a fixed plan, or a capacity search; and the blocks that are left."""

from collections.abc import Callable, Generator, Iterator, Mapping

from harness.plan import capacity_search, layout
from harness.plan.capacity_search import Course, Found, Key
from harness.plan.slices import Block, Slice
from harness.registry.load_modes import CAPACITY
from harness.samples import Played
from harness.scenario.model import Scenario


def expected_s(scenario: Scenario) -> float:
    """About how long a run takes, with all the blocks it may have."""
    return capacity_search.expected_s(scenario) if searching(scenario) else layout.expected_s(scenario)


def slices_of(scenario: Scenario) -> int:
    """How many slices a block has; a guess where they are searched for."""
    return capacity_search.expected_slices(scenario) if searching(scenario) else len(layout.expand(scenario)[0].slices)


def blocks_left(scenario: Scenario, finished: Callable[[], set[int]], narrow: Callable[[], bool]) -> Iterator[Block]:
    """The planned blocks that are not there; where there is a rule, until it is met. A gap between blocks is always filled."""
    for block in layout.expand(scenario):
        there = finished()
        if block.index in there:
            continue
        may_end = block.index >= max(scenario.fewest_blocks, 1 + max(there, default=-1))
        if scenario.rule and may_end and narrow():
            return
        yield block


def course(scenario: Scenario, block: Block, found: Callable[[int], Mapping[Key, float]], most_rate: float) -> Course:
    """What is played in a block, slice by slice: fixed beforehand, or a search from what the earlier blocks `found`."""
    if searching(scenario):
        return capacity_search.course(scenario, block.index, found(block.index), most_rate)
    return fixed(block)


def searching(scenario: Scenario) -> bool:
    """Whether the slices of a block depend on how the earlier ones went."""
    return bool(scenario.load.mode == CAPACITY)


def fixed(block: Block) -> Course:
    """A course that is known beforehand."""
    yield from (slice_ for slice_ in block.slices)  # a generator, because a tuple cannot be told how it went
    return []


def follow(course: Generator[Slice, Played | None, list[Found]], play: Callable[[Slice], Played | None]) -> list[Found]:
    """Play each slice that the course asks for and tell it how it went; what the course returns."""
    try:
        slice_ = next(course)
        while True:
            slice_ = course.send(play(slice_))
    except StopIteration as end:
        found: list[Found] = end.value
        return found
