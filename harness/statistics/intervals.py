"""Estimates and their 95 % intervals. Pure functions of one-dimensional arrays; n is always a number of blocks.

Requests of one block share a server start, machine noise and each other's queue: they are not
independent, so they never count as n.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from math import ceil, comb, exp, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.samples import SAMPLES_NEEDED
from harness.statistics.estimate import Estimate

DOUBT: Final = 0.05  # the intervals are 95 % ones

DOUBT_IF_STOPPED: Final = 0.035
"""Nominal doubt of intervals and tests where the number of blocks followed from the data: a run that stops as soon as the
interval is narrow stops the sooner the less it happens to have seen of the spread. Then nominal 95 % cover 93 %, and 96.5 %
cover 95 % (by simulation, from 6 up to 60 blocks; see docs/statistics.md)."""

FEWEST_FOR_T: Final = 3  # two blocks give an interval of t(1) = 12.7 standard errors: formally right, useless

FEWEST_FOR_BOOTSTRAP: Final = 10

FEWEST_FOR_MEDIAN: Final = 6  # 95 % order statistics need so many

FEWEST_FOR_JACKKNIFE: Final = FEWEST_FOR_MEDIAN

RESAMPLES, SEED = 10_000, 1

DOUBT_BY_LOOKS: Final = (0.05, 0.0294, 0.0221, 0.0182, 0.0158)
"""And where a run was extended after it had been looked at: the second look, the third … Source: Pocock, "Group sequential
methods in the design and analysis of clinical trials" (1977), table 1."""

Values = NDArray[np.float64]

Counts = tuple[NDArray[np.int64], NDArray[np.int64]]


def doubt_of(looks: int, stopped: bool) -> float:
    """How often intervals and tests may err in a run that was looked at so often, and ended by its own rule or not."""
    several = DOUBT_BY_LOOKS[looks - 1] if looks <= len(DOUBT_BY_LOOKS) else DOUBT / looks
    return several * (DOUBT_IF_STOPPED / DOUBT if stopped else 1.0)


def log_ratios(values: Values, base: Values) -> Values:
    """log(values / base), block by block. Shape: both (blocks,), paired; NaN where either side is missing or not positive.

    Source: the ratio of paired log-normal quantities; e.g. Kalibera & Jones, "Rigorous benchmarking in reasonable time" (2013).
    """
    usable = np.isfinite(values) & np.isfinite(base) & (values > 0) & (base > 0)
    logs = np.full(len(values), np.nan)
    logs[usable] = np.log(values[usable] / base[usable])
    return logs


def geometric_ratio(values: Values, base: Values) -> Estimate | None:
    """Geometric mean of the block-wise ratios values / base, with the interval of `of_logs`. Shape: both (blocks,), paired."""
    return of_logs(log_ratios(values, base))


def geometric_mean(values: Values) -> Estimate | None:
    """Geometric mean with the interval of `of_logs`. Shape: (blocks,); missing and non-positive values are left out."""
    return of_logs(np.log(values[np.isfinite(values) & (values > 0)]))


def least(values: Values) -> Estimate | None:
    """The smallest value, which has no interval. Shape: (blocks,); NaN is left out."""
    known = values[np.isfinite(values)]
    return Estimate(float(known.min()), None, None, len(known)) if len(known) else None


def of_logs(logs: Values, doubt: float = DOUBT) -> Estimate | None:
    """exp of the mean, with its interval: t below FEWEST_FOR_BOOTSTRAP blocks, BCa bootstrap from there on.

    Shape: (blocks,); NaN is left out. None without any value; no interval below FEWEST_FOR_T.
    """
    known = logs[np.isfinite(logs)]
    n = len(known)
    if not n:
        return None
    middle = float(known.mean())
    if n < FEWEST_FOR_T:
        return Estimate(float(np.exp(middle)), None, None, n)
    interval = _t_interval if n < FEWEST_FOR_BOOTSTRAP else _bootstrap_interval
    low, high = interval(known, doubt)
    return Estimate(float(np.exp(middle)), float(np.exp(low)), float(np.exp(high)), n)


