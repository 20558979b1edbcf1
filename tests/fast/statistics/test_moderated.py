"""The moderated t: against Student's where there is no prior, by hand where there is one, and test and interval at one."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest

from harness.statistics import moderated
from harness.statistics.moderated import Moderated
from harness.statistics.variance_prior import Prior

DOUBT = 0.05


def made_up(blocks: int = 6, comparisons: int = 30, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(
        rng.choice([0.0, 0.1, 0.3], comparisons), rng.uniform(0.02, 0.1, comparisons), (blocks, comparisons)
    )


def judged(logs: np.ndarray) -> list[Moderated]:
    return [one for one in moderated.fit(logs).comparisons if one is not None]


def test_a_comparison_alone_is_student_s_t() -> None:
    from scipy import stats  # takes two seconds: for whoever runs these tests, not for whoever collects them

    logs = np.array([0.10, 0.14, 0.06, 0.12, 0.03])
    found = moderated.fit(logs[:, None]).comparisons[0]
    assert found is not None
    low, high = stats.t.interval(0.95, 4, logs.mean(), stats.sem(logs))
    told = found.estimate(DOUBT)
    assert (told.value, told.low, told.high, told.n) == pytest.approx((exp(logs.mean()), exp(low), exp(high), 5))
    assert found.p() == pytest.approx(stats.ttest_1samp(logs, 0.0).pvalue)
    assert found.p(1.05) == pytest.approx(stats.ttest_1samp(logs, log(1.05)).pvalue)


def test_under_a_prior_variance_and_freedom_are_shared() -> None:
    from scipy import stats  # takes two seconds: for whoever runs these tests, not for whoever collects them

    logs = np.array([0.1, 0.2, 0.0, 0.1])
    found = moderated.moderate(logs, Prior(log(0.01), 6.0, comparisons=20))
    assert found is not None
    own = logs.var(ddof=1)
    assert found.variance == pytest.approx((6 * 0.01 + 3 * own) / 9)
    assert found.freedom(4) == 9
    assert found.p() == pytest.approx(2 * stats.t.sf(logs.mean() / (found.variance / 4) ** 0.5, 9))


def test_freedom_is_never_more_than_all_comparisons_have() -> None:
    assert Moderated(0.0, 1.0, 4, prior=1_000, comparisons=3).freedom(4) == 9


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("doubt", [0.05, 0.0294])
def test_the_interval_excludes_1_just_where_the_test_finds_a_difference(seed: int, doubt: float) -> None:
    for one in judged(made_up(seed=seed)):
        told = one.estimate(doubt)
        assert told.low is not None
        assert told.high is not None
        assert (one.p() <= doubt) == (told.low > 1 or told.high < 1)


@pytest.mark.parametrize("seed", range(5))
def test_intervals_at_the_factor_that_decides_exclude_1_just_where_holm_finds_a_difference(seed: int) -> None:
    comparisons = judged(made_up(seed=seed))
    corrected, factor = moderated.adjusted([one.p() for one in comparisons], DOUBT)
    assert factor == max(1, (corrected > DOUBT).sum())
    for p, one in zip(corrected, comparisons, strict=True):
        assert (p <= DOUBT) == (one.half_width(DOUBT / factor, one.n) < abs(one.mean))


def test_four_blocks_show_a_large_effect_among_many() -> None:
    logs = np.random.default_rng(3).normal(0, 0.05, (4, 28))
    logs[:, 0] += log(3)
    corrected, _ = moderated.adjusted([one.p() for one in judged(logs)], DOUBT)
    assert corrected[0] < 0.001
    assert (corrected[1:] > DOUBT).all()


def test_too_few_known_blocks_are_not_judged_and_take_no_part() -> None:
    logs = made_up()
    logs[2:, 4] = np.nan
    found = moderated.fit(logs)
    assert [at for at, one in enumerate(found.comparisons) if one is None] == [4]
    without = moderated.fit(np.delete(logs, 4, axis=1))
    assert [one for one in found.comparisons if one is not None] == list(without.comparisons)
    assert list(moderated.fit(np.full((6, 2), np.nan)).comparisons) == [None, None]
    assert moderated.moderate(logs[:, 4], found.prior) is None


def test_a_block_that_is_off_is_left_out_and_told() -> None:
    logs = made_up()
    logs[:, 0] = 0.3 + 0.02 * np.array([1, -1, 1, -1, 1, -1])
    logs[3, 0] -= log(5)
    found = moderated.fit(logs).comparisons[0]
    assert found is not None
    assert found.left_out == (3,)
    assert (found.n, found.mean) == (5, pytest.approx(0.3 + 0.02 / 5))
    alone = moderated.moderate(logs[:, 0], moderated.fit(logs).prior)
    assert alone is not None
    assert alone.left_out == (3,)


def test_a_variance_that_the_prior_does_not_explain_is_judged_by_itself() -> None:
    logs = np.random.default_rng(4).normal(0, 0.02, (6, 30))
    wild = np.array([1.0, -1.2, 0.8, -0.9, 1.1, -1.0])
    logs[:, 0] = wild
    found = moderated.fit(logs).comparisons[0]
    assert found is not None
    assert (found.prior, found.variance) == (0.0, pytest.approx(wild.var(ddof=1)))


@pytest.mark.parametrize(("mean", "spread"), [(0.08, 0.10), (0.20, 0.30), (0.30, 0.31), (0.05, 0.15)])
@pytest.mark.parametrize("doubt", [0.05, 0.05 / 28])
def test_the_blocks_that_it_asks_for_are_the_first_with_which_the_same_test_likely_decides(
    mean: float, spread: float, doubt: float
) -> None:
    one = Moderated(mean, spread**2, 6, prior=5.0, comparisons=28)

    def decides(n: int) -> bool:
        moved = mean - moderated.LIKELY * spread * (1 / 6 - 1 / n) ** 0.5
        return replace(one, mean=moved, n=n).p() <= doubt

    needed = one.blocks_until_apart(1.0, doubt)
    assert needed is not None
    assert [n for n in range(7, needed + 1) if decides(n)] == [needed]


def test_what_no_number_of_blocks_decides_is_none() -> None:
    assert Moderated(1e-6, 1.0, 6).blocks_until_apart(1.0, DOUBT) is None
    assert Moderated(log(1.06), 0.01, 6).blocks_until_within(0.05, DOUBT) is None
    within = Moderated(0.0, 0.01, 6).blocks_until_within(0.05, DOUBT)
    assert within is not None
    assert Moderated(0.0, 0.01, within).half_width(DOUBT, within) <= log(1.05)


def test_figures_that_never_change_have_an_interval_of_hardly_any_width() -> None:
    found = moderated.fit(np.zeros((6, 3))).comparisons[0]
    assert found is not None
    assert found.half_width(DOUBT, 6) < 1e-5
    assert found.p() == 1.0


def test_holm_by_hand() -> None:
    assert moderated.holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert moderated.holm(np.array([0.4, 0.9])) == pytest.approx([0.8, 0.9])
    assert moderated.holm(np.array([0.9, 0.8])) == pytest.approx([1.0, 1.0])
    assert len(moderated.holm(np.array([]))) == 0
