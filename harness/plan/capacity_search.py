"""Capacity: the highest rate at which each arm meets an objective. Yields slices, receives their results; pure, and seeded.

Per arm and endpoint: doubling until the objective is missed, or a queue surely grows; bisection until the bracket is 5 % wide
and its upper end has missed twice (once may be noise of the machine); then longer slices from the highest rate that met it
downwards (confirmation.py). No rate is tried that an arm's concurrency limit and the endpoint's least time rule out (Little's
law). The searches of a block take turns in shuffled order. Blocks after the first start from the rate that the last one found;
they still have to miss and confirm it for themselves.
"""

import random
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Final

from harness.plan import layout
from harness.plan.confirmation import (
    CLOSE,
    CONFIRMATIONS,
    CONFIRMING_S,
    LOWEST_RATE,
    Confirmation,
    round_rate,
    surely_grows,
)
from harness.plan.slices import Cell, Open, Purpose, Slice, Turn
from harness.samples import Played
from harness.scenario.arm import Arm
from harness.scenario.endpoint import Endpoint
from harness.scenario.model import Scenario

FIRST_STEP, LATER_STEP = 2.0, CLOSE

FIRST_SLICES, LATER_SLICES = 13, 6
"""That a search commonly takes in the first block and in later ones, before it confirms."""

CONFIRMED: Final = 2.0  # rates that are commonly tried to confirm, until one holds

LIMITS_IN_FLIGHT: Final = 4  # in limits' worth of arrivals; beyond that the objective is missed anyway

Key = tuple[str, str]
"""(arm, endpoint label)."""

Course = Generator[Turn, Any, list["Found"]]
"""Receives what came of each turn: Played for a slice, two of them for a duet; None where an arm was refused."""


@dataclass(frozen=True)
class Found:
    """What one search came to."""

    arm: str
    endpoint: str
    rate: float | None  # the highest that was confirmed; None: none that was tried, or nothing could be measured
    met: int  # how many of the confirming slices met it by themselves
    bounded: bool  # the load generator's ceiling ended the search: the arm may sustain more