def welch(logs: Values, base: Values) -> tuple[Estimate, float] | None:
    """exp of the difference of two means, with Welch's t-interval, and the p of his test of there being no difference.

    For blocks that are not paired: those of two runs. Shape: any two lengths; NaN is left out. None where either side is empty;
    no interval, and p = 1, below FEWEST_FOR_T on either. Source: Welch, "The generalization of 'Student's' problem when several
    different population variances are involved" (1947).
    """
    known, known_base = logs[np.isfinite(logs)], base[np.isfinite(base)]
    n = min(len(known), len(known_base))
    if not n:
        return None
    middle = float(known.mean() - known_base.mean())
    if n < FEWEST_FOR_T:
        return Estimate(float(np.exp(middle)), None, None, n), 1.0
    spreads = float(known.std(ddof=1)), float(known_base.std(ddof=1))
    if spreads == (0.0, 0.0):
        return _about(middle, 0.0, n), float(middle == 0)
    counts = np.array(len(known)), np.array(len(known_base))
    half, (error, freedom) = float(welch_half_width(spreads, counts)), _welch_error(spreads, counts)
    p = float(2 * special.stdtr(freedom, -(abs(middle) / error)))
    return _about(middle, half, n), p


def welch_half_width(spreads: tuple[float, float], counts: Counts, doubt: float = DOUBT) -> Values:
    """Half of Welch's interval of a difference of two means, with these standard deviations. Shape: that of the counts."""
    error, freedom = _welch_error(spreads, counts)
    return np.asarray(special.stdtrit(freedom, 1 - doubt / 2) * error)


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
    drop = _lowest_heads(n) - 1  # how many are left off at each end
    if drop < 0:
        return Estimate(middle, None, None, n)
    return Estimate(middle, float(ordered[drop]), float(ordered[n - 1 - drop]), n)


@cache
def _lowest_heads(coins: int) -> int:
    """The binomial's quantile: of so many coins, the fewest heads that so many or fewer come up in DOUBT / 2 of all throws."""
    heads, ways = 0, 1
    while ways < DOUBT / 2 * 2**coins:
        heads += 1
        ways += comb(coins, heads)
    return heads


def merged_percentile(samples: Values, blocks: Sequence[Values], quantile: float) -> Estimate | None:
    """The percentile of all blocks' samples merged, with the interval of a jackknife that leaves out one block at a time.

    `samples`: of all `blocks` together; all in rising order. None where there is too little data; from FEWEST_FOR_JACKKNIFE
    blocks on there is an interval, t on the logarithms of the percentiles without each block. Source: Shao & Wu, "A general
    theory for jackknife variance estimation" (1989): of quantiles it holds where many samples are left out at once.
    """
    value, known = percentile_of_sorted(samples, quantile), [block for block in blocks if len(block)]
    n = len(known)
    if value is None:
        return None
    if n < FEWEST_FOR_JACKKNIFE or value <= 0:
        return Estimate(value, None, None, n)
    logs = np.log([_quantile_without(samples, block, quantile) for block in known])
    half = float(half_width(float(logs.std(ddof=1)) * (n - 1), np.array([n]))[0])
    return Estimate(value, value * exp(-half), value * exp(half), n)


def percentile(samples: Values, quantile: float) -> float | None:
    """The percentile by linear interpolation (numpy's default); None where there is too little data for it."""
    if len(samples) < SAMPLES_NEEDED[quantile]:
        return None
    return float(np.quantile(samples, quantile))


def percentile_of_sorted(samples: Values, quantile: float) -> float | None:
    """The same of samples in rising order, in no time however many they are."""
    if len(samples) < SAMPLES_NEEDED[quantile]:
        return None
    return float(quantiles_of_sorted(samples, np.array([quantile]))[0])


