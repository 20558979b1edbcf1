"""Two runs side by side: what is refused, what is found, what is lost, and when the gate fails."""

import math
from math import log

import numpy as np
import pytest

from harness.formatting import numbers
from harness.samples import SAMPLES_NEEDED
from harness.statistics import estimate, intervals
from harness.statistics.estimate import Estimate


def test_welch_is_scipy_s_on_logs() -> None:
    from scipy import stats  # takes seconds, and nobody else needs it

    rng = np.random.default_rng(1)
    logs, base = rng.normal(0.2, 0.02, 5), rng.normal(0.1, 0.1, 9)
    found, expected = intervals.welch(logs, base), stats.ttest_ind(logs, base, equal_var=False)
    assert found is not None
    ratio, p = found
    ends = expected.confidence_interval(0.95)
    assert p == pytest.approx(expected.pvalue)
    assert (ratio.low, ratio.high) == pytest.approx((np.exp(ends.low), np.exp(ends.high)))
    assert ratio.value == pytest.approx(stats.gmean(np.exp(logs)) / stats.gmean(np.exp(base)))
    assert ratio.n == 5


def test_welch_leaves_out_what_is_missing_and_needs_three_blocks_on_both_sides() -> None:
    assert intervals.welch(np.array([np.nan]), np.zeros(4)) is None
    few = intervals.welch(np.array([0.1, 0.2, np.nan]), np.zeros(4))
    assert few is not None
    assert (few[0].low, few[0].n, few[1]) == (None, 2, 1.0)


def test_welch_of_values_that_never_vary_is_a_point() -> None:
    same, other = (intervals.welch(np.full(3, value), np.zeros(3)) for value in (0.0, log(2)))
    assert same == (estimate.Estimate(1.0, 1.0, 1.0, 3), 1.0)
    assert other is not None
    assert other[1] == 0.0
    assert other[0].low == other[0].high == pytest.approx(2.0)


def test_the_ratio_is_the_geometric_mean_with_a_t_interval_on_logs() -> None:
    from scipy import stats

    values, base = np.array([2.0, 2.2, 1.9, 2.1]), np.array([1.0, 1.0, 1.0, 1.0])
    found = intervals.geometric_ratio(values, base)
    low, high = stats.t.interval(0.95, 3, np.log(values).mean(), stats.sem(np.log(values)))
    assert found is not None
    assert found.value == pytest.approx(stats.gmean(values))
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)))


def test_the_ratio_the_other_way_round_is_its_inverse() -> None:
    a, b = np.array([2.0, 2.2, 1.9]), np.array([1.0, 1.1, 1.2])
    there, back = intervals.geometric_ratio(a, b), intervals.geometric_ratio(b, a)
    assert there is not None
    assert back is not None
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high)


def test_pairs_with_a_missing_side_are_left_out() -> None:
    found = intervals.geometric_ratio(np.array([2.0, np.nan, 2.0, 2.0]), np.array([1.0, 1.0, np.nan, 1.0]))
    assert found == Estimate(2.0, None, None, 2)


def test_the_least_of_the_blocks_has_no_interval() -> None:
    assert intervals.least(np.array([1510.0, np.nan, 1410.0, 1550.0])) == Estimate(1410.0, None, None, 3)
    assert intervals.least(np.array([np.nan])) is None


