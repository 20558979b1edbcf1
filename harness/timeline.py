"""Latency over time: a block in, p50, p95 and largest latency of every stretch of every analysed slice out. Pure.

A stretch is an equal part of a slice's window; there are so few of them that a page can show a run of ten million requests.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness import cells
from harness.frames import BlockFrames
from harness.samples import SHORTAGE, Outcome
from harness.scenario import Scenario

MOST_POINTS: Final = 240
"""Per cell, all blocks together, as long as that leaves every slice one of its own."""
MOST_STRETCHES: Final = 8
COLUMNS: Final = ("block", "arm", "endpoint", "level", "visit", "stretch", "stretches", "p50_ms", "p95_ms", "max_ms")


def stretches(scenario: Scenario) -> int:
    """Into how many parts each slice of this scenario is cut."""
    slices = scenario.most_blocks * scenario.load.visits
    return max(1, min(MOST_STRETCHES, MOST_POINTS // slices))


def of_block(block: BlockFrames, mode: str, parts: int) -> pd.DataFrame:
    """One row per stretch that has a request: COLUMNS. Of a mix all of it; by when a request was due; ms."""
    slices = cells.analysed(block, mode).reset_index(drop=True)
    stretch, latency_ms = _placed(block.requests, slices, parts)
    order = np.argsort(stretch, kind="stable")
    stretch, latency_ms = stretch[order], latency_ms[order]
    there, starts = np.unique(stretch, return_index=True)
    if not len(there):
        return pd.DataFrame(columns=COLUMNS)
    pieces = np.split(latency_ms, starts[1:])
    own = slices.iloc[there // parts]
    visit = slices.groupby(["arm", "endpoint", "cell_level"]).cumcount().to_numpy()
    columns = [own.arm, own.endpoint, own.cell_level, visit[there // parts], there % parts]
    told = dict(zip(COLUMNS[1:6], map(np.asarray, columns), strict=True))
    values = zip(*map(_told, pieces), strict=True)
    return pd.DataFrame(
        {"block": block.index, **told, "stretches": parts, **dict(zip(COLUMNS[7:], values, strict=True))}
    )


def _told(sample: NDArray[np.float64]) -> tuple[float, float, float]:
    """p50, p95 and the largest, sorting no more than that takes."""
    last = len(sample) - 1
    at = [0.5 * last, 0.95 * last]
    around = sorted({int(one) + more for one in at for more in (0, 1) if int(one) + more <= last})
    part = np.partition(sample, around)
    p50, p95 = (float(part[int(one)] + one % 1 * (part[min(int(one) + 1, last)] - part[int(one)])) for one in at)
    return p50, p95, float(sample.max())


def _placed(requests: pd.DataFrame, slices: pd.DataFrame, parts: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of every request that was due in a window: the number of its stretch, and its latency in ms."""
    at = pd.Index(slices["index"]).get_indexer(requests.slice)
    intended, outcome = requests.intended_ns.to_numpy(), requests.outcome.to_numpy()
    cut, end = slices.cut_ns.to_numpy()[at], slices.end_ns.to_numpy()[at]
    timed = np.isin(outcome, [Outcome.OK, *SHORTAGE])
    inside = (at >= 0) & timed & (intended >= cut) & (intended < end)
    at, intended, cut, end = at[inside], intended[inside], cut[inside], end[inside]
    stretch = at * parts + (intended - cut) * parts // (end - cut)
    return stretch, (requests.done_ns.to_numpy()[inside] - intended) / 1e6
