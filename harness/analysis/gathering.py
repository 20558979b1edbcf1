"""The blocks of a run, read one at a time, and what is kept of each: rows, latencies, duets, what went otherwise. Pure."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import cells, side_by_side, timeline
from harness.analysis.frames import BlockFrames, Run
from harness.plan.slices import Cell
from harness.registry.load_modes import CAPACITY


@dataclass
class Gathered:
    """What is kept of the blocks so far."""

    run: Run
    rows: list[dict[str, Any]] = field(default_factory=list)
    latencies: dict[Cell, list[NDArray[np.float64]]] = field(default_factory=dict)
    duets: dict[int, dict[side_by_side.Place, side_by_side.Duets]] = field(default_factory=dict)  # by block
    causes: dict[str, str] = field(default_factory=dict)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    restarts: dict[Cell, int] = field(default_factory=dict)
    found: list[dict[str, Any]] = field(default_factory=list)
    strange: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    curves: list[pd.DataFrame] = field(default_factory=list)
    times: list[pd.DataFrame] = field(default_factory=list)

    def add(self, block: BlockFrames) -> None:
        load = self.run.scenario.load
        for cell, row, sample in cells.block_cells(block, load.mode):
            self.rows.append({"block": block.index, **row})
            self.latencies.setdefault(cell, []).append(sample)
        server_cores = len(self.run.head["cores"]["server"] or ())
        self.duets[block.index] = side_by_side.of_block(block, server_cores)
        self.causes |= block.notes["causes"]
        self.refused |= {(entry["arm"], entry["endpoint"]): entry["reason"] for entry in block.notes["refused"]}
        for one in block.notes.get("strange", []):
            place = one["arm"], one["endpoint"]
            count, how = self.strange.get(place, (0, one["how"]))
            self.strange[place] = count + one["count"], how
        for cell in _restarted(block, load.mode):
            self.restarts[cell] = self.restarts.get(cell, 0) + 1
        if load.objective is not None:
            self.curves.append(cells.curve(block, load.objective))
        self.times.append(timeline.of_block(block, load.mode, timeline.stretches(self.run.scenario)))
        self.found += [{"block": block.index, **one} for one in block.notes["found"]]


def gather(run: Run) -> Gathered:
    """What is kept of all blocks."""
    gathered = Gathered(run)
    for block in run.blocks():
        gathered.add(block)
        del block  # before the next one is read
    return gathered


def _restarted(block: BlockFrames, mode: str) -> list[Cell]:
    """The cells after which an arm had to be restarted; a search for capacity goes there on purpose."""
    by_index = {entry["index"]: entry["cell"] for entry in block.notes["slices"]}
    return [] if mode == CAPACITY else [Cell(**by_index[entry["slice"]]) for entry in block.notes["restarted"]]
