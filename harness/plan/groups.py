"""What is visited together in a block that has a certain time, in which ways, and what a further round would be worth. Pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import log
from statistics import median
from typing import Final

from harness.plan import duets, layout
from harness.plan.slices import Level, Purpose
from harness.scenario.model import Scenario
from harness.statistics import robust

SHORT_S: Final = 0.6
"""Slices that take less than this are cheap enough to visit the arm of most comparisons several times a round."""

PRIOR_SPREAD, PRIOR_VISITS = 0.10, 4
"""How far visits of one cell are taken to differ before some are seen, and how many visits that guess is worth."""

DUETS_PER_SOLO: Final = 4
"""Rounds of duets for each in which the arms of these take turns: it tells their levels, and whether both ways agree."""

Pair = tuple[layout.Visit, layout.Visit]


@dataclass
class Rounds:
    """One way to visit a group, and what came of it."""

    sides: int  # visits that differ by chance in one comparison: two one after the other, one where both are at once
    count: int = 0  # that were measured
    logs: dict[str, list[float]] = field(default_factory=dict)  # what is visited → logs of what it showed

    def add(self, visited: str, value: float) -> None:
        self.logs.setdefault(visited, []).append(log(value))

    @property
    def variance(self) -> float:
        """Of the log of a comparison in one round, pooled; the guess where little is seen. A visit in which the machine stood
        still counts as any other."""
        apart = [abs(one - median(logs)) for logs in self.logs.values() for one in logs if len(logs) > 1]
        seen = robust.spread(apart) ** 2 * len(apart) if apart else 0.0
        return self.sides * (PRIOR_SPREAD**2 * PRIOR_VISITS + seen) / (PRIOR_VISITS + len(apart))


@dataclass
class Group:
    """The cells of one endpoint at one level, an arm each: what is compared, and so is visited together."""

    visits: Sequence[layout.Visit]
    hub: layout.Visit | None  # the arm that most comparisons hold against others
    pairs: Sequence[Pair]  # what is compared, controls included
    solo: Rounds = field(default_factory=lambda: Rounds(sides=2))
    duets: Rounds = field(default_factory=lambda: Rounds(sides=1))
    solo_s: float = 0.0  # what a round of visits one after the other takes …
    slice_s: float = 0.0  # … and one of them, on average
    latency_ms: dict[str, float] = field(default_factory=dict)  # of the arms that were seen CPU-bound, as last seen so

    def order(self, rng: random.Random, purpose: Purpose) -> Iterator[layout.Visit]:
        """Its cells for one round; to warm up, each once."""
        others = [visit for visit in self.visits if visit is not self.hub]
        rng.shuffle(others)
        if self.hub is None or not others or purpose == "warm-up" or self.slice_s > SHORT_S:
            order = [*others, *([self.hub] if self.hub else [])]
            rng.shuffle(order)
            yield from order
            return
        for other in others:
            yield from (self.hub, other)

    def together(self) -> list[tuple[Pair, tuple[float, float]]]:
        """The pairs that can be duets, with the latencies of their arms (ms)."""
        found = []
        for pair in self.pairs:
            known = [self.latency_ms.get(visit[1].name) for visit in pair]
            if known[0] is not None and known[1] is not None and duets.length_s((known[0], known[1])) is not None:
                found.append((pair, (known[0], known[1])))
        return found

    @property
    def duets_s(self) -> float:
        """How long a round of all its duets takes."""
        return sum((duets.length_s(latencies) or 0.0) + layout.PAUSE_S for _, latencies in self.together())

    def ways(self) -> list["Way"]:
        """In which a further round may be; none where nothing could be played."""
        together = len(self.together())
        solo = Way(self, self.solo, self.solo_s, max(1, len(self.pairs) - together))
        duets = Way(self, self.duets, self.duets_s, together)
        if not self.solo.logs:
            return []
        if not together:
            return [solo]
        if together < len(self.pairs):
            return [solo, duets]
        return [duets if self.duets.count < DUETS_PER_SOLO * self.solo.count else solo]


@dataclass(frozen=True)
class Way:
    """A further round, and what it would be worth."""

    group: Group
    rounds: Rounds  # those of its kind before
    seconds: float  # that it takes
    pairs: int  # comparisons that it is for

    @property
    def gain(self) -> float:
        """By how much it would lower the variance of its comparisons, summed, per second."""
        before = self.rounds.count
        return self.pairs * self.rounds.variance / (max(1, before) * (before + 1)) / self.seconds


def grouped(scenario: Scenario) -> list[Group]:
    """The cells in groups, in the scenario's order."""
    hub, found = hub_of(scenario), dict[tuple[str, Level], list[layout.Visit]]()
    for visit in layout.cells(scenario):
        found.setdefault((visit[0].endpoint, visit[0].level), []).append(visit)
    sides = [(pair.arm, pair.over) for pair in scenario.pairs]
    sides += [(arm.name, arm.control_of) for arm in scenario.arms if arm.control_of]
    groups = []
    for visits in found.values():
        own = {visit[1].name: visit for visit in visits}
        pairs = [(own[arm], own[over]) for arm, over in sides if arm in own and over in own]
        groups.append(Group(visits, own.get(hub) if hub else None, pairs))
    return groups


def hub_of(scenario: Scenario) -> str | None:
    """The arm that takes part in most comparisons, controls included, if it does in more than one."""
    sides = [side for pair in scenario.pairs for side in (pair.arm, pair.over)]
    sides += [arm.control_of for arm in scenario.arms if arm.control_of]
    most = max(sides, key=sides.count, default=None)
    return most if most is not None and sides.count(most) > 1 else None


def lowest(groups: Sequence[Group]) -> list[Group]:
    """Those in which an arm meets an endpoint for the first time: no lower level asks it of the same arms."""
    found: list[Group] = []
    for group in sorted(groups, key=lambda one: one.visits[0][0].level):
        met = {
            visit[0].arm
            for other in found
            for visit in other.visits
            if visit[0].endpoint == group.visits[0][0].endpoint
        }
        if not {visit[0].arm for visit in group.visits} <= met:
            found.append(group)
    return found
