"""A block that has a certain time: every cell once to warm up and once to measure, then whatever narrows the intervals most.

What is compared is visited together, one arm right after the other, because machine noise changes within seconds: here the
throughput of neighbouring slices of 0.25 s correlated by 0.53, and of those ten slices apart by 0.27. Where slices are short,
the arm that most comparisons hold against others stands between them (A B A C A D). Where both arms of a comparison are
CPU-bound, most rounds are duets. Arms that the blocks before showed to be far apart are told apart by few visits, and get no
more than every arm does: by what other blocks showed, so that no block's own luck decides what is looked at again. Pure, and
seeded: the same answers give the same course.
"""

import random
from collections.abc import Iterable, Sequence
from typing import Final

from harness.plan import duets, layout
from harness.plan.capacity_search import Course
from harness.plan.earlier import Earlier, lasted_s, rate_of
from harness.plan.groups import Group, cold, grouped
from harness.plan.slices import Purpose
from harness.registry.load_modes import CLOSED
from harness.samples import Played
from harness.scenario.model import Scenario

JITTER: Final = (0.5, 1.0)
"""Of what a round is worth: groups take turns, so that none is measured in one stretch of machine noise."""


class Budget:
    """The turns of one block and the time they take."""

    def __init__(self, scenario: Scenario, index: int, cores: int) -> None:
        self._scenario, self._index = scenario, index
        self.cores = cores if scenario.load.mode == CLOSED else 0  # arrivals for two would overload the core
        self.rng = random.Random(f"{scenario.seed}/{index}")
        self.spent_s, self._number, self._ended_ns = 0.0, 0, 0

    def solo(self, group: Group, purpose: Purpose) -> Course:
        """Its arms, one after the other."""
        round_ = 0 if purpose == "warm-up" else group.solo_rounds + 1
        for visit in list(group.order(self.rng, purpose)):
            cell, arm, _ = visit
            seed = layout.seed_of(self._scenario.seed, self._index, round_, cell)
            played: Played | None = yield layout.slice_of(self._number, *visit, self._scenario.load, purpose, seed)
            self._number += 1
            if played is None:
                continue
            group.seconds[arm.name] = lasted_s(played) + layout.PAUSE_S
            self._spend(played)
            if purpose == "warm-up":
                continue
            if rate_of(played):
                group.visited[arm.name] += 1
                group.undisturbed[arm.name] += not played.disturbed
                group.met(arm.name, played, self.cores)
        group.solo_rounds += purpose != "warm-up"
        return []

    def rehearse(self, visits: Sequence[layout.Visit]) -> Course:
        """What controls are asked once and never measured for."""
        for visit in self.rng.sample(visits, len(visits)):
            seed = layout.seed_of(self._scenario.seed, self._index, 0, visit[0])
            played: Played | None = yield layout.slice_of(self._number, *visit, self._scenario.load, "warm-up", seed)
            self._number += 1
            if played is not None:
                self._spend(played)
        return []

    def duets(self, group: Group) -> Course:
        """Each of its pairs that can be, at the same time."""
        pairs = group.next_duets()
        for pair, latencies_ms in self.rng.sample(pairs, len(pairs)):
            cell = pair[0][0]
            seed = layout.seed_of(self._scenario.seed, self._index, f"duet {group.duet_rounds}", cell)
            turned = (self._index + group.duet_rounds) % 2 == 1
            both: tuple[Played, Played] | None = yield duets.of(
                self._number, pair, latencies_ms, self._scenario.load, seed, turned
            )
            self._number += 2
            if both is None:
                continue
            self._spend(*both)
        group.duet_rounds += 1
        return []

    def _spend(self, *played: Played) -> None:
        """The time of a visit or a duet, and of the pause before it, which on a busy machine is longer than planned."""
        pause_s = (min(one.start_ns for one in played) - self._ended_ns) / 1e9 if self._ended_ns else 0.0
        self.spent_s += max(map(lasted_s, played)) + max(layout.PAUSE_S, pause_s)
        self._ended_ns = max(one.drained_ns for one in played)


def course(scenario: Scenario, index: int, seconds: float, cores: int = 0, before: Iterable[Earlier] = ()) -> Course:
    """The turns of one block, one by one; send() how each went. Ends when the next round would take longer than is left.

    An arm is warmed up by the lowest level of each endpoint, where that has few users; what a higher one needs, such as more
    threads, comes as it fills.

    `cores`: that the servers have for themselves; 0: no duets. `before`: what the blocks before this one
    measured, by which it knows how far visits of a cell differ.
    """
    budget, groups, before = Budget(scenario, index, cores), grouped(scenario), list(before)
    for group in groups:
        group.look_back(before, budget.cores)
    rng = budget.rng
    to_warm = cold(groups)
    for group in rng.sample(to_warm, len(to_warm)):
        yield from budget.solo(group, "warm-up")
    yield from budget.rehearse(layout.rehearsals(scenario))
    for group in rng.sample(groups, len(groups)):
        yield from budget.solo(group, "measure")
    begun, left_s = list[Group](), seconds - budget.spent_s
    for group in sorted((one for one in groups if one.together()), key=lambda one: (-one.duet_blocks, one.duets_s)):
        all_s = duets.FEWEST * group.duets_s
        if all_s <= left_s:
            begun, left_s = [*begun, group], left_s - all_s
    for group in duets.FEWEST * begun:
        yield from budget.duets(group)
    while affordable := [way for group in groups for way in group.ways() if way.least_s <= seconds - budget.spent_s]:
        worth = [way.gain * rng.uniform(*JITTER) for way in affordable]
        best = affordable[worth.index(max(worth))]
        yield from budget.duets(best.group) if best.side_by_side else budget.solo(best.group, "measure")
    return []


def expected_slices(scenario: Scenario) -> int:
    """About how many slices a block has: those of the cheap groups are worth about a second."""
    assert scenario.time is not None
    spare_s = max(0.0, scenario.time - least_s(scenario)) / scenario.most_blocks
    return 2 * len(list(layout.cells(scenario))) + int(spare_s)


def least_s(scenario: Scenario) -> float:
    """A guess of what the blocks take if every cell is measured once in each."""
    return layout.expected_s(scenario.model_copy(update={"load": scenario.load.model_copy(update={"visits": 1})}))
