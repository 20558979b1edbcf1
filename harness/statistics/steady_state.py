"""When has a cell settled? MSER-5 on 250 ms bins. Pure functions of one-dimensional arrays.

Source: White, "An effective truncation heuristic for bias reduction in simulation output" (1997); Franklin & White,
"Stationarity tests and MSER-5" (2008): batches of five, the truncation that minimises the standard error of what is
left, and no verdict where that would throw away more than half.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.statistics import intervals

BIN_NS: Final = 250_000_000

BATCH: Final = 5

FEWEST_BATCHES: Final = 10

FEWEST_LEFT: Final = 5  # batches; of fewer the spread is small by chance

FEWEST_FOR_T: Final = 3

Series = NDArray[np.float64]


def bins(at_ns: NDArray[np.int64], values: Series, start_ns: int, end_ns: int) -> Series:
    """Mean of the values in each whole bin of [start_ns, end_ns); NaN where a bin is empty. Shape: (whole bins,)."""
    count = (end_ns - start_ns) // BIN_NS
    place = (at_ns - start_ns) // BIN_NS
    inside = (place >= 0) & (place < count)
    sums = np.bincount(place[inside], values[inside], count)
    with np.errstate(invalid="ignore"):
        means: Series = sums / np.bincount(place[inside], minlength=count)
    return means


def mser5(series: Series) -> int | None:
    """How many values to cut off at the start: a multiple of five; None if it has not settled within the first half.

    Too short a series (fewer than FEWEST_BATCHES batches) is left whole: 0.
    """
    known = series[np.isfinite(series)]
    batches = known[: len(known) // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
    n = len(batches)
    if n < FEWEST_BATCHES:
        return 0
    left = range(n, FEWEST_LEFT - 1, -1)  # batches left after each truncation
    errors = np.array([batches[n - k :].var() / k for k in left])
    best = int(errors.argmin())
    return best * BATCH if best <= n // 2 else None


def surely_off(values: Series, limit: float) -> bool:
    """Whether figures that should be zero, one per block (NaN: not known), are not: their median is beyond ±limit, and from
    FEWEST_FOR_T blocks on their 95 % t-interval does not hold zero. In short windows a single one is off by chance, and of fewer
    it has to be beyond twice the limit.
    """
    known = values[np.isfinite(values)]
    if not len(known) or abs(np.median(known)) <= limit:
        return False
    if len(known) < FEWEST_FOR_T:
        return bool(abs(np.median(known)) > 2 * limit)
    return bool(abs(known.mean()) > intervals.half_width(float(known.std(ddof=1)), np.array(len(known))))
