"""A block that has a certain time: every cell once to warm up and once to measure, then whatever narrows the intervals most.

What is compared is visited together, one arm right after the other, because machine noise changes within seconds: here the
throughput of neighbouring slices of 0.25 s correlated by 0.53, and of those ten slices apart by 0.27. Where slices are short, the
arm that most comparisons hold against others stands between them (A B A C A D). Pure, and seeded: the same
answers give the same course.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import log
from statistics import fmean
from typing import Final

from harness.plan import layout
from harness.plan.capacity_search import Course
from harness.plan.slices import Level, Purpose
from harness.samples import Played
from harness.scenario.model import Scenario

SHORT_S: Final = 1.0
"""Slices that take less than this are cheap enough to visit the arm of most comparisons several times a round."""

JITTER: Final = (0.5, 1.0)
"""Of what a round is worth: groups take turns, so that none is measured in one stretch of machine noise."""

PRIOR_SPREAD, PRIOR_VISITS = 0.10, 4
"""How far visits of one cell are taken to differ before some are seen, and how many visits that guess is worth."""


@dataclass
class Group:
    """The cells of one endpoint at one level, an arm each: what is compared, and so is visited together."""

    visits: Sequence[layout.Visit]
    hub: layout.Visit | None  # the arm that most comparisons hold against others
    seconds: float = 0.0  # what a round of it takes
    rounds: int = 0  # that were measured
    logs: dict[str, list[float]] = field(default_factory=dict)  # arm → log of its rate, visit by visit

    def order(self, rng: random.Random, purpose: Purpose) -> Iterator[layout.Visit]:
        """Its cells for one round; to warm up, each once."""
        others = [visit for visit in self.visits if visit is not self.hub]
        rng.shuffle(others)
        if self.hub is None or purpose == "warm-up" or self.seconds > SHORT_S * len(self.visits):
            order = [*others, *([self.hub] if self.hub else [])]
            rng.shuffle(order)
            yield from order
            return
        for other in others:
            yield from (self.hub, other)

    @property
    def variance(self) -> float:
        """Of the log of a visit's rate, pooled over arms; the guess where little is seen."""
        total, degrees = PRIOR_SPREAD**2 * PRIOR_VISITS, float(PRIOR_VISITS)
        for logs in self.logs.values():
            total += sum((one - fmean(logs)) ** 2 for one in logs)
            degrees += len(logs) - 1
        return total / degrees

    @property
    def gain(self) -> float:
        """By how much a further round would lower the variance of its comparisons, per second that it takes."""
        return self.variance / (self.rounds * (self.rounds + 1)) / self.seconds


def course(scenario: Scenario, index: int, seconds: float) -> Course:
    """The slices of one block, one by one; send() how each went. Ends when the next round would take longer than is left."""
    rng = random.Random(f"{scenario.seed}/{index}")
    groups, number, spent_s = grouped(scenario), 0, 0.0

    def played_round(group: Group, purpose: Purpose, round_: int) -> Course:
        nonlocal number, spent_s
        took_s = 0.0
        for cell, arm, endpoint in group.order(rng, purpose):
            seed = layout.seed_of(scenario.seed, index, round_, cell)
            played = yield layout.slice_of(number, cell, arm, endpoint, scenario.load, purpose, seed)
            number += 1
            if played is not None:
                took_s += layout.PAUSE_S + (played.drained_ns - played.start_ns) / 1e9
                if purpose != "warm-up" and played.requests > played.failures:
                    group.logs.setdefault(arm.name, []).append(log(rate(played)))
        group.seconds, spent_s = max(took_s, layout.PAUSE_S), spent_s + took_s
        group.rounds += purpose != "warm-up"
        return []

    for round_, purpose in enumerate(("warm-up", "measure")):
        for group in rng.sample(groups, len(groups)):
            yield from played_round(group, purpose, round_)  # type: ignore[arg-type]
    while affordable := [group for group in groups if group.seconds <= seconds - spent_s]:
        worth = {id(group): group.gain * rng.uniform(*JITTER) for group in affordable}
        group = max(affordable, key=lambda one: worth[id(one)])
        yield from played_round(group, "measure", group.rounds + 1)
    return []


def rate(played: Played) -> float:
    """Correct responses per second, from the first request to the last answer: good enough to see how visits differ."""
    return (played.requests - played.failures) / max(1e-9, (played.drained_ns - played.start_ns) / 1e9)


def grouped(scenario: Scenario) -> list[Group]:
    """The cells in groups, in the scenario's order."""
    hub, found = hub_of(scenario), dict[tuple[str, Level], list[layout.Visit]]()
    for visit in layout.cells(scenario):
        found.setdefault((visit[0].endpoint, visit[0].level), []).append(visit)
    return [Group(visits, next((one for one in visits if one[1].name == hub), None)) for visits in found.values()]


def hub_of(scenario: Scenario) -> str | None:
    """The arm that takes part in most comparisons, controls included, if it does in more than one."""
    sides = [side for pair in scenario.pairs for side in (pair.arm, pair.over)]
    sides += [arm.control_of for arm in scenario.arms if arm.control_of]
    most = max(sides, key=sides.count, default=None)
    return most if most is not None and sides.count(most) > 1 else None


def expected_slices(scenario: Scenario) -> int:
    """About how many slices a block has: those of the cheap groups are worth about a second."""
    assert scenario.time is not None
    spare_s = max(0.0, scenario.time - least_s(scenario)) / scenario.most_blocks
    return 2 * len(list(layout.cells(scenario))) + int(spare_s)


def least_s(scenario: Scenario) -> float:
    """A guess of what the blocks take if every cell is measured once in each."""
    return layout.expected_s(scenario.model_copy(update={"load": scenario.load.model_copy(update={"visits": 1})}))
