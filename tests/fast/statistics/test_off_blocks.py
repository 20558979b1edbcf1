"""Blocks that are off: a planted one is found, ordinary ones are left alone."""

import numpy as np
import pytest

from harness.statistics import off_blocks

SPREAD = 0.05


def many(blocks: int, seed: int = 1, comparisons: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, SPREAD, (blocks, comparisons))


def off(logs: np.ndarray) -> np.ndarray:
    return off_blocks.left_out(logs, np.full(logs.shape[1], np.nan))[0]


def test_variances_without_one_are_those_of_the_others() -> None:
    logs = many(6)
    logs[2, 0] = np.nan
    found = off_blocks.variances_without_one(logs)
    assert found[1, 3] == pytest.approx(np.delete(logs[:, 3], 1).var(ddof=1))
    assert found[0, 0] == pytest.approx(logs[[1, 3, 4, 5], 0].var(ddof=1))
    assert found[2, 0] == np.inf


@pytest.mark.parametrize("blocks", [4, 6, 10])
def test_a_block_that_is_off_by_a_factor_of_five_is_found_where_it_is(blocks: int) -> None:
    logs = many(blocks)
    places = [(blocks - 1, 0), (0, 7), (1, 8), (2, 29)]
    for block, comparison in places:
        logs[block, comparison] += np.log(5)
    assert [tuple(place) for place in np.argwhere(off(logs).T)[:, ::-1]] == places


def test_ordinary_blocks_are_left_out_once_in_a_thousand_comparisons() -> None:
    found = sum(int(off(many(blocks, seed)).sum()) for blocks in (4, 6) for seed in range(60))
    assert found <= 3 + 0.001 * 2 * 60 * 30


def test_where_half_of_the_blocks_are_off_nobody_knows_which() -> None:
    logs = many(4)
    logs[:2, 0] += np.log(5)
    assert not off(logs).any()


def test_three_blocks_are_all_kept() -> None:
    logs = many(3)
    logs[0, 0] += np.log(5)
    assert not off(logs).any()


def test_alone_a_comparison_loses_a_block_only_where_the_others_leave_no_doubt() -> None:
    assert not off(np.array([[0.0], [0.01], [0.05], [0.3]])).any()
    assert off(np.array([[0.0], [0.01], [0.02], [1.6]]))[3, 0]


def test_the_prior_is_the_same_whether_blocks_are_off_or_not() -> None:
    logs, unknown = many(6, comparisons=200), np.full(200, np.nan)
    clean = off_blocks.prior_without_farthest(logs, unknown)
    logs[0, :60] += np.log(5)
    dirty = off_blocks.prior_without_farthest(logs, unknown)
    assert np.exp(clean.level) == pytest.approx(SPREAD**2, rel=0.1)
    assert np.exp(dirty.level) == pytest.approx(SPREAD**2, rel=0.3)


def test_logs_that_agree_to_the_last_digit_are_no_trouble() -> None:
    assert not off(np.zeros((6, 12))).any()
    assert not off(np.empty((6, 0))).any()