class Search:
    """One arm on one endpoint in one block: `rate` is the next to try, for `purpose`; tell() takes the result of each slice."""

    def __init__(
        self, scenario: Scenario, arm: Arm, endpoint: Endpoint, start: float, step: float, most: float
    ) -> None:
        assert scenario.load.objective is not None
        self._load, self._objective = scenario.load, scenario.load.objective
        self._arm, self._endpoint, self._step, self._most = arm, endpoint, step, most
        self._met: float | None = None  # the highest rate that met the objective
        self._missed: float | None = None  # the lowest that missed it
        self._missed_twice = False  # at that rate
        self._bound = arm.most_rps(endpoint.mean_ms)
        self._tries: Counter[float] = Counter()
        self._confirmation: Confirmation | None = None  # once the bracket is closed
        self.rate, self.purpose = min(start, self._highest), "warm-up"
        self.found: Found | None = None

    def slice(self, index: int, seed: int, block: int) -> Slice:
        """The next slice to play."""
        cell = Cell(self._arm.name, self._endpoint.label, self.rate)
        limit_ms = self._objective.limit_ms
        in_flight = max(16, ceil(self.rate * LIMITS_IN_FLIGHT * limit_ms / 1000))
        in_flight = min(in_flight, self._load.max_in_flight or layout.MOST_IN_FLIGHT)
        how = Open(self._load.arrivals, in_flight, self._arm.table.keeps_alive, limit_ms)
        purpose: Purpose = self.purpose  # type: ignore[assignment]
        calls, least_s = layout.calls(self._arm, self._endpoint), self._endpoint.longest_ms / 1000
        self._tries[self.rate] += 1  # a rate that is tried again gets other arrivals: a schedule may be unlucky
        own = layout.seed_of(seed, block, f"{self.purpose} {self._tries[self.rate]}", cell)
        return layout.open_slice(index, cell, calls, least_s, purpose, self._seconds(), own, how)

    def tell(self, played: Played | None) -> None:
        """How it went; None: this cell may not be measured."""
        if played is None:
            self._end(None)
        elif self.purpose == "warm-up":
            self.purpose = "search"
        elif self._confirmation is None:
            missed = self._objective.surely_missed(played.requests + played.dropped, played.late)
            self._judge(not missed and not surely_grows(played, self._objective, self.rate))
        else:
            self._confirmation.tell(played)
            if self._confirmation.done or self._confirmation.rate is None:
                self._end(self._confirmation.rate, self._confirmation.met)
            else:
                self.rate = self._confirmation.rate

    def _judge(self, met: bool) -> None:
        """Narrow the bracket, and choose the next rate."""
        if met:
            self._met = self.rate
            if self._missed is not None and self.rate >= self._missed:
                self._missed, self._step = None, LATER_STEP  # the miss there was noise: go on upwards
        else:
            self._missed_twice = self._missed == self.rate
            self._missed = self.rate
        if self._met is None:
            self._lower()
        elif self._missed is None:
            self._raise(self._met)
        else:
            self._between(self._met, self._missed)

    def _between(self, met: float, missed: float) -> None:
        """Bisect; once the bracket is narrow, test its upper end a second time; then confirm its lower one."""
        middle = round_rate(sqrt(met * missed))
        if missed / met > CLOSE and middle not in (met, missed):
            self.rate = middle
        elif not self._missed_twice:
            self.rate = missed
        else:
            self._start_confirming(met)

    def _raise(self, met: float) -> None:
        """The next higher rate, in growing steps; or, at the highest that can be, confirm that."""
        if met >= self._highest:
            self._start_confirming(met)
        else:
            self.rate = min(round_rate(met * self._step), self._highest)
            self._step = min(self._step**2, FIRST_STEP)

    def _lower(self) -> None:
        if self.rate / self._step < LOWEST_RATE:
            self._end(None)
        else:
            self.rate = round_rate(self.rate / self._step)

    def _start_confirming(self, rate: float) -> None:
        self.rate, self.purpose = rate, "confirm"
        self._confirmation = Confirmation(self._objective, rate)

    def _end(self, rate: float | None, met: int = 0) -> None:
        bounded = rate is not None and self._missed is None and rate >= self._most
        self.found = Found(self._arm.name, self._endpoint.label, rate, met, bounded)

    @property
    def _highest(self) -> float:
        """No higher rate is tried: the load generator's limit, or what the arm can do at most."""
        return min(self._most, self._bound)

    def _seconds(self) -> float:
        """Confirming slices together hold the samples of the percentile, and one is long enough to show a queue that grows."""
        if self.purpose == "warm-up":
            return max(self._load.seconds, layout.WARM_UP_LATENCIES * self._endpoint.longest_ms / 1000)
        seconds = self._load.longest_s
        if self.purpose == "search":
            return seconds
        return max(seconds, CONFIRMING_S, 1.2 * self._objective.samples_needed / CONFIRMATIONS / self.rate)


def course(scenario: Scenario, block: int, before: Mapping[Key, float], most: float) -> Course:
    """The slices of one block, one by one; send() how each went. Returns what every search found.

    `before`: what the last block found. `most`: the highest rate the load generator may be asked for.
    """
    rng = random.Random(f"{scenario.seed}/{block}/capacity")
    searches = [
        Search(scenario, arm, endpoint, *_start(scenario, before.get((arm.name, endpoint.label))), most)
        for endpoint in scenario.endpoints
        for arm in scenario.arms_of(endpoint)
    ]
    index = 0
    while going := [search for search in searches if search.found is None]:
        rng.shuffle(going)
        for search in going:
            played = yield search.slice(index, scenario.seed, block)
            search.tell(played)
            index += 1
    return [search.found for search in searches if search.found is not None]


def expected_slices(scenario: Scenario) -> int:
    """About how many slices a block has, the first and the later ones taken together."""
    per_search = (
        FIRST_SLICES + (scenario.most_blocks - 1) * LATER_SLICES
    ) / scenario.most_blocks + CONFIRMED * CONFIRMATIONS
    return ceil(len(list(layout.cells(scenario))) * per_search)


def expected_s(scenario: Scenario) -> float:
    """A rough length of the whole run in seconds: assumes some hundred requests per second per arm."""
    load, searches = scenario.load, len(list(layout.cells(scenario)))
    confirming_s = CONFIRMED * CONFIRMATIONS * max(load.longest_s, CONFIRMING_S)
    first_s, later_s = (n * load.longest_s * 1.15 + confirming_s for n in (FIRST_SLICES, LATER_SLICES))
    return scenario.most_blocks * layout.start_s(scenario) + searches * (first_s + (scenario.most_blocks - 1) * later_s)


def _start(scenario: Scenario, before: float | None) -> tuple[float, float]:
    """(first rate, step) of a search."""
    return (scenario.load.start_rate, FIRST_STEP) if before is None else (before, LATER_STEP)
