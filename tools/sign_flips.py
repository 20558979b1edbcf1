"""The test that verdicts rested on before the moderated t, for comparison: exact sign flips over blocks, corrected for the run.

If two arms are equal, the log ratio of a block is as likely to be x as -x. So flipping the signs of whole blocks gives
all the data sets that chance might have shown instead, and p is the share of them that look as different as this one, or more.

The correction is Holm's step-down, with the joint distribution in place of Bonferroni's bound (Westfall & Young): a comparison
has to stand out from the largest of all those not yet found different, under every flip. Bonferroni's bound would make six
blocks worthless: their smallest p is 2/64, and twice that is above 5 %. The comparisons of a run share their blocks and often
an arm, and the joint flips know that.
What it cost: six blocks cannot go below p = 0.031, five show nothing, and a comparison known in few blocks holds all others up.
Source: Westfall & Young, "Resampling-based multiple testing" (1993), algorithm 4.1; Romano & Wolf (2005); Pesarin (2001)
for sign flips; Phipson & Smyth (2010) for counting the data themselves among random flips.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_EXACT: Final = 13  # blocks; 4 096 flips, all of them

RANDOM_FLIPS, SEED = 10_000, 1

FEWEST_BLOCKS: Final = 6
"""Fewest blocks that can show any difference: 2 of 2^6 flips are 3.1 %, 2 of 2^5 are 6.2 %."""

Values = NDArray[np.float64]


def adjusted(logs: Values) -> Values:
    """p of each comparison's log ratios not being centred on 0, adjusted so that all of them together err in 5 % of runs.

    Shape: (blocks, comparisons) to (comparisons,); NaN where a block lacks a comparison. One without any value gets 1.
    """
    blocks, comparisons = logs.shape
    if not comparisons or not blocks:
        return np.ones(comparisons)
    seen = statistics(logs, np.ones((1, blocks)))[0]
    flipped = statistics(logs, flips(blocks))
    order = np.argsort(-seen, kind="stable")
    largest_left = np.maximum.accumulate(flipped[:, order][:, ::-1], axis=1)[:, ::-1]
    shares = (largest_left >= seen[order] * (1 - 1e-9)).mean(axis=0)
    p = np.empty(comparisons)
    p[order] = np.maximum.accumulate(shares)
    return p


def flips(blocks: int) -> Values:
    """Signs by which blocks are multiplied, the identity first. Shape: (flips, blocks).

    All 2^(blocks - 1) with a positive first sign (their opposites give the same statistic) where that is few; else random ones.
    """
    if blocks <= MOST_EXACT:
        numbers = np.arange(2 ** (blocks - 1))[:, None]
        return np.asarray(1.0 - 2.0 * ((numbers >> np.arange(blocks)) & 1)[:, ::-1])
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), size=(RANDOM_FLIPS, blocks))
    signs[0] = 1.0
    return signs


def statistics(logs: Values, signs: Values) -> Values:
    """t² of each comparison under each flip. Shape: (blocks, comparisons), (flips, blocks) to (flips, comparisons).

    With q the mean square, which no flip changes: t² = (n - 1) m² / (q - m²).
    """
    known = np.isfinite(logs)
    values, n = np.where(known, logs, 0.0), np.maximum(known.sum(axis=0), 1)
    squares = (values**2).sum(axis=0) / n
    means = (signs @ values) / n
    share = np.divide(means**2, squares, out=np.zeros_like(means), where=squares > 0).clip(0, 1 - 1e-12)
    return np.asarray((n - 1) * share / (1 - share))
