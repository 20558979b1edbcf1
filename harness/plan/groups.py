"""What is visited together in a block that has a certain time, in which ways, and what a further round would be worth. Pure."""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log
from statistics import fmean, median
from typing import Final

from harness.plan import duets, layout
from harness.plan.earlier import Earlier, variance
from harness.plan.slices import Level, Purpose
from harness.samples import FILLING_ANSWERS, WARM_ANSWERS, Played
from harness.scenario.model import Scenario

SHORT_S: Final = 0.6
"""Slices that take less than this are cheap enough to visit the arm of most comparisons several times a round."""

SOLO_SPREAD, DUET_SPREAD = 0.05, 0.05
"""How far visits of one cell, and duets of one pair, are taken to differ before some are seen."""

PAYS: Final = 1 / 2
"""Of what the visits of both arms take: a duet that is not short has to take less."""

UNCOMPARED: Final = 0.02
"""Of a comparison, that an arm counts as in even where it is in none that is open: its own figures are shown."""

FAR: Final = 1.5
"""Arms that the blocks before this one showed to be further apart are told apart by few visits of each block."""

WORTHWHILE: Final = 0.25
"""A round leaves out arms of which a further visit would narrow their comparisons by less than this, per second, of what that of
the best one does: one whose threads are the bottleneck shows the same each time, and takes longest."""

HARDLY: Final = 0.2
"""How many visits those of an arm are worth that were all disturbed by other processes."""

DUETS_PER_SOLO: Final = 6
"""Rounds of duets for each in which the arms of these take turns: it tells their levels, and whether both ways agree."""

Pair = tuple[layout.Visit, layout.Visit]


@dataclass
class Group:
    """The cells of one endpoint at one level, an arm each: what is compared, and so is visited together."""

    visits: Sequence[layout.Visit]
    hub: layout.Visit | None  # the arm that most comparisons hold against others
    pairs: Sequence[Pair]  # what is compared, controls included
    solo_rounds: int = 0  # of this block that were measured
    duet_rounds: int = 0
    duet_blocks: int = 0  # the blocks before in which it had duets: they stand only where most blocks have them
    visited: Counter[str] = field(default_factory=Counter)  # arm → how often it answered by itself in this block
    undisturbed: Counter[str] = field(default_factory=Counter)  # … while other processes had no part of the machine
    seconds: dict[str, float] = field(default_factory=dict)  # arm → what its last visit took
    latency_ms: dict[str, float] = field(
        default_factory=dict
    )  # of the arms that were ever seen CPU-bound, as last seen so
    variance: Mapping[str, float] = field(default_factory=dict)  # arm → of the log of its visits in the blocks before
    duets_vary: Mapping[str, float] = field(default_factory=dict)  # pair → of the log of what its duets showed there
    far: Collection[str] = ()  # pairs that these showed to be far apart

    def order(self, rng: random.Random, purpose: Purpose) -> Iterator[layout.Visit]:
        """Its cells for one round; to warm up, and the first time, each once."""
        visits = self.visits if purpose == "warm-up" else self.worthwhile()
        others = [visit for visit in visits if visit is not self.hub]
        rng.shuffle(others)
        if not self.visited or len(others) == len(visits) or not others or not self._short:
            order = [*others, *(visit for visit in visits if visit is self.hub)]
            rng.shuffle(order)
            yield from order
            return
        for other in others:
            yield from (self.hub, other) if self.hub is not None else (other,)

    def worthwhile(self) -> Sequence[layout.Visit]:
        """The cells of a further round; before one was measured, all."""
        if not self.visited:
            return self.visits
        worth = {arm: lowered / self.seconds[arm] for arm, lowered in self.lowered().items()}
        least = WORTHWHILE * max(worth.values(), default=0.0)
        return [visit for visit in self.visits if worth.get(visit[1].name, -1.0) >= least]

    def lowered(self) -> dict[str, float]:
        """Of each arm that was measured by itself: by how much one visit more lowers the variance of its comparisons, summed and
        weighed by that variance: what is known best needs it least."""
        beside = [pair for pair, _ in self.together()]
        solo = [pair for pair in self.pairs if pair not in beside and named(pair) not in self.far]
        counts = {arm: self.undisturbed[arm] or HARDLY for arm in self.visited}
        varies = {arm: self.variance.get(arm, SOLO_SPREAD**2) / count for arm, count in counts.items()}
        found = {arm: UNCOMPARED * own * own / (counts[arm] + 1) for arm, own in varies.items()}
        for pair in solo:
            names = [visit[1].name for visit in pair if visit[1].name in varies]
            together = sum(varies[name] for name in names)
            for name in names:
                found[name] += together * varies[name] / (counts[name] + 1)
        return found

    def look_back(self, earlier: Iterable[Earlier], cores: int) -> None:
        """Take from the blocks before how far visits, and duets, differ within a block, which pairs are far apart, and which arms
        are CPU-bound: beside a busy neighbour that does not show in every visit."""
        own, seen = {visit[0] for visit in self.visits}, dict[tuple[str, ...], dict[int, list[float]]]()
        for one in earlier:
            if own.issuperset(one.cells) and (told := one.log) is not None:
                seen.setdefault(tuple(cell.arm for cell in one.cells), {}).setdefault(one.block, []).append(told)
                if len(one.cells) == 1:
                    self.met(one.cells[0].arm, one.played[0], cores)
        logs = {arms: list(blocks.values()) for arms, blocks in seen.items()}
        self.duets_vary = {" / ".join(arms): variance(own, DUET_SPREAD) for arms, own in logs.items() if len(arms) > 1}
        self.duet_blocks = max((len(own) for arms, own in logs.items() if len(arms) > 1), default=0)
        solo = {arms[0]: own for arms, own in logs.items() if len(arms) == 1}
        self.variance = {arm: variance(own, SOLO_SPREAD) for arm, own in solo.items()}
        middle = {arm: median(one for block in own for one in block) for arm, own in solo.items()}
        apart = {
            named(pair): abs(middle[pair[0][1].name] - middle[pair[1][1].name])
            for pair in self.pairs
            if all(visit[1].name in middle for visit in pair)
        }
        self.far = {pair for pair, logs in apart.items() if logs > log(FAR)}

    def met(self, arm: str, played: Played, cores: int) -> None:
        """An arm that was visited by itself; `cores`: that the servers have, 0: no duets."""
        endpoint = self.visits[0][2]
        if played.latency_ms is not None and duets.fills(played, endpoint.slowest_least_ms / 1000, cores):
            self.latency_ms[arm] = played.latency_ms

    def next_duets(self) -> list[tuple[Pair, tuple[float, float]]]:
        """The duets of a further round: those of pairs that are far apart only as often as they need, and if they are short."""
        return [
            (pair, latencies)
            for pair, latencies in self.together()
            if named(pair) not in self.far
            or (self.duet_rounds < duets.FEWEST and (duets.length_s(latencies) or 0.0) <= SHORT_S)
        ]

    @property
    def _short(self) -> bool:
        """Whether its slices are cheap enough to visit the hub between any two others."""
        return bool(self.seconds) and fmean(self.seconds.values()) <= SHORT_S

    def together(self) -> list[tuple[Pair, tuple[float, float]]]:
        """The pairs that can be duets, with the latencies of their arms (ms)."""
        found = []
        for pair in self.pairs:
            names = [visit[1].name for visit in pair]
            if not all(name in self.latency_ms and name in self.seconds for name in names):
                continue
            latencies = (self.latency_ms[names[0]], self.latency_ms[names[1]])
            if pays(duets.length_s(latencies), sum(self.seconds[name] for name in names), max(latencies)):
                found.append((pair, latencies))
        return found

    @property
    def duets_s(self) -> float:
        """How long a further round of its duets takes."""
        return sum((duets.length_s(latencies) or 0.0) + layout.PAUSE_S for _, latencies in self.next_duets())

    def ways(self) -> list["Way"]:
        """In which a further round may be; none where nothing could be played."""
        if not self.visited:
            return []
        arms, lowered = [visit[1].name for visit in self.worthwhile()], self.lowered()
        seconds = sum(self.seconds[arm] for arm in arms)
        if self._short and self.hub is not None and (hub := self.hub[1].name) in arms:
            seconds += max(0, len(arms) - 2) * self.seconds[hub]
        solo = Way(self, seconds, sum(lowered[arm] for arm in arms) / seconds)
        if not (together := self.next_duets()):
            return [solo]
        before = max(1, self.duet_rounds)
        varies = [self.duets_vary.get(named(pair), DUET_SPREAD**2) / before for pair, _ in together]
        gain = sum(own * own for own in varies) / (before + 1) / self.duets_s
        duets = Way(self, self.duets_s, gain, side_by_side=True)
        if len(self.together()) < len(self.pairs):
            return [solo, duets]
        if self.duet_rounds < DUETS_PER_SOLO * self.solo_rounds:
            return [duets]
        may_follow_s = DUETS_PER_SOLO * duets.seconds  # what it is worth
        return [replace(solo, gain=duets.gain * may_follow_s / (seconds + may_follow_s))]


