"""Capacity: the highest rate at which each arm keeps a promise. Asks for slices, is told how they went; pure, and seeded.

Per arm and endpoint: doubling until the promise breaks, bisection until the bracket is 5 % wide and has broken twice at
its upper end (once may be a hiccup of the machine), then three more slices at the highest rate that held, of which
two have to keep the promise. If they do not, the rate goes down by 5 % and is confirmed anew. The searches of a block take turns,
in an order shuffled every round. Blocks after the first start from the rate that the last one found; they still have to
break and confirm it for themselves.
"""

import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

from harness.plan import layout
from harness.plan.slices import Cell, Open, Purpose, Slice
from harness.samples import Played
from harness.scenario.arm import Arm
from harness.scenario.model import Endpoint, Scenario

CLOSE: Final = 1.05

CONFIRMATIONS: Final = 3

FIRST_STEP, LATER_STEP = 2.0, CLOSE

FIRST_SLICES, LATER_SLICES = (
    13,
    6,
)  # that a search commonly takes in the first block and in later ones, before it confirms

LOWEST_RATE: Final = 1.0

LIMITS_IN_FLIGHT: Final = (
    4  # so many limits' worth of arrivals may be under way; beyond that the promise is broken anyway
)

Key = tuple[str, str]
"""(arm, endpoint label)."""

Course = Generator[Slice, Played | None, list["Found"]]


@dataclass(frozen=True)
class Found:
    """What one search came to."""

    arm: str
    endpoint: str
    rate: (
        float | None
    )  # the highest confirmed rate; None: the promise was not kept at any rate tried, or nothing could be measured
    kept: int  # how many of the confirming slices kept it
    bounded: bool  # the load generator's own limit ended the search: the arm may hold more


