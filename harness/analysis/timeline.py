"""Latency over time: a block in, p50, p95 and largest latency of every stretch of every analysed slice out. Pure.

A stretch is an equal part of a slice's window; there are so few of them that a page can show a run of ten million requests.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import pooling
from harness.analysis.frames import BlockFrames
from harness.samples import SHORTAGE, Outcome
from harness.scenario.model import Scenario

MOST_POINTS: Final = 240
"""Per cell, all blocks together, as long as that leaves every slice one of its own."""

MOST_STRETCHES: Final = 8

COLUMNS: Final = ("block", "arm", "endpoint", "level", "visit", "stretch", "stretches", "p50_ms", "p95_ms", "max_ms")


def stretches(scenario: Scenario) -> int:
    """Into how many parts each slice of this scenario is cut."""
    if scenario.time is not None:
        return 1  # short slices, and many
    slices = scenario.most_blocks * scenario.load.visits
    return max(1, min(MOST_STRETCHES, MOST_POINTS // slices))


def of_block(block: BlockFrames, mode: str, parts: int) -> pd.DataFrame:
    """One row per stretch that has a request: COLUMNS. Of a mix all of it; by when a request was due; ms."""
    slices = pooling.analysed(block, mode)
    visits = slices.groupby(["arm", "endpoint", "cell_level"]).cumcount()
    requests = block.requests
    of_slice = requests.slice.to_numpy()
    order = None if (of_slice[1:] >= of_slice[:-1]).all() else np.argsort(of_slice, kind="stable")
    names = ("slice", "intended_ns", "done_ns", "outcome")
    whole = {name: requests[name].to_numpy() for name in names}
    if order is not None:
        whole = {name: values[order] for name, values in whole.items()}
    rows = []
    for slice_, visit in zip(slices.to_dict("records"), visits, strict=True):
        first, last = np.searchsorted(whole["slice"], [slice_["index"], slice_["index"] + 1])
        own = {name: values[first:last] for name, values in whole.items()}
        where = (block.index, slice_["arm"], slice_["endpoint"], slice_["cell_level"], int(visit))
        for stretch, sample in _stretches(own, slice_["cut_ns"], slice_["end_ns"], parts):
            rows.append((*where, stretch, parts, *_told(sample)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _stretches(own: dict[str, Any], cut_ns: int, end_ns: int, parts: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """The latencies (ms) of one slice's requests, stretch by stretch; what is empty is left out."""
    if end_ns <= cut_ns:  # ended before it was full
        return
    intended, outcome = own["intended_ns"], own["outcome"]
    timed = outcome == Outcome.OK
    for given_up in SHORTAGE:
        timed |= outcome == given_up
    inside = timed & (intended >= cut_ns) & (intended < end_ns)
    stretch = ((intended - cut_ns) * (parts / (end_ns - cut_ns))).astype(np.int16)
    latency_ms = (own["done_ns"] - intended) / 1e6
    for one in range(parts):
        sample = latency_ms[inside & (stretch == one)]
        if len(sample):
            yield one, sample


def _told(sample: NDArray[np.float64]) -> tuple[float, float, float]:
    """p50, p95 and the largest, sorting no more than that takes."""
    last = len(sample) - 1
    at = [0.5 * last, 0.95 * last]
    around = sorted({int(one) + more for one in at for more in (0, 1) if int(one) + more <= last})
    part = np.partition(sample, around)
    p50, p95 = (float(part[int(one)] + one % 1 * (part[min(int(one) + 1, last)] - part[int(one)])) for one in at)
    return p50, p95, float(sample.max())
