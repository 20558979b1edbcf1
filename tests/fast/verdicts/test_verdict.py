"""Verdicts: what the interval, the test, the margin and the floor say together, and how many blocks would decide."""

from math import exp, log

import numpy as np
import pytest

from harness.analysis.arm_comparison import Compared, corrected
from harness.registry.metrics import CPU, THROUGHPUT, Metric
from harness.statistics import intervals
from harness.statistics.estimate import Estimate
from harness.verdicts import verdict

SPREAD = np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0])


def compared(interval: tuple[float, float, float], p: float = 0.03, metric: Metric = THROUGHPUT) -> Compared:
    low, value, high = interval
    logs = log(value) + 0.1 * SPREAD
    return Compared("async", "sync", "hello", 4, metric, Estimate(value, low, high, 6), logs, p)


def alone(logs: np.ndarray) -> Compared:
    """A comparison of these log ratios, with no other beside it."""
    ratio = intervals.of_logs(logs)
    assert ratio is not None
    return corrected([Compared("async", "sync", "hello", 4, THROUGHPUT, ratio, logs)])[0]


@pytest.mark.parametrize(
    ("interval", "floor", "word"),
    [
        ((0.98, 1.00, 1.02), 0.01, "equivalent (±3 %)"),
        ((0.98, 0.985, 0.99), 0.01, "equivalent (±3 %)"),  # it excludes 1, by less than the scenario cares for
        ((0.90, 1.00, 1.10), 0.20, "equivalent (±20 %)"),
        ((1.05, 1.10, 1.15), 0.20, "inconclusive (within the A/A noise floor, ±20 %)"),  # noise proves nothing
        ((1.01, 1.02, 1.04), 0.01, "inconclusive (about "),  # smaller than the margin, but not surely
        (
            (0.90, 1.00, 1.10),
            0.55,
            "inconclusive (within the A/A noise floor, ±55 %)",
        ),  # there, everything would be equivalent
        ((1.05, 1.10, 1.15), 0.02, "faster"),
        ((0.80, 0.85, 0.90), 0.02, "slower"),
        ((0.90, 1.00, 1.10), 0.02, "inconclusive (about "),
    ],
)
def test_the_verdict_follows_interval_margin_and_floor(
    interval: tuple[float, float, float], floor: float, word: str
) -> None:
    assert str(verdict.judge(compared(interval), 0.03, floor)).startswith(word)


def test_a_difference_that_the_corrected_test_does_not_find_is_none() -> None:
    assert verdict.judge(compared((1.05, 1.10, 1.15), p=0.06), 0.03, None).word == "inconclusive"


def test_a_cost_is_less_or_more_and_not_faster_or_slower() -> None:
    assert verdict.judge(compared((0.80, 0.85, 0.90), metric=CPU), 0.03, None).word == "less"


@pytest.mark.parametrize("n", [1, 2, 5])
def test_fewer_than_six_blocks_show_no_difference_however_large(n: int) -> None:
    told = verdict.judge(alone(np.full(n, log(4.0)) + 0.001 * np.arange(n)), 0.03, None)
    assert told.word == "inconclusive"
    assert "6 blocks" in told.note


def test_six_blocks_that_agree_show_it() -> None:
    assert verdict.judge(alone(log(1.2) + 0.01 * SPREAD), 0.03, None).word == "faster"


@pytest.mark.parametrize(("middle", "spread"), [(0.08, 0.10), (0.0, 0.10), (0.20, 0.30), (0.02, 0.01)])
def test_so_many_blocks_as_it_says_do_decide(middle: float, spread: float) -> None:
    """With exactly the mean and the spread that were seen."""
    logs = middle + spread * SPREAD
    needed = verdict.blocks_needed(logs, 0.03, 0.05)
    assert needed is not None
    assert needed > 6
    sample = np.linspace(-1, 1, needed)
    spread_seen = float(logs.std(ddof=1))
    decided = middle + spread_seen * (sample - sample.mean()) / sample.std(ddof=1)
    room = middle if middle > log(1.03) else log(1.03) - middle
    assert half(spread_seen, needed) <= room
    assert needed == 7 or half(spread_seen, needed - 1) > room
    assert alone(decided).ratio.value == pytest.approx(exp(middle))


def half(spread: float, n: int) -> float:
    return float(intervals.half_width(spread, np.array([n]))[0])


def test_what_no_number_of_blocks_decides_is_told_so() -> None:
    on_the_margin = log(1.03) + 0.5 * SPREAD
    assert verdict.blocks_needed(on_the_margin - 1e-6, 0.03, 0.05) is None
    assert verdict.needed_in_words(None).replace("\u202f", " ") == "(more than 1 000 blocks)"


def test_more_comparisons_take_more_blocks() -> None:
    logs = 0.1 + 0.1 * SPREAD
    alone_, among_many = (verdict.blocks_needed(logs, 0.03, 0.05 / family) for family in (1, 100))
    assert alone_ is not None
    assert among_many is not None
    assert among_many > alone_
