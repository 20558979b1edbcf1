"""Test and interval of log ratios over a few blocks, from one model: the moderated t.

The mean over a comparison's blocks, against a variance that is its own and, as far as the comparisons of the metric resemble
each other, theirs (`variance_prior`): a degree of freedom for each block but one, and those that the prior is worth. What the
test finds is what the interval excludes. Blocks that are off are left out (`off_blocks`).
Source: Smyth (2004), see `variance_prior`; for variances that the prior does not explain Phipson et al., "Robust hyperparameter
estimation protects against hypervariable genes and improves power to detect differential expression" (2016).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.statistics import off_blocks, variance_prior
from harness.statistics.estimate import Estimate
from harness.statistics.variance_prior import Prior, Values

FEWEST_BLOCKS: Final = 3
"""Fewest known blocks for an interval and a test: two have a spread that means nothing."""

FOREIGN: Final = 0.05
"""A variance that the prior, once in so many runs, exceeds by chance is none of the prior's: it is judged by itself."""

MOST_BLOCKS: Final = 1_000

LIKELY: Final = 0.43
"""Standard deviations by which, two times in three, the blocks to come move the estimate to the wrong side at most: a number of
blocks that decides only every other time moves away as one gets there."""


@dataclass(frozen=True)
class Moderated:
    """One comparison in the model: all that its interval and its test need."""

    mean: float  # of the log ratios
    variance: float  # of a block's log ratio, moderated
    n: int  # blocks that count
    prior: float = 0.0  # degrees of freedom from the other comparisons
    comparisons: int = 1  # how many made the prior
    left_out: tuple[int, ...] = ()  # places of the blocks that are off

    def freedom(self, n: Values | int) -> Values:
        """Degrees of freedom with n blocks; no more than all comparisons have together."""
        return np.minimum(self.prior + n - 1, self.comparisons * (np.asarray(n) - 1.0))

    def half_width(self, doubt: float, n: Values | int) -> Values:
        """Half the interval of the mean log ratio, if it had n blocks. Shape: that of n."""
        return np.asarray(special.stdtrit(self.freedom(n), 1 - doubt / 2) * np.sqrt(self.variance / n))

    def estimate(self, doubt: float) -> Estimate:
        """The ratio with the interval that errs in this share of cases."""
        half = float(self.half_width(doubt, self.n))
        return Estimate(exp(self.mean), exp(self.mean - half), exp(self.mean + half), self.n)

    def p(self, limit: float = 1.0) -> float:
        """Of the true ratio being `limit`, two-sided."""
        t = abs(self.mean - log(limit)) / sqrt(self.variance / self.n)
        return float(2 * special.stdtr(self.freedom(self.n), -t))

    def blocks_until_apart(self, limit: float, doubt: float) -> int | None:
        """Fewest blocks, more than now, with which the test would likely tell the ratio from `limit`; None above MOST_BLOCKS."""
        return self._blocks(abs(self.mean - log(limit)), doubt)

    def blocks_until_within(self, margin: float, doubt: float) -> int | None:
        """… with which the interval would likely lie within ± this margin (a fraction)."""
        return self._blocks(log(1 + margin) - abs(self.mean), doubt)

    def _blocks(self, room: float, doubt: float) -> int | None:
        """Fewest blocks with which half the interval is at most `room`, less what the mean may move with those to come."""
        n = np.arange(self.n + 1.0, MOST_BLOCKS + 1)
        moves = LIKELY * np.sqrt(self.variance * (1 / self.n - 1 / n))
        enough = self.half_width(doubt, n) + moves <= room
        return int(n[enough][0]) if enough.any() else None


@dataclass(frozen=True)
class Model:
    """The comparisons of one metric in one run."""

    prior: Prior
    comparisons: Sequence[Moderated | None]  # None: too few known blocks to be judged


def fit(logs: Values, covariate: Values | None = None) -> Model:
    """All comparisons of a metric, A/A pairs among them. Shape: logs (blocks, comparisons), NaN where a block lacks one;
    covariate (comparisons,): whatever goes along with the logarithm of their variances."""
    given = np.full(logs.shape[1], np.nan) if covariate is None else covariate
    judged = np.isfinite(logs).sum(axis=0) >= FEWEST_BLOCKS
    own, beside = logs[:, judged], given[judged]
    off, rough = off_blocks.left_out(own, beside)
    left = np.where(off, np.nan, own)
    variances, freedom = _variances(left)
    native = _native(variances, freedom, beside, rough)
    prior = variance_prior.of_variances(variances[native], freedom[native], beside[native])
    found = iter(_under(prior, left, beside, off))
    return Model(prior, [next(found) if one else None for one in judged])


def moderate(logs: Values, prior: Prior, covariate: float = np.nan) -> Moderated | None:
    """One comparison more, under the prior of others; None below FEWEST_BLOCKS. Shape: (blocks,)."""
    own, beside = logs[:, None], np.array([covariate])
    if np.isfinite(logs).sum() < FEWEST_BLOCKS:
        return None
    off = off_blocks.against(prior, own, beside)
    return _under(prior, np.where(off, np.nan, own), beside, off)[0]


def _under(prior: Prior, logs: Values, covariate: Values, off: NDArray[np.bool_]) -> list[Moderated]:
    """Each comparison under this prior; one whose variance it does not explain, by itself."""
    variances, freedom = _variances(logs)
    worth = np.where(_native(variances, freedom, covariate, prior), prior.freedom, 0.0)
    moderated = (worth * prior.variance(covariate) + freedom * variances) / (worth + freedom)
    means = np.nanmean(logs, axis=0) if logs.size else freedom
    return [
        Moderated(
            mean=float(means[at]),
            variance=float(moderated[at]),
            n=int(freedom[at]) + 1,
            prior=float(worth[at]),
            comparisons=prior.comparisons if worth[at] else 1,
            left_out=tuple(np.flatnonzero(off[:, at]).tolist()),
        )
        for at in range(len(freedom))
    ]


def adjusted(p: Sequence[float], doubt: float) -> tuple[Values, int]:
    """These p corrected for one another (Holm), and the factor that decides those that are not significant: how many they are."""
    corrected = holm(np.array(p, dtype=float))
    return corrected, max(1, int((corrected > doubt).sum()))


def holm(p: Values) -> Values:
    """These p, each adjusted so that all of them together err in 5 % of cases, whatever hangs on what. Shape: (comparisons,).

    Source: Holm, "A simple sequentially rejective multiple test procedure" (1979).
    """
    order = np.argsort(p)
    raised = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    corrected = np.empty(len(p))
    corrected[order] = raised.clip(max=1.0)
    return corrected


def _variances(logs: Values) -> tuple[Values, Values]:
    """Variances over the known blocks and their degrees of freedom. Shape: (blocks, comparisons) to (comparisons,)."""
    freedom = np.isfinite(logs).sum(axis=0) - 1.0
    return off_blocks.floored(np.nanvar(logs, axis=0, ddof=1)) if len(freedom) else freedom, freedom


def _native(variances: Values, freedom: Values, covariate: Values, prior: Prior) -> NDArray[np.bool_]:
    """Which variances may come from the prior; none of those that are larger than it ever explains."""
    if not prior.freedom:
        return np.ones(len(variances), dtype=bool)
    excess = special.fdtrc(freedom, prior.freedom, variances / prior.variance(covariate))
    return np.asarray(excess > FOREIGN / max(prior.comparisons, 1))
