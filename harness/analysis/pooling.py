"""A cell's requests in one block as arrays: its slices pooled, and what came before they settled left out."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.frames import BlockFrames
from harness.plan.slices import ANALYSED
from harness.registry.load_modes import CAPACITY
from harness.samples import SHORTAGE, Outcome
from harness.scenario.endpoint import HELD
from harness.statistics import steady_state

FEWEST_BINS: Final = 3
"""For a spread within a block."""

Requests = dict[str, NDArray[Any]]

Latencies = NDArray[np.float64]

Columns = dict[str, NDArray[Any]]
"""A small table whose columns are looked up many times: arrays of one length, by name."""


@dataclass(frozen=True)
class Pooled:
    """A cell's requests in one block, slice after slice, as arrays of one length; what follows from them is computed once."""

    slices: Columns
    row: NDArray[np.int64]  # of each request, the row of its slice in `slices`; rising
    outcome: NDArray[np.int8]
    intended: NDArray[np.int64]
    sent: NDArray[np.int64]
    first: NDArray[np.int64]
    done: NDArray[np.int64]
    reused: NDArray[np.int8]
    part: NDArray[np.int16]

    @cached_property
    def cut(self) -> NDArray[np.int64]:
        """Of each request, where its slice's window begins."""
        return np.asarray(self.slices["cut_ns"][self.row])

    @cached_property
    def end(self) -> NDArray[np.int64]:
        """… and where it ends."""
        return np.asarray(self.slices["end_ns"][self.row])

    @cached_property
    def ok(self) -> NDArray[np.bool_]:
        return np.asarray(self.outcome == Outcome.OK)

    @cached_property
    def dropped(self) -> NDArray[np.bool_]:
        return np.asarray(self.outcome == Outcome.DROPPED)

    @cached_property
    def due(self) -> NDArray[np.bool_]:
        """Due in its window."""
        return np.asarray((self.intended >= self.cut) & (self.intended < self.end))

    @cached_property
    def ended(self) -> NDArray[np.bool_]:
        """Answered or given up in its window."""
        return np.asarray((self.done >= self.cut) & (self.done < self.end))

    @cached_property
    def latency_ms(self) -> Latencies:
        return (self.done - self.intended) / 1e6

    @cached_property
    def sample(self) -> Latencies:
        """Latencies (ms) of requests due in a window; what was given up counts as at least its age."""
        timed = self.ok | np.isin(self.outcome, list(SHORTAGE))
        return self.latency_ms[timed & self.due]

    @cached_property
    def window_ns(self) -> int:
        return int((self.slices["end_ns"] - self.slices["cut_ns"]).sum())

    def only(self, parts: Sequence[int]) -> "Pooled":
        """One endpoint of a mix: its requests, in the same windows."""
        own = np.isin(self.part, parts)
        return replace(self, **{field.name: getattr(self, field.name)[own] for field in fields(self)[1:]})


def slice_after_slice(requests: pd.DataFrame) -> Requests:
    """The columns as arrays, ordered by slice. So they are recorded; several load generators' rows stand one after the other."""
    columns = {name: requests[name].to_numpy() for name in requests}
    of_slice = columns["slice"]
    if (of_slice[1:] >= of_slice[:-1]).all():
        return columns
    order = np.argsort(of_slice, kind="stable")
    return {name: values[order] for name, values in columns.items()}


def pool(slices: Columns, requests: Requests, parts: Sequence[slice]) -> Pooled:
    """The requests of these slices as arrays; `parts` are their places, slice by slice."""
    names = {"outcome": "outcome", "reused": "reused", "part": "part"}
    names |= {name: f"{name}_ns" for name in ("intended", "sent", "first", "done")}
    columns = {name: np.concatenate([requests[stored][part] for part in parts]) for name, stored in names.items()}
    row = np.repeat(np.arange(len(parts)), [part.stop - part.start for part in parts])
    return Pooled(slices, row, **columns)


def analysed(block: BlockFrames, mode: str) -> pd.DataFrame:
    """The slices that figures are made of; those that confirmed a capacity become one cell at the level HELD."""
    slices = block.slices[block.slices.purpose.isin(ANALYSED)]
    if mode != CAPACITY:
        return slices.assign(cell_level=slices.level)
    found = {(one["arm"], one["endpoint"]): one["rate"] for one in block.notes["found"]}
    keys = zip(slices.arm, slices.endpoint, strict=True)
    held = slices.level.to_numpy() == np.array([found[key] or np.nan for key in keys], dtype=float)
    return slices[held].assign(cell_level=HELD)


def spread_within(pooled: Pooled) -> float | None:
    """How much the mean latency of these windows may be off, as a fraction, by how it changes from one 250 ms to the next."""
    timed = pooled.ok & pooled.due
    place = (pooled.intended[timed] - pooled.cut[timed]) // steady_state.BIN_NS
    if not len(place):
        return None
    group = pooled.row[timed] * (int(place.max()) + 1) + place
    counts = np.bincount(group)
    sums = np.bincount(group, pooled.latency_ms[timed])[counts > 0]
    means = sums / counts[counts > 0]
    if len(means) < FEWEST_BINS:
        return None
    return float(means.std(ddof=1) / means.mean() / np.sqrt(len(means)))


def from_steady_state(pooled: Pooled) -> tuple[Pooled, bool]:
    """Without what MSER-5 cuts off; and whether it has not settled at all."""
    timed = pooled.ok
    row, at, values = pooled.row[timed], pooled.intended[timed], pooled.latency_ms[timed]
    cuts, ends = pooled.slices["cut_ns"], pooled.slices["end_ns"]
    bounds = np.searchsorted(row, np.arange(len(cuts) + 1))
    windows = zip(cuts, ends, bounds, bounds[1:], strict=False)
    series = [steady_state.bins(at[low:high], values[low:high], int(cut), int(end)) for cut, end, low, high in windows]
    cut_bins = steady_state.mser5(np.concatenate(series))
    if not cut_bins:
        return pooled, cut_bins is None
    settled, left = cuts.copy(), cut_bins
    for place, bins in enumerate(series):
        gone = min(left, len(bins))
        settled[place] += gone * steady_state.BIN_NS
        left -= gone
    return replace(pooled, slices={**pooled.slices, "cut_ns": settled}), False
