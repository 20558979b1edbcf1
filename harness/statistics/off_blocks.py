"""Blocks that are off: one in which a machine stood still says nothing of the arms, and would hide what all others agree on.

A block is left out where it cannot belong to the same comparison as the others, by a test that a thousandth of comparisons fails
by chance: its distance from the mean of the others against their spread, moderated as in `moderated`. The prior for that has to
be proof against such blocks itself: it comes from the variances without each comparison's most distant block.
Source: the externally studentised residual; Cook & Weisberg, "Residuals and influence in regression" (1982), section 2.2.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.statistics import variance_prior
from harness.statistics.variance_prior import Prior, Values

DOUBT: Final = 0.001

FEWEST_LEFT: Final = 3  # blocks

MOST: Final = 0.25
"""Share of a comparison's blocks that can be off; of more, nobody knows which are."""

SURPRISE: Final = 3.0
"""Standard errors; a variance that is larger by more than these has two such blocks, and is kept out of the prior."""

SIMULATED, SEED = 400_000, 1


def left_out(logs: Values, covariate: Values) -> tuple[NDArray[np.bool_], Prior]:
    """Which blocks are off, and the prior that told. Shape: logs (blocks, comparisons), NaN where unknown, at least three known
    in each; covariate (comparisons,); result as the logs."""
    prior = prior_without_farthest(logs, covariate)
    return against(prior, logs, covariate), prior


def against(prior: Prior, logs: Values, covariate: Values) -> NDArray[np.bool_]:
    """Which blocks are off under this prior. Shape: as in `left_out`."""
    left, off = logs.copy(), np.zeros(logs.shape, dtype=bool)
    typical, columns = prior.variance(covariate), np.arange(logs.shape[1])
    most = np.floor(MOST * np.isfinite(logs).sum(axis=0))
    for _ in range(int(most.max(initial=0))):
        p, farthest = _farthest(left, typical, prior.freedom)
        n = np.isfinite(left).sum(axis=0)
        found = (p * n < DOUBT) & (n > FEWEST_LEFT) & (off.sum(axis=0) < most)
        if not found.any():
            break
        off[farthest[found], columns[found]] = True
        left[off] = np.nan
    return off


def prior_without_farthest(logs: Values, covariate: Values) -> Prior:
    """The prior of the variances, as far as blocks that are off cannot touch it. Shape: as in `left_out`."""
    constants = np.array([_smallest_of_normal(int(n)) for n in np.isfinite(logs).sum(axis=0)]).reshape(-1, 2)
    unbiased, scatter = np.log(floored(variances_without_one(logs).min(axis=0))) - constants[:, 0], constants[:, 1]
    prior = variance_prior.of_logs(unbiased, scatter, covariate)
    for _ in range(3):
        if not prior.freedom:
            break
        expected = np.log(prior.variance(covariate))
        usual = unbiased - expected < SURPRISE * np.sqrt(scatter + 2 / max(prior.freedom, 1.0))
        prior = variance_prior.of_logs(unbiased[usual], scatter[usual], covariate[usual])
    return prior


def variances_without_one(logs: Values) -> Values:
    """Each comparison's variance without each of its blocks; infinite where that is unknown. Shape: (blocks, comparisons)."""
    known = np.isfinite(logs)
    n = known.sum(axis=0)
    values = np.where(known, logs, 0.0)
    apart = np.where(known, values - values.sum(axis=0) / n, 0.0)
    squares = (apart**2).sum(axis=0) - n / (n - 1) * apart**2
    return np.asarray(np.where(known, squares.clip(min=0) / (n - 2), np.inf))


def floored(variances: Values) -> Values:
    """Variances of blocks that agree to the last digit, made as large as a figure's resolution, so that they have a logarithm."""
    return np.asarray(variances.clip(min=max(1e-12, 1e-5 * float(np.median(variances))) if len(variances) else 0.0))


def _farthest(logs: Values, typical: Values, freedom: float) -> tuple[Values, NDArray[np.int64]]:
    """Of each comparison the block that is farthest from the others, and the p of its belonging to them."""
    without, columns = variances_without_one(logs), np.arange(logs.shape[1])
    place = without.argmin(axis=0)
    n = np.isfinite(logs).sum(axis=0)
    own, one = floored(without[place, columns]), logs[place, columns]
    others = (np.nansum(logs, axis=0) - one) / (n - 1)
    variance = (freedom * typical + (n - 2) * own) / (freedom + n - 2)
    t = (one - others) / np.sqrt(variance * n / (n - 1))
    return np.asarray(2 * special.stdtr(freedom + n - 2, -np.abs(t))), place


@cache
def _smallest_of_normal(n: int) -> tuple[float, float]:
    """Mean and variance of the logarithm of the smallest variance without one of n normal values; by simulation, seeded."""
    values = np.random.default_rng(SEED).normal(size=(n, max(2_000, SIMULATED // n)))
    logs = np.log(variances_without_one(values).min(axis=0))
    return float(logs.mean()), float(logs.var())
