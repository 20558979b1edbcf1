"""Figures of streaming responses: time to first byte, and concurrent streams.

From raw samples, per cell and block. Elsewhere a response is one write, and its first byte is its last.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]


def figures(slice_: NDArray[np.int64], first: Times, done: Times, first_byte_ms: NDArray[np.float64]) -> dict[str, Any]:
    """A stream's columns of a cell's row. All requests' slices and times in ns; `first_byte_ms` of those that are counted."""
    return {
        "first_byte_ms": float(np.median(first_byte_ms)) if len(first_byte_ms) else None,
        "streams": max((at_once(first[slice_ == one], done[slice_ == one]) for one in np.unique(slice_)), default=0),
    }


def at_once(first: Times, done: Times) -> int:
    """The most responses under way at one time: first byte received, last one not yet. `first` 0: no byte came."""
    begun = first > 0
    at = np.concatenate([first[begun], done[begun]])
    change = np.repeat([1, -1], begun.sum())
    order = np.lexsort((change, at))  # one that ends as another begins is not under way beside it
    return int(np.cumsum(change[order]).max(initial=0))
