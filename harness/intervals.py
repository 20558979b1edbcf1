"""Estimates and their 95 % intervals. Pure functions of one-dimensional arrays; n is always a number of blocks.

Requests of one block share a server start, a machine's mood and each other's queue: they are not
independent, so they never count as n.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.samples import SAMPLES_NEEDED

CONFIDENCE: Final = 0.95
FEWEST_FOR_T: Final = 3  # two blocks give an interval of t(1) = 12.7 standard errors: formally right, useless

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its interval. `low` and `high` are None where there are too few blocks for one."""

    value: float
    low: float | None
    high: float | None
    n: int


def geometric_ratio(values: Values, base: Values) -> Estimate | None:
    """Geometric mean of the block-wise ratios values / base, with a t-interval on their logarithms.

    Shape: both (blocks,), paired by block; pairs with a missing or non-positive value are left out. None without any pair.
    Source: the ratio of paired log-normal quantities; e.g. Kalibera & Jones, "Rigorous benchmarking in reasonable time" (2013).
    """
    usable = np.isfinite(values) & np.isfinite(base) & (values > 0) & (base > 0)
    return geometric_mean(values[usable] / base[usable])


def geometric_mean(values: Values) -> Estimate | None:
    """Geometric mean with a t-interval on the logarithms.

    Shape: (blocks,); missing and non-positive values are left out. None without any; no interval below FEWEST_FOR_T.
    """
    logs = np.log(values[np.isfinite(values) & (values > 0)])
    n = len(logs)
    if not n:
        return None
    mean = float(logs.mean())
    if n < FEWEST_FOR_T:
        return Estimate(float(np.exp(mean)), None, None, n)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * logs.std(ddof=1) / np.sqrt(n))
    return Estimate(float(np.exp(mean)), float(np.exp(mean - half)), float(np.exp(mean + half)), n)


def median(values: Values) -> Estimate | None:
    """Median over blocks with the narrowest order-statistic interval of at least 95 %; distribution-free.

    Shape: (blocks,); NaN is left out. From 6 blocks on there is an interval (lowest to highest at first).
    Source: the sign test's inversion; e.g. Conover, "Practical Nonparametric Statistics", 3.2.
    """
    ordered = np.sort(values[np.isfinite(values)])
    n = len(ordered)
    if not n:
        return None
    middle = float(np.median(ordered))
    drop = int(stats.binom.ppf((1 - CONFIDENCE) / 2, n, 0.5)) - 1  # how many are left off at each end
    if drop < 0:
        return Estimate(middle, None, None, n)
    return Estimate(middle, float(ordered[drop]), float(ordered[n - 1 - drop]), n)


def percentile(samples: Values, quantile: float) -> float | None:
    """The percentile by linear interpolation (numpy's default); None where there is too little data for it."""
    if len(samples) < SAMPLES_NEEDED[quantile]:
        return None
    return float(np.quantile(samples, quantile))
