"""A run folder in; its requests, slices, cells, comparisons and claims out, for other tools. Pure but for the files it writes.

CSV is a folder of tables, JSON one document, and the requests alone can be had as one stream. Requests go from file to file
in batches, each joined with its arm, endpoint and level, so that one file is enough and no run is too large. docs/data.md
names every column.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from harness.analysis import frames
from harness.analysis.analysis import Analysis
from harness.analysis.frames import Run
from harness.errors import UserError
from harness.registry.load_modes import CLOSED
from harness.report import conclusion, csv_tables
from harness.samples import COLUMNS, Outcome
from harness.storage.reader import read_notes
from harness.verdicts.validity import Reason

SCHEMA_VERSION: Final = 2

BATCH: Final = 100_000

OUTCOMES: Final = pa.array([outcome.name.lower() for outcome in Outcome])

JOINED: Final = ("block", "slice", "purpose", "arm", "endpoint", "level")

OWN: Final = tuple(name for name in COLUMNS if name not in ("slice", "outcome", "part"))

REQUESTS: Final = (*JOINED, *OWN, "outcome", "latency_ms", "in_window")
"""The columns of requests.csv, and the keys of a line of JSON."""

GROUPS: Final = ("server", "load", "services")

OF_USAGE: Final = ("cpu_ns", "rss_bytes", "threads", "voluntary_switches", "involuntary_switches", "processes")

OF_SLICE: Final = (
    *("block", "slice", "purpose", "arm", "endpoint", "level", "start_ns", "cut_ns", "end_ns", "drained_ns"),
    *("requests", "dropped", "failures", "late", "shortage", "latency_ms", "ticks", "late_ticks", "worst_tick_ms"),
)

OF_CONDITIONS: Final = (
    *("wall_ns", "steal_ns", "others_ns", "swapped_bytes", "connections", "seen", "workers", "new_workers"),
    *("upstream_requests", "upstream_late_p99_ms", "sessions_opened", "sessions"),
)

SLICES: Final = (*OF_SLICE, *OF_CONDITIONS, *(f"{group}_{name}" for group in GROUPS for name in OF_USAGE))
"""The columns of slices.csv."""

Say = Callable[[str], None]


def tables(run: Run, analysed: Analysis, reasons: list[Reason]) -> dict[str, pd.DataFrame]:
    """Name → table, of all that is small enough to be held: cells, comparisons, claims and slices."""
    return {
        "slices": pd.concat([slices(run, folder) for folder in run.block_folders], ignore_index=True),
        "cells": csv_tables.cells_with_reasons(analysed, reasons),
        "comparisons": csv_tables.comparisons_table(analysed, reasons),
        "claims": csv_tables.claims_table(analysed, reasons),
    }


def slices(run: Run, folder: Path) -> pd.DataFrame:
    """One row per played slice of a block: what was asked, what came of it, what it cost and under what conditions."""
    block = frames.read_block(folder)
    table = block.slices.rename(columns={"index": "slice"}).assign(block=block.index)
    table = table[list(OF_SLICE)].merge(block.conditions, on="slice", how="left")
    for group in GROUPS:
        own = block.usage[block.usage.group == group][["slice", *OF_USAGE]]
        table = table.merge(own.rename(columns={name: f"{group}_{name}" for name in OF_USAGE}), on="slice", how="left")
    return table[list(SLICES)]


def requests(run: Run, say: Say) -> Iterator[pa.RecordBatch]:
    """Every request of a run, joined with its slice, in batches."""
    level = int if run.scenario.load.mode == CLOSED else float
    for number, folder in enumerate(run.block_folders, 1):
        known = frames.played_slices(read_notes(folder))
        try:
            with pq.ParquetFile(folder / "requests.parquet") as file:
                say(f"block {number} of {len(run.block_folders)}: {file.metadata.num_rows} requests")
                for batch in file.iter_batches(BATCH, columns=list(COLUMNS)):
                    yield joined(batch, known, folder, level)
        except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
            raise UserError(f"{folder}: cannot be read: {error}; remove the block to export the others") from None


def joined(batch: pa.RecordBatch, known: pd.DataFrame, folder: Path, level: type) -> pa.RecordBatch:
    """A batch of stored requests with what its slices say."""
    own = {name: batch.column(name) for name in COLUMNS}
    at = frames.places(known, own["slice"].to_numpy(), folder)
    labels, label_of = _labels(known)
    intended, done = (own[name].to_numpy() for name in ("intended_ns", "done_ns"))
    cut, end = (known[name].to_numpy()[at] for name in ("cut_ns", "end_ns"))
    columns = own | {
        "block": pa.array(np.full(len(at), int(folder.name), dtype=np.int32)),
        "purpose": _taken(known.purpose, at),
        "arm": _taken(known.arm, at),
        "endpoint": labels.take(pa.array(label_of[at] + own["part"].to_numpy())),
        "level": pa.array(known.level.to_numpy(dtype=level)[at]),
        "outcome": OUTCOMES.take(own["outcome"]),
        "latency_ms": pa.array((done - intended) / 1e6),
        "in_window": pa.array((intended >= cut) & (intended < end)),
    }
    return pa.record_batch({name: columns[name] for name in REQUESTS})


def as_csv(batches: Iterator[pa.RecordBatch], to: BinaryIO) -> None:
    """A heading and a line per request."""
    first = next(batches, None)
    if first is None:
        to.write((",".join(f'"{name}"' for name in REQUESTS) + "\n").encode())
        return
    with pc.CSVWriter(to, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def as_json_lines(batches: Iterator[pa.RecordBatch], to: BinaryIO) -> None:
    """An object per line and request."""
    for batch in batches:
        batch.to_pandas().to_json(to, orient="records", lines=True, force_ascii=False, double_precision=6)


def document(run: Run, analysed: Analysis, reasons: list[Reason]) -> dict[str, Any]:
    """The JSON document: what was asked, on what, and everything that was found."""
    head, scenario = run.head, run.scenario
    found = tables(run, analysed, reasons)
    return {
        "schema": "djbench/export",
        "schema_version": SCHEMA_VERSION,
        "run": {
            "name": run.path.name,
            "scenario": head["scenario"],
            "question": scenario.question,
            "mode": scenario.load.mode,
            "state": run.state,
            "started": head.get("started"),
            "seconds": head.get("seconds"),
            "blocks": analysed.blocks,
            "plan": head["plan"],
            "run_schema_version": head["schema_version"],
        },
        "machine": head["machine"],
        "cores": head["cores"],
        "database": head["database"],
        "arms": [{"name": arm.name, "summary": arm.summary} | arm.model_dump(mode="json") for arm in scenario.arms],
        "conclusion": conclusion.conclusion(analysed, reasons),
        **{name: records(found[name]) for name in ("claims", "cells", "comparisons")},
        "warnings": [asdict(one.cell) | {"invalid": one.invalid, "text": one.text} for one in reasons],
    }


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows as JSON can hold them: what is missing is null, because JSON has no NaN."""
    return [{str(key): _plain(value) for key, value in row.items()} for row in table.to_dict("records")]


def dumped(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not isfinite(value) else value


def _taken(column: pd.Series, at: NDArray[np.int64]) -> pa.Array:
    """A column of the slices' table, one value per request."""
    return pa.array(column.astype(str)).take(pa.array(at))


def _labels(known: pd.DataFrame) -> tuple[pa.Array, NDArray[np.int64]]:
    """Every endpoint that a slice asks, all slices one after the other; and where each slice's begin."""
    calls: Sequence[Sequence[dict[str, Any]]] = list(known.calls)
    counts = np.array([len(one) for one in calls], dtype=np.int64)
    return pa.array([call["endpoint"] for one in calls for call in one]), np.cumsum(counts) - counts