def test_two_blocks_have_no_interval_and_none_has_no_ratio() -> None:
    assert intervals.geometric_ratio(np.array([]), np.array([])) is None
    found = intervals.geometric_ratio(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    assert found is not None
    assert found.low is None


def test_the_t_interval_covers_the_truth_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(2_000):
        logs = rng.normal(math.log(1.2), 0.05, size=6)
        found = intervals.geometric_ratio(np.exp(logs), np.ones(6))
        assert found is not None
        covered += bool(found.low <= 1.2 <= found.high)  # type: ignore[operator]
    assert 0.93 <= covered / 2_000 <= 0.97


@pytest.mark.parametrize("n", [10, 20])
def test_from_ten_blocks_on_the_interval_is_bootstrapped_and_covers_the_truth(
    monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 2_000)  # of so many samples, the ends' own noise evens out
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        found = intervals.of_logs(rng.normal(0.2, 0.05, size=n))
        assert found is not None
        covered += bool(found.low <= math.exp(0.2) <= found.high)  # type: ignore[operator]
    assert 0.92 <= covered / 400 <= 0.98


def blocks_of(rng: np.random.Generator, n: int, spread: float) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Latencies of n blocks that differ by this much; slow ones have fewer."""
    scales = np.exp(rng.normal(0, spread, size=n))
    return [np.sort(100 * scale * (1 + rng.gamma(2, 0.1, size=int(300 / scale)))) for scale in scales]


@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
def test_a_percentile_of_all_samples_has_an_interval_of_its_own(quantile: float) -> None:
    blocks = [*blocks_of(np.random.default_rng(5), 7, 0.3), np.empty(0)]
    merged = np.sort(np.concatenate(blocks))
    without = [np.quantile(np.concatenate(blocks[:at] + blocks[at + 1 :]), quantile) for at in range(7)]
    found = intervals.merged_percentile(merged, blocks, quantile)
    assert found is not None
    assert (found.value, found.n) == (np.quantile(merged, quantile), 7)
    error = math.sqrt(6 * np.log(without).var())
    assert math.log(found.high / found.value) == pytest.approx(2.4469 * error, rel=1e-4)  # type: ignore[operator]
    assert math.log(found.value / found.low) == pytest.approx(2.4469 * error, rel=1e-4)  # type: ignore[operator]


def test_a_percentile_of_five_blocks_has_no_interval_and_one_of_few_samples_is_none() -> None:
    blocks = blocks_of(np.random.default_rng(6), 5, 0.1)
    assert intervals.merged_percentile(np.sort(np.concatenate(blocks)), blocks, 0.95) == Estimate(
        float(np.quantile(np.concatenate(blocks), 0.95)), None, None, 5
    )
    assert intervals.merged_percentile(blocks[0][:100], [blocks[0][:100]], 0.95) is None


@pytest.mark.parametrize(("quantile", "least"), [(0.5, 0.92), (0.95, 0.90)])
def test_the_interval_of_a_percentile_covers_the_truth(quantile: float, least: float) -> None:
    rng = np.random.default_rng(7)
    truth = np.quantile(np.concatenate(blocks_of(rng, 2_000, 0.05)), quantile)
    covered = 0
    for _ in range(200):
        blocks = blocks_of(rng, 10, 0.05)
        found = intervals.merged_percentile(np.sort(np.concatenate(blocks)), blocks, quantile)
        assert found is not None
        covered += bool(found.low <= truth <= found.high)  # type: ignore[operator]
    assert covered / 200 >= least


def test_the_bootstrap_sees_that_a_sample_is_skewed() -> None:
    logs = np.array([0.0, 0.01, 0.0, 0.02, 0.01, 0.0, 0.01, 0.02, 0.01, 0.6])
    found = intervals.of_logs(logs)
    assert found is not None
    assert math.log(found.high / found.value) > 1.5 * math.log(found.value / found.low)  # type: ignore[operator]


def test_blocks_that_all_agree_have_an_interval_of_no_width() -> None:
    assert intervals.of_logs(np.zeros(12)) == Estimate(1.0, 1.0, 1.0, 12)


@pytest.mark.parametrize(("n", "drop"), [(5, None), (6, 0), (8, 0), (9, 1), (12, 2), (20, 5)])
def test_the_median_s_interval_leaves_off_as_many_as_the_sign_test_allows(n: int, drop: int | None) -> None:
    found = intervals.median(np.arange(n, dtype=float))
    assert found is not None
    assert found.value == (n - 1) / 2
    assert (found.low, found.high) == ((None, None) if drop is None else (drop, n - 1 - drop))


@pytest.mark.parametrize(("quantile", "needed"), [(0.95, 130), (0.99, 662), (0.999, 6_636)])
def test_no_percentile_without_data(quantile: float, needed: int) -> None:
    assert SAMPLES_NEEDED[quantile] == needed
    assert intervals.percentile(np.arange(needed - 1, dtype=float), quantile) is None
    assert intervals.percentile(np.arange(needed, dtype=float), quantile) is not None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0, "0"),
        (0.01234, "0.012"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (1234567.8, "1 234 568"),
    ],
)
def test_numbers_have_three_digits_and_never_an_exponent(value: float | None, text: str) -> None:
    assert numbers.number(value).replace(numbers.THIN_SPACE, " ") == text


def test_durations_are_for_people() -> None:
    assert [numbers.duration(s) for s in (45, 59.9, 450, 3900)] == ["45 s", "1 min 00 s", "7 min 30 s", "1 h 05 min"]


@pytest.mark.parametrize("n", [1, 2, 10, 131, 5_000])
def test_quantiles_of_ordered_samples_are_numpys_to_the_last_bit(n: int) -> None:
    samples = np.sort(np.random.default_rng(n).lognormal(size=n))
    asked = np.array([0.0, 0.1, 0.5, 0.95, 0.99, 0.9999, 1.0])
    assert intervals.quantiles_of_sorted(samples, asked).tolist() == np.quantile(samples, asked).tolist()
