"""The prior of variances: made-up ones come from a known one, and it is found again."""

import numpy as np
import pytest
from scipy import special

from harness.statistics import variance_prior
from harness.statistics.variance_prior import UNKNOWN


def variances(count: int, freedom: float, typical: float, blocks: int, rng: np.random.Generator) -> np.ndarray:
    """Seen variances of so many blocks, where the true ones are scaled inverse chi-squared."""
    true = typical * freedom / rng.chisquare(freedom, count)
    return np.asarray(true * rng.chisquare(blocks - 1, count) / (blocks - 1))


@pytest.mark.parametrize(("freedom", "typical", "blocks"), [(4.0, 0.01, 4), (10.0, 0.0025, 6), (25.0, 1.0, 10)])
def test_the_prior_that_variances_were_drawn_from_is_found_again(freedom: float, typical: float, blocks: int) -> None:
    seen = variances(40_000, freedom, typical, blocks, np.random.default_rng(1))
    found = variance_prior.of_variances(seen, np.full(len(seen), blocks - 1.0), np.full(len(seen), np.nan))
    assert found.freedom == pytest.approx(freedom, rel=0.1)
    assert float(found.variance(np.array([np.nan]))[0]) == pytest.approx(typical, rel=0.05)


def test_a_line_in_the_covariate_is_found_again_and_makes_the_prior_worth_more() -> None:
    rng = np.random.default_rng(2)
    covariate = rng.uniform(-4, 0, 4_000)
    seen = variances(4_000, 12.0, 1.0, 6, rng) * np.exp(0.5 + 1.2 * covariate)
    found = variance_prior.of_variances(seen, np.full(4_000, 5.0), covariate)
    flat = variance_prior.of_variances(seen, np.full(4_000, 5.0), np.full(4_000, np.nan))
    assert found.slope == pytest.approx(1.2, abs=0.05)
    assert found.variance(np.array([-1.0]))[0] == pytest.approx(np.exp(-0.7), rel=0.1)
    assert found.freedom == pytest.approx(12.0, rel=0.15)
    assert flat.freedom < 3


def test_its_freedom_solves_its_equation() -> None:
    for freedom in (0.5, 3.0, 40.0):
        assert variance_prior._freedom(float(special.polygamma(1, freedom / 2))) == pytest.approx(freedom, rel=1e-6)


def test_few_variances_that_look_alike_are_worth_little_and_many_much() -> None:
    alike = [np.full(count, 0.01) for count in (12, 30, 1_000)]
    worth = [variance_prior.of_variances(v, np.full(len(v), 3.0), np.full(len(v), np.nan)).freedom for v in alike]
    assert worth == sorted(worth)
    assert worth[0] < 4
    assert 4 < worth[1] < 10
    assert worth[2] > 20


def test_of_few_comparisons_there_is_no_prior() -> None:
    few = np.full(11, 0.1)
    assert variance_prior.of_variances(few, np.full(11, 3.0), np.full(11, np.nan)) == UNKNOWN
    assert variance_prior.of_variances(np.array([]), np.array([]), np.array([])) == UNKNOWN
