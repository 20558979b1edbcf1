"""Block log ratios of made-up runs, as crooked as real ones: what `validate_statistics` judges. Pure and seeded.

Arms are measured at several places (endpoint and load), block by block; pairs of arms share arms, as in a real run, and an A/A
pair repeats one of them. A cell scatters by its own spread, up to ten times another's.
"""

from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LEAST_SPREAD: Final = 0.02  # of a cell's log figure from block to block

PAIRS: Final = ((4, 0), (4, 1), (4, 3), (2, 1))
"""As in scenarios/default.toml: (arm, over) of five arms."""

CONTROL: Final = (5, 4)

FACTOR: Final = 5.0
"""By how much a block that is off is off."""


@dataclass(frozen=True)
class Case:
    """What is true in a made-up run."""

    name: str
    blocks: int = 6
    places: int = 7
    pairs: int = len(PAIRS)
    tenfold: bool = True  # spreads from LEAST_SPREAD to ten times as much; otherwise all alike, twice that
    effect: float = 1.0  # the true ratio of every pair
    heavy: bool = False  # Student's t with three degrees of freedom instead of normal noise
    off: float = 0.0  # share of comparisons' blocks that are off by FACTOR, one way or the other, each by itself
    off_blocks: float = 0.0  # share of blocks in which an arm is off by FACTOR everywhere
    noisy: float = 0.0  # share of a cell's blocks that scatter FACTOR times as much
    missing: float = 0.0  # share of a cell's blocks that are unknown
    rare: float = 0.0  # share of comparisons that are known in three blocks only
    drift: float = 1.0  # by which factor the machine is faster when the run ends
    covariate: float | None = (
        0.4  # how well the spread is known from within the blocks: error of its log variance; None: not
    )


@dataclass(frozen=True)
class MadeUp:
    """One metric of one run; the last comparisons are A/A pairs."""

    logs: Values  # (blocks, comparisons)
    spreads: Values  # (comparisons,): of a block's log ratio, as it was made
    covariate: Values | None  # (comparisons,)
    pairs: int  # how many comparisons are no A/A pairs


def run(case: Case, rng: np.random.Generator) -> MadeUp:
    """One run in which `case` is true."""
    shape = (case.blocks, 6, case.places)
    spreads = _spreads(case, rng)
    noise = rng.standard_t(3, shape) / np.sqrt(3) if case.heavy else rng.normal(size=shape)
    noise *= np.where(rng.random(shape) < case.noisy, FACTOR, 1.0)
    figures = noise * spreads + _off(case, rng) + _drift(case, rng)
    figures[rng.random(shape) < case.missing] = np.nan
    pairs = [*PAIRS[: case.pairs], CONTROL]
    logs = np.concatenate([figures[:, arm] - figures[:, over] for arm, over in pairs], axis=1)
    of_pair = np.concatenate([np.hypot(spreads[arm], spreads[over]) for arm, over in pairs])
    count = case.pairs * case.places
    logs[:, :count] += log(case.effect)
    if case.rare:
        logs[3:, rng.permutation(count)[: round(case.rare * count)]] = np.nan
    known = None if case.covariate is None else 2 * np.log(of_pair) + case.covariate * rng.normal(size=len(of_pair))
    return MadeUp(logs, of_pair, known, count)


def _spreads(case: Case, rng: np.random.Generator) -> Values:
    """Each cell's: mostly its place's, partly its own. Shape: (arms, places)."""
    if not case.tenfold:
        return np.full((6, case.places), 2 * LEAST_SPREAD)
    return np.asarray(LEAST_SPREAD * 10 ** (0.7 * rng.random(case.places) + 0.3 * rng.random((6, case.places))))


def _off(case: Case, rng: np.random.Generator) -> Values:
    """What is off, as logs. A comparison has two cells, each of which is off half as often."""
    shape = (case.blocks, 6, case.places)
    ways = rng.choice([-log(FACTOR), log(FACTOR)], shape)
    single = np.where(rng.random(shape) < case.off / 2, ways, 0.0)
    arm = rng.integers(6, size=case.blocks)
    hit = (rng.random(case.blocks) < case.off_blocks)[:, None] & (np.arange(6) == arm[:, None])
    return np.asarray(np.where(hit[:, :, None], ways[:, :, :1], single))


def _drift(case: Case, rng: np.random.Generator) -> Values:
    """A block's cells are visited in an order of its own, so that a drift within it hits them at different times."""
    cells = 6 * case.places
    order = rng.permuted(np.tile(np.arange(cells), (case.blocks, 1)), axis=1).reshape(case.blocks, 6, case.places)
    when = (np.arange(case.blocks)[:, None, None] + order / cells) / case.blocks
    return np.asarray(log(case.drift) * when)
