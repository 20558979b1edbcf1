"""A run folder in, frames out. The first stage after the disk; it knows the files and nothing of what they mean.

Blocks are read one at a time, so that a long run needs the memory of one block.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from harness.errors import UserError
from harness.samples import COLUMNS, Conditions, Played, Usage
from harness.storage import files
from harness.storage.reader import Stored, read_notes

READ: Final = tuple(name for name in COLUMNS if name not in ("user", "status", "bytes"))
"""Of a request's columns, those of which figures are made."""

FRUGAL: Final = {"split_blocks": True, "self_destruct": True}
"""Each column is given up as soon as it has been taken over: a block of requests is in memory once, not twice."""


@dataclass(frozen=True)
class BlockFrames:
    """One finished block."""

    index: int
    requests: pd.DataFrame  # READ, in the order of recording
    slices: pd.DataFrame  # one row per played slice: arm, endpoint, level, purpose, start_ns, cut_ns, end_ns …
    usage: pd.DataFrame  # one row per slice and process group: samples.Usage
    conditions: pd.DataFrame  # one row per slice: samples.Conditions
    notes: dict[str, Any]  # block.json


class Run(Stored):
    """A run folder that can be read."""

    def blocks(self) -> Iterator[BlockFrames]:
        """Every finished block, in order."""
        for folder in self.block_folders:
            yield read_block(folder)


def open_run(path: Path) -> Run:
    """The run in this folder.

    Raises UserError if it is not one, is of an unknown version, or has no finished block.
    """
    run = Run.open(path)
    if not run.block_folders:
        advice = (
            "wait for its first block"
            if run.state == files.RUNNING
            else f"complete it with djbench run --resume {path}"
        )
        raise UserError(f"{path}: no finished block to report (state: {run.state}); {advice}")
    return run


def read_block(folder: Path) -> BlockFrames:
    """One block's files as frames."""
    notes = read_notes(folder)
    try:
        requests = pq.read_table(folder / "requests.parquet", columns=list(READ)).to_pandas(**FRUGAL)
        usage = pd.read_parquet(folder / "resources.parquet", columns=[field.name for field in fields(Usage)])
        conditions = pd.read_parquet(
            folder / "conditions.parquet", columns=[field.name for field in fields(Conditions)]
        )
    except (OSError, ValueError) as error:
        why = "a file is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        advice = "remove the block to report the others, or to measure it again with djbench run --resume"
        raise UserError(f"{folder}: {why}: {error}; {advice}") from None
    slices = played_slices(notes)
    places(slices, requests["slice"].to_numpy(), folder)
    return BlockFrames(int(folder.name), requests, slices, usage, conditions, notes)


def played_slices(notes: dict[str, Any]) -> pd.DataFrame:
    """One row per played slice, as planned and as played."""
    planned = pd.json_normalize(notes["slices"]).rename(columns=lambda name: name.removeprefix("cell."))
    played = pd.DataFrame(notes["played"], columns=[field.name for field in fields(Played)])
    return planned.merge(played, on="index")


def places(slices: pd.DataFrame, of_requests: NDArray[np.int32], folder: Path) -> NDArray[np.int64]:
    """Of each request, the row of its slice in the slices' table. UserError if there is none for some."""
    known = slices["index"].to_numpy(dtype=np.int64)
    place = np.full(1 + max(known.max(initial=0), of_requests.max(initial=0)), -1)
    place[known] = np.arange(len(known))
    found: NDArray[np.int64] = place[of_requests]
    lost = np.unique(of_requests[found < 0])
    if len(lost):
        raise UserError(
            f"{folder}: requests of {len(lost)} slices that are not in block.json; remove the block to report the others"
        )
    return found
