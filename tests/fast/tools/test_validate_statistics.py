"""Fast versions of what `make validate-statistics` shows in full: do the verdicts err as seldom as they say?"""

from dataclasses import replace
from functools import cache

import pytest

from tools import verdict_tallies
from tools.made_up_sessions import Noise, Session, heavy, normal
from tools.verdict_tallies import Tally, tally

FAST = 100


@cache
def told_of(case: Session) -> Tally:
    """What FAST runs of a case come to; what several tests ask for is simulated once."""
    return tally(case, FAST)


@pytest.mark.parametrize(
    "case",
    [
        Session("alone"),
        Session("many", cells=12),
        Session("many blocks", blocks=12),
        Session("heavy tails", cells=4, noise=heavy),
        Session("drift", drift=0.2),
    ],
    ids=lambda case: case.name,
)
def test_equal_arms_are_seldom_told_apart(case: Session) -> None:
    told = told_of(case)
    assert not list(verdict_tallies.shortfalls([told])), told


@pytest.mark.parametrize("noise", [normal, heavy])
@pytest.mark.parametrize("blocks", [6, 12])
def test_a_true_effect_is_found_and_lies_in_its_interval(noise: Noise, blocks: int) -> None:
    told = told_of(Session("20 %", blocks=blocks, effect=0.2, noise=noise))
    assert told.found > 0.9
    assert not list(verdict_tallies.shortfalls([told])), told


def test_without_interleaving_drift_would_pass_for_a_difference() -> None:
    case = Session("drift", drift=0.2)
    in_order = told_of(replace(case, interleaved=False))
    assert in_order.different > 0.3
    assert in_order.covered < 0.7
    assert told_of(case).different < 0.05


def test_stopping_when_the_interval_is_narrow_does_not_make_differences() -> None:
    told = tally(Session("stopped", until=0.04), 60)
    assert 6 < told.blocks < 20
    assert told.different <= 0.05 + 3 * (0.05 * 0.95 / 60) ** 0.5


def test_a_shortfall_is_told() -> None:
    good = Tally(Session("equal"), 1_000, 0.04, 0.03, 0.03, 0.95, 6.0)
    assert not list(verdict_tallies.shortfalls([good]))
    assert len(list(verdict_tallies.shortfalls([replace(good, by_test=0.06), replace(good, covered=0.92)]))) == 2
    assert not list(
        verdict_tallies.shortfalls([replace(good, case=Session("in order", interleaved=False), different=0.9)])
    )
