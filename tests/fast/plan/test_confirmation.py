"""Which rate holds: all slices at it together, without a queue that grows."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from harness.plan import confirmation
from harness.plan.confirmation import CONFIRMATIONS, Confirmation
from harness.samples import Played
from harness.scenario import objective

OBJECTIVE = objective.parse("p99 <= 250ms")

SLICE = Played(0, 0, 0, 4_000_000_000, 4_000_000_000, 1_000, 0, 0, 0, False, 10.0, 1, 0, 0.0)
"""Four seconds, a thousand requests, none of them late."""


def tried(rate: float, play: Callable[[float, int], Played]) -> tuple[Confirmation, list[float]]:
    """What comes of it where each slice goes like this (rate, which slice at it); and the rate of every slice."""
    told, rates = Confirmation(OBJECTIVE, rate), list[float]()
    while not told.done:
        assert told.rate is not None
        assert len(rates) < 1_000, "it does not end"
        number = len(rates) - rates.index(told.rate) if told.rate in rates else 0
        rates.append(told.rate)
        told.tell(play(told.rate, number))
    return told, rates


def up_to(holds: float, late: int = 100) -> Callable[[float, int], Played]:
    """An arm that is late beyond this rate, so many requests of a thousand."""
    return lambda rate, _: SLICE if rate <= holds else replace(SLICE, late=late)


@pytest.mark.parametrize("holds", [161.0, 152.0, 140.0, 130.0, 120.0, 80.0, 7.0])
@pytest.mark.parametrize("late", [100, 600])
def test_the_rate_that_holds_is_found_from_above_by_steps_that_grow(holds: float, late: int) -> None:
    told, rates = tried(160.0, up_to(holds, late))
    assert told.rate is not None
    assert min(160.0, holds) / (1.05**2 * 1.02) <= told.rate <= holds
    assert told.met == CONFIRMATIONS
    falls = [a / b for a, b in pairwise(rates) if a > b]
    expected = [1.05, 1.05**2, 1.05**4] if late == 100 else [1.05**2, 1.05**4]
    assert falls[: len(expected)] == pytest.approx(expected[: len(falls)], rel=0.015)


def test_what_holds_at_once_takes_no_more_slices_than_it_needs() -> None:
    told, rates = tried(160.0, up_to(200.0))
    assert (told.rate, rates) == (160.0, [160.0] * CONFIRMATIONS)


def test_an_arm_that_never_holds_has_no_rate() -> None:
    told, _ = tried(20.0, up_to(0.0))
    assert (told.rate, told.met, told.done) == (None, 0, True)


def test_the_slices_have_to_meet_it_together() -> None:
    """One with 1.5 % late and one with none come to 0.75 %; one with 2.5 % fails at once, whatever the other would show."""

    def first_of_each(late: int) -> Callable[[float, int], Played]:
        return lambda rate, number: replace(SLICE, late=late) if rate > 150 and number == 0 else SLICE

    told, rates = tried(155.0, first_of_each(15))
    assert (told.rate, told.met) == (155.0, 1)
    assert len(rates) == CONFIRMATIONS
    told, rates = tried(155.0, first_of_each(25))
    assert told.rate is not None
    assert told.rate < 150
    assert [one > 150 for one in rates] == [True, False, False]


def test_a_queue_that_grows_breaks_the_objective_before_it_is_missed() -> None:
    """5/s more than is served: 12 requests more in the second half of four seconds, and 390 ms more after ten."""
    grown = {True: (16.0, 28.5), False: (16.0, 18.0)}
    told, rates = tried(160.0, lambda rate, _: replace(SLICE, in_flight=grown[rate > 150]))
    assert told.rate is not None
    assert told.rate < 150
    assert [one > 150 for one in rates] == [True] * 4 + [False] * 2


def test_a_short_slice_tells_only_of_a_queue_that_surely_grows() -> None:
    short = replace(SLICE, end_ns=1_000_000_000, in_flight=(100.0, 120.0))
    assert not confirmation.surely_grows(short, OBJECTIVE, 1_000.0)
    assert confirmation.surely_grows(replace(short, in_flight=(100.0, 180.0)), OBJECTIVE, 1_000.0)


def test_a_rate_is_one_that_a_person_can_type() -> None:
    assert [confirmation.round_rate(rate) for rate in (123.456, 7.0501, 1_234.5)] == [123.0, 7.05, 1_230.0]
