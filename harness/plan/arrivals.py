"""When requests are due in an open loop: offsets from the start of a slice, fixed before it begins. Pure, and seeded.

The load generator sends by this schedule and the analysis computes it again from the same seed, so that
"scheduled" is the plan's own number and not the load generator's word.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.registry.load_modes import Kind

Offsets = NDArray[np.int64]

BURST: Final = 10

SECOND_NS: Final = 1_000_000_000


def schedule(kind: Kind, rate: float, length_ns: int, seed: int) -> Offsets:
    """Offsets in ns, rising, in [0, length_ns); `rate` per second on average.

    poisson: exponential gaps, as of many users who do not know of each other. uniform: equal gaps, the first after a
    random part of one. burst: ten at once, the bursts Poisson at a tenth of the rate.
    """
    rng = np.random.default_rng(seed)
    if kind == "uniform":
        gap_ns = SECOND_NS / rate
        return np.arange(rng.random() * gap_ns, length_ns, gap_ns).astype(np.int64)
    if kind == "burst":
        return np.repeat(_poisson(rng, rate / BURST, length_ns), BURST)
    return _poisson(rng, rate, length_ns)


def draw(shares: Sequence[float], count: int, seed: int) -> NDArray[np.int64]:
    """Which of several endpoints each of `count` arrivals asks for, by their shares (that add up to 1). Shape: (count,)."""
    if len(shares) == 1:
        return np.zeros(count, dtype=np.int64)
    bounds = np.cumsum(shares)[:-1]
    return np.asarray(np.searchsorted(bounds, np.random.default_rng((seed, 1)).random(count), side="right"))


def share(offsets: Offsets, process: int, processes: int) -> Offsets:
    """What one of several load generators sends; together they send the schedule, each arrival once."""
    return offsets[process::processes]


def _poisson(rng: np.random.Generator, rate: float, length_ns: int) -> Offsets:
    """A Poisson process on [0, length_ns): a Poisson number of arrivals, each uniform in time, in order.

    Source: the conditional property of the process; e.g. Ross, "Introduction to Probability Models", 5.3.5.
    """
    count = rng.poisson(rate * length_ns / SECOND_NS)
    return np.sort(rng.integers(0, length_ns, count))
