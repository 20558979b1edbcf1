"""A run folder in, frames out. The first stage after the disk; it knows the files and nothing of what they mean.

Blocks are read one at a time, so that a long run needs the memory of one block.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from harness import store
from harness.conditions import Conditions
from harness.errors import UserError
from harness.resources import Usage
from harness.samples import COLUMNS, Played
from harness.stored import Stored, read_notes


@dataclass(frozen=True)
class BlockFrames:
    """One finished block."""

    index: int
    requests: pd.DataFrame  # samples.COLUMNS, in the order of recording
    slices: pd.DataFrame  # one row per played slice: arm, endpoint, level, purpose, start_ns, cut_ns, end_ns …
    usage: pd.DataFrame  # one row per slice and process group: resources.Usage
    conditions: pd.DataFrame  # one row per slice: conditions.Conditions
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
        advice = "wait for its first block" if run.state == store.RUNNING else f"bench run --resume {path} measures it"
        raise UserError(f"{path}: no finished block to report (state: {run.state}); {advice}")
    return run


def read_block(folder: Path) -> BlockFrames:
    """One block's files as frames."""
    notes = read_notes(folder)
    try:
        requests = pd.read_parquet(folder / "requests.parquet", columns=list(COLUMNS))
        usage = pd.read_parquet(folder / "resources.parquet", columns=[field.name for field in fields(Usage)])
        conditions = pd.read_parquet(
            folder / "conditions.parquet", columns=[field.name for field in fields(Conditions)]
        )
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: cannot be read: {error}; remove the block to report the others") from None
    planned = pd.json_normalize(notes["slices"]).rename(columns=lambda name: name.removeprefix("cell."))
    played = pd.DataFrame(notes["played"], columns=[field.name for field in fields(Played)])
    lost = set(requests["slice"].unique()) - set(played["index"])
    if lost:
        raise UserError(
            f"{folder}: requests of {len(lost)} slices that block.json does not know; remove the block to report the others"
        )
    return BlockFrames(int(folder.name), requests, planned.merge(played, on="index"), usage, conditions, notes)
