"""What a block plays, slice by slice: its fixed plan, a search, or what fits into its time; and which blocks are left."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from harness.errors import UserError
from harness.plan import capacity_search, layout, time_budget
from harness.plan.capacity_search import Course, Found, Key
from harness.plan.earlier import Earlier, spare_s
from harness.plan.slices import Block, Turn
from harness.registry.load_modes import CAPACITY
from harness.scenario.blocks import MOST_BLOCKS
from harness.scenario.model import Scenario

ENOUGH: Final = 0.8
"""Of what every cell once is guessed to take, or a block is seen to: guesses err."""


def expected_s(scenario: Scenario) -> float:
    """About how long a run takes, with all the blocks it may have."""
    if scenario.load.mode == CAPACITY:
        return capacity_search.expected_s(scenario)
    return layout.expected_s(scenario) if scenario.time is None else scenario.time


def slices_of(scenario: Scenario) -> int:
    """How many slices a block has; a guess where they follow from how it goes."""
    if scenario.load.mode == CAPACITY:
        return capacity_search.expected_slices(scenario)
    if scenario.time is not None:
        return time_budget.expected_slices(scenario)
    return len(layout.expand(scenario)[0].slices)


def blocks_left(
    scenario: Scenario, finished: Callable[[], set[int]], narrow: Callable[[], bool], so_far: "Callable[[], Standing]"
) -> Iterator[Block]:
    """The planned blocks that are not there; where there is a rule or a time, until it is met. A gap is always filled.

    `narrow`: whether the finished blocks tell what the rule asks for, or in a run with a time everything.
    """
    for block in layout.expand(scenario):
        there = finished()
        if block.index in there:
            continue
        may_end = block.index >= max(scenario.fewest_blocks, 1 + max(there, default=-1))
        if (scenario.rule or (scenario.time is not None and block.index >= FEWEST_DECIDED)) and may_end and narrow():
            return
        if may_end and there and scenario.time is not None and is_up(scenario.time, so_far()):
            return
        yield block


def is_up(time_s: float, so_far: "Standing") -> bool:
    """Whether the time that a run was given is too short for a further block: on a slow machine they take longer."""
    return time_s - so_far.elapsed_s < ENOUGH * so_far.least_s


def refuse_too_short(scenario: Scenario) -> None:
    """UserError where the time that a scenario gives is not enough to measure every cell once in every block."""
    least_s = 0.0 if scenario.time is None else time_budget.least_s(scenario)
    if scenario.time is not None and scenario.time < ENOUGH * least_s:
        cells = len(list(layout.cells(scenario)))
        raise UserError(
            f"time: expected at least about {ceil(least_s / 60)}m for {cells} cells in each of {scenario.most_blocks} blocks,"
            f" got {scenario.time:g} s: give it more, or fewer arms, endpoints, levels or blocks"
        )


FEWEST_DECIDED: Final = 4
"""Blocks, after which a run with a time may end because all is decided."""


@dataclass(frozen=True)
class Standing:
    """How a run stands when a block begins."""

    found: Callable[[int], Mapping[Key, float]]  # what the searches before this block found
    most_rate: float  # that a search may offer
    elapsed_s: float  # since the run began
    finished: int  # blocks
    server_cores: int = 0  # 0: the servers have none of their own
    earlier: Callable[[int], Iterable[Earlier]] = lambda _: ()  # what the blocks before this one measured

    @property
    def least_s(self) -> float:
        """What a block takes with every cell once, by those that are finished; 0 before there is one."""
        spent_s = self.elapsed_s - spare_s(self.earlier(MOST_BLOCKS), layout.PAUSE_S)
        return max(0.0, spent_s) / self.finished if self.finished else 0.0


def course(scenario: Scenario, block: Block, so_far: Standing) -> Course:
    """What is played in a block, slice by slice: fixed beforehand, a search, or what fits into the time it has."""
    if scenario.load.mode == CAPACITY:
        return capacity_search.course(scenario, block.index, so_far.found(block.index), so_far.most_rate)
    if scenario.time is not None:
        left_s = scenario.time - so_far.elapsed_s
        each_s = left_s / blocks_that_fit(left_s, scenario.most_blocks - so_far.finished, so_far)
        before = so_far.earlier(block.index)
        return time_budget.course(scenario, block.index, each_s - layout.start_s(scenario), so_far.server_cores, before)
    return fixed(block)


def blocks_that_fit(left_s: float, planned: int, so_far: Standing) -> int:
    """Into what is left of a run's time, by what every cell once takes in a block: on a slow machine that is longer than was
    guessed, and fewer blocks, each with more visits, are better than time at the end that is too short for one more."""
    fit = int(left_s / so_far.least_s + 1 - ENOUGH) if so_far.least_s else planned
    return max(1, min(planned, fit))


def fixed(block: Block) -> Course:
    """A course that is known beforehand."""
    yield from (slice_ for slice_ in block.slices)  # a generator, because a tuple cannot be told how it went
    return []


def follow(course: Course, play: Callable[[Turn], Any]) -> list[Found]:
    """Play each turn that the course asks for and tell it how it went; what the course returns."""
    try:
        turn = next(course)
        while True:
            turn = course.send(play(turn))
    except StopIteration as end:
        found: list[Found] = end.value
        return found
