"""A spread that values far off do not change. Standard library only: plans are made with it."""

from collections.abc import Sequence
from statistics import median
from typing import Final

NORMAL: Final = 1.4826
"""Standard deviations of normal values in their median absolute deviation: 1 / Φ⁻¹(3/4)."""


def spread(apart: Sequence[float]) -> float:
    """The standard deviation of normal values that lie this far from their middle (without signs).

    Source: the median absolute deviation; e.g. Huber & Ronchetti, "Robust Statistics" (2009), section 5.1.
    """
    return NORMAL * median(apart)
