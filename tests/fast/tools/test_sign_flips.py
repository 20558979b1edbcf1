"""The sign-flip test and its correction, against figures worked out by hand and by brute force."""

from itertools import product

import numpy as np
import pytest

from tools import sign_flips


@pytest.mark.parametrize(("blocks", "p"), [(1, 1.0), (3, 0.25), (5, 0.0625), (6, 0.03125), (8, 2 / 256)])
def test_blocks_that_all_agree_have_the_smallest_p_there_is(blocks: int, p: float) -> None:
    logs = 0.1 + 0.01 * np.arange(blocks)[:, None]
    assert sign_flips.adjusted(logs)[0] == pytest.approx(p)


def test_one_comparison_is_fisher_s_test_by_brute_force() -> None:
    logs = np.array([0.05, 0.02, -0.01, 0.04, 0.03, -0.02, 0.06])
    seen = abs(logs.sum())
    as_far = sum(abs(np.dot(signs, logs)) >= seen - 1e-12 for signs in product((-1, 1), repeat=len(logs)))
    assert sign_flips.adjusted(logs[:, None])[0] == pytest.approx(as_far / 2 ** len(logs))


def test_the_correction_is_the_step_down_over_the_largest_by_brute_force() -> None:
    rng = np.random.default_rng(2)
    logs = rng.normal(0, 1, (7, 3)) + np.array([3.0, 1.0, 0.0])

    def t_squared(values: np.ndarray) -> np.ndarray:
        return (values.mean(axis=0) / (values.std(axis=0, ddof=1) / np.sqrt(len(values)))) ** 2

    seen = t_squared(logs)
    order = np.argsort(-seen)
    flipped = np.array([t_squared(logs * np.array(signs)[:, None]) for signs in product((1, -1), repeat=7)])
    expected, floor = np.empty(3), 0.0
    for place, one in enumerate(order):
        floor = max(floor, float((flipped[:, order[place:]].max(axis=1) >= seen[one] * (1 - 1e-9)).mean()))
        expected[one] = floor
    assert sign_flips.adjusted(logs) == pytest.approx(expected)


def test_a_comparison_beside_others_is_never_easier_than_alone() -> None:
    rng = np.random.default_rng(3)
    logs = rng.normal(0.02, 0.05, (8, 6))
    together = sign_flips.adjusted(logs)
    alone = [sign_flips.adjusted(logs[:, [place]])[0] for place in range(6)]
    assert (together >= np.array(alone) - 1e-12).all()


def test_six_blocks_can_still_tell_one_of_many_where_bonferroni_could_not() -> None:
    rng = np.random.default_rng(4)
    logs = rng.normal(0, 0.02, (6, 20))
    logs[:, 0] += 1.0
    assert sign_flips.adjusted(logs)[0] == pytest.approx(2 / 64)


def test_a_missing_block_is_left_out_and_an_empty_comparison_finds_nothing() -> None:
    logs = np.full((7, 2), np.nan)
    logs[:6, 0] = 0.1 + 0.01 * np.arange(6)
    assert sign_flips.adjusted(logs) == pytest.approx([2 / 64, 1.0])
    assert len(sign_flips.adjusted(np.empty((6, 0)))) == 0


def test_blocks_without_any_difference_have_none() -> None:
    assert sign_flips.adjusted(np.zeros((8, 1)))[0] == 1.0


def test_many_blocks_are_flipped_at_random_with_the_data_among_them() -> None:
    signs = sign_flips.flips(40)
    assert signs.shape == (sign_flips.RANDOM_FLIPS, 40)
    assert (signs[0] == 1).all()
    assert abs(signs[1:].mean()) < 0.01
    assert sign_flips.adjusted(np.full((40, 1), 0.1) + 0.01 * np.arange(40)[:, None])[0] == pytest.approx(1e-4)
