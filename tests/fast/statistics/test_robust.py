"""The spread that values far off do not change."""

import random

import pytest

from harness.statistics import robust


def test_it_is_the_standard_deviation_of_normal_values() -> None:
    rng = random.Random(1)
    assert robust.spread([abs(rng.gauss(0.0, 0.3)) for _ in range(20_000)]) == pytest.approx(0.3, rel=0.02)


def test_one_value_in_eight_that_is_far_off_hardly_counts() -> None:
    rng = random.Random(2)
    apart = [abs(rng.gauss(0.0, 0.3)) for _ in range(7_000)]
    assert robust.spread(apart + 1_000 * [50.0]) == pytest.approx(0.3, rel=0.25)
