"""A run on disk: the only meeting point between measuring and analysing.

    results/<UTC time>-<scenario>/
        scenario.toml            the scenario as it was run
        run.json                 schema version, state, plan hash, seed, machine, versions, pid of the harness
        blocks/000/              one folder per finished block; it appears whole or not at all
            requests.parquet     one row per request: samples.COLUMNS
            resources.parquet    one row per slice and process group: samples.Usage
            conditions.parquet   one row per slice: samples.Conditions
            block.json           slices as played, commands, identities, refused cells, causes of failures
            logs/                one per server, service and load generator
        report/                  rebuilt at will

Every file is written under a temporary name and renamed, so a run that was cut off is a smaller run, never a broken one.
"""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import UserError
from harness.plan.earlier import Earlier
from harness.plan.slices import Cell
from harness.samples import COLUMNS, Conditions, Played, Usage
from harness.storage.files import RUNNING, SCHEMA_VERSION, block_folders, write_json, write_text
from harness.storage.reader import read_notes


@dataclass(frozen=True)
class BlockResult:
    """Results of one block."""

    index: int
    rows: bytes  # int64, row by row, samples.COLUMNS
    usage: Sequence[Usage]
    conditions: Sequence[Conditions]
    notes: dict[str, Any]  # block.json


class RunFolder:
    """A run that is being written. `head` is what run.json holds."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        self.path, self.head = path, head
        self._opened, self._before_s = time.monotonic(), float(head.get("seconds", 0))

    @classmethod
    def create(cls, results: Path, scenario: str, scenario_text: str, facts: dict[str, Any]) -> "RunFolder":
        """Make results/<UTC time>-<scenario>/ with its scenario.toml and run.json."""
        started = datetime.now(UTC)
        path = _fresh(results, f"{started:%Y%m%dT%H%M%SZ}-{scenario}")
        try:
            (path / "blocks").mkdir(parents=True)
        except OSError as error:
            raise UserError(f"{path}: cannot be created: {error}; name another folder with --results") from None
        write_text(path / "scenario.toml", scenario_text)
        head = {
            "schema_version": SCHEMA_VERSION,
            "scenario": scenario,
            "started": started.isoformat(timespec="seconds"),
            "state": RUNNING,
            "pid": os.getpid(),
            **facts,
        }
        run = cls(path, head)
        run.mark(RUNNING)
        return run

    @classmethod
    def reopen(cls, path: Path, head: dict[str, Any]) -> "RunFolder":
        """A run that goes on, by this process. What it has is left as it is; why it ended last time is forgotten."""
        run = cls(path, {key: value for key, value in head.items() if key != "error"})
        run.mark(RUNNING, pid=os.getpid())
        return run

    @property
    def finished(self) -> set[int]:
        """Which blocks are there."""
        return {int(folder.name) for folder in block_folders(self.path)}

    @property
    def elapsed_s(self) -> float:
        """What the run has taken so far."""
        return self._before_s + time.monotonic() - self._opened

    def found_before(self, index: int) -> dict[tuple[str, str], float]:
        """What the searches of the blocks before this one found: (arm, endpoint) → rate."""
        told = [one for _, notes in self._notes_before(index) for one in notes["found"]]
        return {(one["arm"], one["endpoint"]): one["rate"] for one in told if one["rate"]}

    def earlier(self, index: int) -> Iterator[Earlier]:
        """What was measured in the blocks before this one."""
        for block, notes in self._notes_before(index):
            slices = {one["index"]: one for one in notes["slices"] if one["purpose"] in ("measure", "duet")}
            played = {one["index"]: Played(**one) for one in notes["played"] if one["index"] in slices}
            for number in played:
                beside = slices[number]["beside"]
                numbers = [number] if beside is None else [number, beside]
                if beside is None or (number < beside and beside in played):
                    cells = tuple(Cell(**slices[one]["cell"]) for one in numbers)
                    yield Earlier(block, cells, tuple(played[one] for one in numbers))

    def _notes_before(self, index: int) -> Iterator[tuple[int, dict[str, Any]]]:
        return ((int(path.name), read_notes(path)) for path in block_folders(self.path) if int(path.name) < index)

    def mark(self, state: str, **more: Any) -> None:
        """Set the run's state (and whatever else is now known) in run.json, with the time it has taken so far."""
        self.head |= {"state": state, "seconds": round(self.elapsed_s, 1), **more}
        write_json(self.path / "run.json", self.head)

    def working_folder(self, index: int) -> Path:
        """Where block `index` is being measured; its logs are already there. It is not yet part of the run."""
        folder = self.path / f"block-{index:03d}.partial"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "logs").mkdir(parents=True)
        return folder

    def add(self, block: BlockResult) -> None:
        """Write the block beside its logs, then make it part of the run with one rename."""
        folder = self.path / f"block-{block.index:03d}.partial"
        pq.write_table(requests_table(block.rows), folder / "requests.parquet", compression="zstd")
        pq.write_table(table_of(Usage, block.usage), folder / "resources.parquet", compression="zstd")
        pq.write_table(table_of(Conditions, block.conditions), folder / "conditions.parquet", compression="zstd")
        write_json(folder / "block.json", block.notes)
        shutil.rmtree(folder / "counts", ignore_errors=True)  # they are in conditions.parquet
        folder.rename(self.path / "blocks" / f"{block.index:03d}")
        self.mark(self.head["state"])


def requests_table(rows: bytes) -> pa.Table:
    """Raw rows as columns, each with the narrowest type that holds it."""
    narrow = {"slice": pa.int32(), "user": pa.int32(), "status": pa.int16(), "outcome": pa.int8(), "reused": pa.int8()}
    narrow |= {"part": pa.int16()}
    values = np.frombuffer(rows, dtype=np.int64).reshape(-1, len(COLUMNS))
    return pa.table(
        {name: pa.array(values[:, place]).cast(narrow.get(name, pa.int64())) for place, name in enumerate(COLUMNS)}
    )


def table_of(kind: type[Usage] | type[Conditions], rows: Sequence[Usage] | Sequence[Conditions]) -> pa.Table:
    """One row per dataclass; whole numbers but for names and milliseconds."""
    types = {"group": pa.string(), "upstream_late_p99_ms": pa.float64()}
    schema = pa.schema([(field.name, types.get(field.name, pa.int64())) for field in fields(kind)])
    return pa.Table.from_pylist([vars(row) for row in rows], schema=schema)


def _fresh(results: Path, name: str) -> Path:
    """A folder name that is not taken: two runs may start in the same second."""
    path, attempt = results / name, 2
    while path.exists():
        path, attempt = results / f"{name}-{attempt}", attempt + 1
    return path
