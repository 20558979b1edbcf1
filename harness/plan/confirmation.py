"""Which rate, from a first one downwards, keeps the objective for long enough to be reported. Receives slices; pure.

All slices at a rate have to meet the objective together, and their queue may not grow. A rate that does not hold is lowered by
5 %, then by 10 and 20, and where the one that holds then lies far below it, one between them is tried as well.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Final

from harness.samples import Played
from harness.scenario.objective import Objective

CLOSE: Final = 1.05

CONFIRMATIONS: Final = 2

CONFIRMING_S: Final = 4.0
"""A confirming slice lasts at least this: at 3 % more than an arm can do, requests wait 120 ms longer at its end."""

HORIZON_S: Final = 10.0
"""A queue grows if, going on like this for so long, it alone would make requests wait longer than the objective's limit."""

SURE: Final = 3.0
"""Standard deviations of what is under way by chance."""

LARGEST_FALL, WIDE = CLOSE**4, CLOSE**2
"""The largest step down; and how far the rate that holds may lie below one that did not, without another try between them."""

FAR: Final = 0.15
"""Of the requests late: then the first step down is two, because a queue shows in a few seconds that a short slice does not."""

LOWEST_RATE: Final = 1.0


class Confirmation:
    """`rate` is the next to try; tell() takes each slice at it, until `done`: then it is the one that holds, or None."""

    def __init__(self, objective: Objective, rate: float) -> None:
        self._objective = objective
        self.rate: float | None = rate
        self.met = 0  # how many slices met the objective by themselves at the rate that holds
        self.done = False
        self._fall = CLOSE  # by how much the rate is lowered next
        self._failed: float | None = None  # the last rate that did not hold
        self._held: tuple[float, int] | None = None  # what does, while one more rate is tried
        self._seen: list[Played] = []  # at this rate

    def tell(self, played: Played) -> None:
        """How a slice went. One that spoils all at this rate by itself lowers it at once."""
        assert self.rate is not None
        self._seen.append(played)
        arrived = [one.requests + one.dropped for one in self._seen]
        planned = sum(arrived) / len(arrived) * CONFIRMATIONS
        if not self._objective.met(round(planned), sum(one.late for one in self._seen)):
            self._lower(self.rate)
        elif len(self._seen) == CONFIRMATIONS:
            if grows(self._seen, self._objective, self.rate):
                self._lower(self.rate)
                return
            met = sum(self._objective.met(of, one.late) for of, one in zip(arrived, self._seen, strict=True))
            self._hold(self.rate, met)

    def _hold(self, rate: float, met: int) -> None:
        if self._held is not None or self._failed is None or self._failed / rate <= WIDE:
            self._end(rate, met)
            return
        self._held = rate, met
        self._try(sqrt(self._failed * rate))

    def _lower(self, rate: float) -> None:
        if self._held is not None:
            self._end(*self._held)
            return
        last = self._seen[-1]
        far = last.late > FAR * (last.requests + last.dropped)
        step = max(self._fall, CLOSE**2) if far else self._fall
        self._failed, self._fall = rate, min(step**2, LARGEST_FALL)
        if rate / step < LOWEST_RATE:
            self._end(None, 0)
        else:
            self._try(rate / step)

    def _try(self, rate: float) -> None:
        self.rate, self._seen = round_rate(rate), []

    def _end(self, rate: float | None, met: int) -> None:
        self.rate, self.met, self.done = rate, met, True


def grows(slices: Sequence[Played], objective: Objective, rate: float) -> bool:
    """Whether, over all of these, more and more requests are under way."""
    growth = sum((one.in_flight[1] - one.in_flight[0]) / max(1e-9, _half_s(one)) for one in slices) / len(slices)
    return growth > _allowed(slices, objective, rate)


def surely_grows(played: Played, objective: Objective, rate: float) -> bool:
    """Whether a short slice shows by itself that its queue grows, beyond what chance makes of it."""
    first, second = played.in_flight
    room = _allowed([played], objective, rate) * _half_s(played)
    return second - first > room + SURE * sqrt((first + second) / 2)


def round_rate(rate: float) -> float:
    """Three significant digits: a rate that a person can type to try it."""
    return float(f"{rate:.3g}")


def _half_s(played: Played) -> float:
    """Half of its window."""
    return (played.end_ns - played.cut_ns) / 2e9


def _allowed(slices: Sequence[Played], objective: Objective, rate: float) -> float:
    """By how many a second the requests under way may become more, so that within the horizon these alone do not miss it."""
    room_ms = objective.limit_ms - min(one.latency_ms or 0.0 for one in slices)
    return max(room_ms, 0.0) / 1000 * rate / HORIZON_S
