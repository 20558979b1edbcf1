"""MSER-5 on series whose warm-up is known."""

import numpy as np
import pytest

from harness.statistics import steady_state

MS = 1_000_000


def noise(count: int, seed: int = 1) -> np.ndarray:
    return 100 + np.random.default_rng(seed).normal(0, 2, count)


def test_a_start_that_is_slower_is_cut_off() -> None:
    series = noise(100)
    series[:15] += np.linspace(80, 20, 15)
    assert steady_state.mser5(series) == 15


def test_a_series_that_still_rises_at_its_end_has_not_settled() -> None:
    still = np.concatenate([np.linspace(10, 100, 80), np.full(20, 100.0)])
    assert steady_state.mser5(still + noise(100) / 50) is None


def test_steady_noise_is_seldom_called_unsettled() -> None:
    cuts = [steady_state.mser5(noise(60, seed)) for seed in range(300)]
    assert sum(cut is None for cut in cuts) / 300 < 0.2
    assert np.mean([cut or 0 for cut in cuts]) < 15


@pytest.mark.parametrize("count", [0, 4, 49])
def test_a_short_series_is_left_whole(count: int) -> None:
    assert steady_state.mser5(np.linspace(1, 100, count)) == 0


def test_bins_are_means_of_250_ms_and_nan_where_nothing_was() -> None:
    at = np.array([0, 100, 300, 1100]) * MS
    values = np.array([1.0, 3.0, 5.0, 7.0])
    found = steady_state.bins(at, values, 0, 1000 * MS)
    assert found.tolist()[:2] == [2.0, 5.0]
    assert np.isnan(found[2:]).all()
    assert len(steady_state.bins(at, values, 0, 240 * MS)) == 0


@pytest.mark.parametrize(
    ("values", "off"),
    [
        ([0.12, 0.13, 0.11], True),
        ([0.12, -0.20, 0.25], False),  # one block rises, another falls
        ([0.02, 0.03, 0.02], False),  # surely not zero, and too little to matter
        ([0.12], False),  # of one it may be chance …
        ([0.25], True),  # … up to twice the limit
        ([0.25, np.nan], True),
        ([np.nan], False),
        ([], False),
    ],
)
def test_what_should_be_zero_is_off_only_where_the_blocks_agree(values: list[float], off: bool) -> None:
    assert steady_state.surely_off(np.array(values, dtype=float), 0.10) == off