class Search:
    """One arm on one endpoint in one block. `rate` is the next to try, `purpose` what for; told how each slice went."""

    def __init__(
        self, scenario: Scenario, arm: Arm, endpoint: Endpoint, start: float, step: float, most: float
    ) -> None:
        assert scenario.load.objective is not None
        self._load, self._promise = scenario.load, scenario.load.objective
        self._arm, self._endpoint, self._step, self._most = arm, endpoint, step, most
        self._kept: float | None = None  # the highest rate at which it held
        self._broken: float | None = None  # the lowest at which it did not
        self._believed = False  # it has broken there twice
        self._confirmed = self._failed = 0
        self.rate, self.purpose = min(start, most), "warm-up"
        self.found: Found | None = None

    def slice(self, index: int, seed: int, block: int) -> Slice:
        """The next slice to play."""
        cell = Cell(self._arm.name, self._endpoint.label, self.rate)
        limit_ms = self._promise.limit_ms
        in_flight = max(16, ceil(self.rate * LIMITS_IN_FLIGHT * limit_ms / 1000))
        in_flight = min(in_flight, self._load.max_in_flight or layout.MOST_IN_FLIGHT)
        how = Open(self._load.arrivals, in_flight, self._arm.table.keeps_alive, limit_ms)
        purpose: Purpose = self.purpose  # type: ignore[assignment]
        calls, least_s = layout.calls(self._arm, self._endpoint), self._endpoint.least_ms / 1000
        own = layout.seed_of(seed, block, f"{self.purpose} {self._confirmed}", cell)
        return layout.open_slice(index, cell, calls, least_s, purpose, self._seconds(), own, how)

    def tell(self, played: Played | None) -> None:
        """How it went; None: this cell may not be measured."""
        if played is None:
            self.found = Found(self._arm.name, self._endpoint.label, None, 0, bounded=False)
        elif self.purpose == "warm-up":
            self.purpose = "search"
        elif self.purpose == "search":
            self._judge(not self._promise.surely_broken(played.requests + played.dropped, played.late))
        else:
            self._confirm(self._promise.kept(played.requests + played.dropped, played.late))

    def _judge(self, kept: bool) -> None:
        """Narrow the bracket, and choose the next rate."""
        if kept:
            self._kept = self.rate
            if self._broken is not None and self.rate >= self._broken:
                self._broken, self._step = (
                    None,
                    LATER_STEP,
                )  # what broke there was a hiccup of the machine: go on upwards
        else:
            self._believed = self._broken == self.rate
            self._broken = self.rate
        if self._kept is None:
            self._lower(self.rate / self._step, "search")
        elif self._broken is None:
            self._raise(self._kept)
        else:
            self._between(self._kept, self._broken)

    def _between(self, kept: float, broken: float) -> None:
        """Bisect; when the bracket is close, see its upper end break a second time; then confirm its lower one."""
        middle = round_rate(sqrt(kept * broken))
        if broken / kept > CLOSE and middle not in (kept, broken):
            self.rate = middle
        elif not self._believed:
            self.rate = broken
        else:
            self._start_confirming(kept)

    def _raise(self, kept: float) -> None:
        """The next higher rate, in growing steps; or, where the load generator can offer no more, confirm what it can."""
        if kept >= self._most:
            self._start_confirming(kept)
        else:
            self.rate = min(round_rate(kept * self._step), self._most)
            self._step = min(self._step**2, FIRST_STEP)

    def _confirm(self, kept: bool) -> None:
        """Two of three have to keep it: one may be unlucky. Two that do not are enough to go lower."""
        self._confirmed, self._failed = self._confirmed + 1, self._failed + (not kept)
        if self._failed > CONFIRMATIONS // 2:
            self._broken = self.rate
            self._lower(self.rate / CLOSE, "confirm")
        elif self._confirmed == CONFIRMATIONS:
            bounded = self._broken is None
            held = CONFIRMATIONS - self._failed
            self.found = Found(self._arm.name, self._endpoint.label, self.rate, held, bounded)

    def _start_confirming(self, rate: float) -> None:
        self.rate, self.purpose = rate, "confirm"
        self._confirmed = self._failed = 0

    def _lower(self, rate: float, purpose: str) -> None:
        if rate < LOWEST_RATE:
            self.found = Found(self._arm.name, self._endpoint.label, None, 0, bounded=False)
        elif purpose == "confirm":
            self._start_confirming(round_rate(rate))
        else:
            self.rate = round_rate(rate)

    def _seconds(self) -> float:
        """Long enough, when it confirms, for the percentile to have its samples in three slices."""
        if self.purpose == "warm-up":
            return max(self._load.seconds, layout.WARM_UP_LATENCIES * self._endpoint.least_ms / 1000)
        seconds = self._load.longest_s
        if self.purpose == "search":
            return seconds
        return max(seconds, 1.2 * self._promise.samples_needed / CONFIRMATIONS / self.rate)


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


def round_rate(rate: float) -> float:
    """Three significant digits: a rate that a person can type to try it."""
    return float(f"{rate:.3g}")


def expected_slices(scenario: Scenario) -> int:
    """About how many slices a block has, the first and the later ones taken together."""
    per_search = (FIRST_SLICES + (scenario.most_blocks - 1) * LATER_SLICES) / scenario.most_blocks + CONFIRMATIONS
    return ceil(len(list(layout.cells(scenario))) * per_search)


def expected_s(scenario: Scenario) -> float:
    """A rough length of the whole run in seconds: an arm is taken to hold some hundred requests per second."""
    load, searches = scenario.load, len(list(layout.cells(scenario)))
    first_s, later_s = ((n + CONFIRMATIONS) * load.longest_s * 1.15 for n in (FIRST_SLICES, LATER_SLICES))
    start_s = scenario.most_blocks * (3.0 + 0.8 * len(scenario.arms))
    return start_s + searches * (first_s + (scenario.most_blocks - 1) * later_s)


def _start(scenario: Scenario, before: float | None) -> tuple[float, float]:
    """(first rate, step) of a search."""
    return (scenario.load.start_rate, FIRST_STEP) if before is None else (before, LATER_STEP)