@dataclass(frozen=True)
class Way:
    """A further round, and what it would be worth."""

    group: Group
    seconds: float  # that it takes
    gain: float  # by how much it would lower the variance of its comparisons, summed with that variance as weight, per second
    side_by_side: bool = False  # duets

    @property
    def least_s(self) -> float:
        """What has to be left for it: fewer than FEWEST rounds of duets say nothing."""
        return self.seconds * (max(1, duets.FEWEST - self.group.duet_rounds) if self.side_by_side else 1)


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


def named(pair: Pair) -> str:
    """What a pair is called."""
    return f"{pair[0][1].name} / {pair[1][1].name}"


def pays(length_s: float | None, solo_s: float, latency_ms: float) -> bool:
    """Whether a duet tells more than the visits of both arms (`solo_s`) in the same time: its last answers come late, too."""
    return length_s is not None and (length_s <= SHORT_S or length_s + 2 * latency_ms / 1000 <= PAYS * solo_s)


def hub_of(scenario: Scenario) -> str | None:
    """The arm that takes part in most comparisons, controls included, if it does in more than one."""
    sides = [side for pair in scenario.pairs for side in (pair.arm, pair.over)]
    sides += [arm.control_of for arm in scenario.arms if arm.control_of]
    most = max(sides, key=sides.count, default=None)
    return most if most is not None and sides.count(most) > 1 else None


def cold(groups: Sequence[Group]) -> list[Group]:
    """Those to warm up: in which an arm meets an endpoint for the first time, no lower level asking it of the same arms, and has
    few requests before it is measured."""
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
    return [group for group in found if not _fills_slowly(group.visits[0])]


def _fills_slowly(visit: layout.Visit) -> bool:
    """With so many answers that the arm is warm, which its users ask for over the time that the endpoint takes."""
    return visit[2].longest_ms > 0 and visit[0].level * FILLING_ANSWERS >= WARM_ANSWERS