def quantiles_of_sorted(samples: Values, quantiles: Values) -> Values:
    """numpy's quantiles to the last bit, of samples in rising order: np.quantile orders them anew. Shape: that of the quantiles.

    Source: Hyndman & Fan, "Sample quantiles in statistical packages" (1996), type 7, interpolated from the nearer end.
    """
    place = quantiles * (len(samples) - 1)
    low = np.floor(place).astype(np.int64)
    share, below = place - low, samples[low]
    above = samples[np.minimum(low + 1, len(samples) - 1)]
    step = above - below
    return np.asarray(np.where(share < 0.5, below + step * share, above - step * (1 - share)))


def half_width(spread: float, n: NDArray[np.int64], doubt: float = DOUBT) -> Values:
    """Half a t-interval of the mean of so many values with this standard deviation. Shape: that of n."""
    widths: Values = special.stdtrit(n - 1, 1 - doubt / 2) * spread / np.sqrt(n)
    return widths


def _quantile_without(merged: Values, block: Values, quantile: float) -> float:
    """The quantile of what is in `merged` and not in `block`, both in rising order, without putting that together."""
    place = quantile * (len(merged) - len(block) - 1)
    below, above = (_kth_without(merged, block, k) for k in (int(place), ceil(place)))
    return below + (above - below) * (place - int(place))


def _kth_without(merged: Values, block: Values, k: int) -> float:
    """The first value up to which more than k are left."""

    def left(at: int) -> int:
        return int(np.searchsorted(merged, merged[at], "right") - np.searchsorted(block, merged[at], "right"))

    return float(merged[bisect_right(range(len(merged)), k, key=left)])


def _about(middle: float, half: float, n: int) -> Estimate:
    """exp of a mean of logs and of the ends of its interval."""
    return Estimate(float(np.exp(middle)), float(np.exp(middle - half)), float(np.exp(middle + half)), n)


def _welch_error(spreads: tuple[float, float], counts: Counts) -> tuple[Values, Values]:
    """Standard error of a difference of two means, and its degrees of freedom (Satterthwaite's). Shape: that of the counts."""
    first, second = (spread**2 / count for spread, count in zip(spreads, counts, strict=True))
    freedom = (first + second) ** 2 / (first**2 / (counts[0] - 1) + second**2 / (counts[1] - 1))
    return np.asarray(np.sqrt(first + second)), np.asarray(freedom)


def _t_interval(logs: Values, doubt: float) -> tuple[float, float]:
    middle, half = logs.mean(), half_width(float(logs.std(ddof=1)), np.array([len(logs)]), doubt)[0]
    return float(middle - half), float(middle + half)


def _bootstrap_interval(logs: Values, doubt: float) -> tuple[float, float]:
    """BCa over blocks, widened for few of them; seeded.

    The bootstrap takes the spread of n values for that of the population and so is too narrow: 95 % of ten blocks cover 90 %. Its
    levels are therefore those that make a normal sample's interval a t-interval, with n - 2 degrees of freedom, because BCa
    estimates the skewness as well (with n - 1, 95 % of twelve heavy-tailed blocks covered 92.6 %, with n - 2 they cover 94 %).
    Source: Efron, "Better bootstrap confidence intervals" (1987); Hesterberg, "What teachers should know about the
    bootstrap" (2015), section 5.3, "expanded percentile interval".
    """
    from scipy import stats  # takes seconds to import, and runs of fewer blocks do without

    n = len(logs)
    if np.ptp(logs) == 0:
        return float(logs[0]), float(logs[0])
    beyond = special.ndtr(-sqrt(n / (n - 2)) * special.stdtrit(n - 2, 1 - doubt / 2))
    rng = np.random.default_rng(SEED)
    found = stats.bootstrap(
        (logs,), np.mean, n_resamples=RESAMPLES, confidence_level=1 - 2 * beyond, method="BCa", rng=rng
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
