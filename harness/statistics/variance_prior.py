"""What all comparisons of a metric together say of how much one of them scatters: an inverse chi-squared prior of the variance.

A variance of four blocks is hardly known (its 95 % interval spans a factor of 43); those of thirty comparisons together are. The
prior has a typical variance, a line in the covariate of the comparisons if they have one, and degrees of freedom, which say how
alike the variances are: as many as the blocks that it is worth.
Source: Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray experiments" (2004),
section 6; with a trend, as in limma's fitFDist.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

Values = NDArray[np.float64]

FEWEST: Final = 12
"""Comparisons; of fewer each pulls the typical variance, and a line through them, towards its own, and takes it for theirs: with
9 the family-wise error was 6.2 %, with 16 it was 4.0 % (1 200 and 800 made-up runs), and 4.8 % without a prior."""

CAUTION: Final = 2.0
"""By how many of its own standard errors the spread of the variances is raised: few of them look alike by chance, and a prior
that is too sure finds differences that are none (by simulation, see docs/statistics.md)."""


@dataclass(frozen=True)
class Prior:
    """log of the typical variance = level + slope × (covariate − middle); worth `freedom` degrees of freedom."""

    level: float
    freedom: float
    slope: float = 0.0
    middle: float = 0.0
    comparisons: int = 1  # that it was made of

    def variance(self, covariate: Values) -> Values:
        """What is typical at these values of the covariate; NaN is taken for the middle. Shape: that of the covariate."""
        known = np.where(np.isfinite(covariate), covariate, self.middle)
        return np.asarray(np.exp(self.level + self.slope * (known - self.middle)))


UNKNOWN: Final = Prior(0.0, 0.0)
"""No prior: every comparison's variance is its own."""


def of_variances(variances: Values, freedom: Values, covariate: Values) -> Prior:
    """The prior that variances with these degrees of freedom come from. Shape: all (comparisons,)."""
    expected, scatter = special.digamma(freedom / 2) - np.log(freedom / 2), special.polygamma(1, freedom / 2)
    return of_logs(np.log(variances) - expected, scatter, covariate)


def of_logs(logs: Values, scatter: Values, covariate: Values) -> Prior:
    """The same from unbiased logarithms of the variances, and how much each scatters by chance (its variance).

    UNKNOWN where there are too few. Shape: all (comparisons,).
    """
    known = np.isfinite(covariate)
    middle = float(covariate[known].mean()) if known.any() else 0.0
    aside = np.where(known, covariate - middle, 0.0)
    trend = known.sum() >= FEWEST and np.ptp(aside) > 0
    free = len(logs) - (2 if trend else 1)
    if len(logs) < FEWEST:
        return UNKNOWN
    slope = float((aside * (logs - logs.mean())).sum() / (aside**2).sum()) if trend else 0.0
    level = float((logs - slope * aside).mean())
    left = logs - level - slope * aside
    by_chance = float(scatter.mean())
    spread = max(float((left**2).sum()) / free, by_chance) * (1 + CAUTION * sqrt(2 / free))
    worth = _freedom(spread - by_chance)
    bias = float(special.digamma(worth / 2) - np.log(worth / 2))
    return Prior(level + bias, worth, slope, middle, len(logs))


def _freedom(excess: float) -> float:
    """Degrees of freedom of a prior whose logarithms have this variance: trigamma(freedom / 2) = excess, by Newton's method."""
    y = 0.5 + 1 / excess
    for _ in range(50):
        trigamma = float(special.polygamma(1, y))
        step = trigamma * (1 - trigamma / excess) / float(special.polygamma(2, y))
        y += step
        if -step / y < 1e-8:
            break
    return 2 * y
