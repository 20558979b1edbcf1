"""Work that many fast tests ask for is done once per process: fake runs by what was asked for, analyses by what is on disk."""

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.frames import Run

MOST = 64
"""So many analyses are kept; the one that has not been asked for the longest goes first."""


def remembering(analyse: Callable[[Run], Analysis]) -> Callable[[Run], Analysis]:
    """`analyse`, but a run with the same scenario, plan and samples as one before has the figures of that one.

    Each caller is given frames and lists of its own, so that a test may change them.
    """
    known: dict[str, Analysis] = {}

    def remembered(run: Run) -> Analysis:
        key = digest(run)
        known[key] = found = known.pop(key, None) or analyse(run)
        if len(known) > MOST:
            del known[next(iter(known))]
        return own(found, run)

    return remembered


def digest(run: Run) -> str:
    """Of everything that an analysis is made of: not of what is claimed, which is judged of its figures later."""
    asked = run.scenario.model_copy(update={"claims": [], "question": ""})
    told = hashlib.sha256(f"{asked!r} {json.dumps(run.head.get('plan'))}".encode())
    for folder in run.block_folders:
        for file in sorted(folder.iterdir()):
            told.update(file.name.encode() + contents(file))
    return told.hexdigest()


def contents(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""


def own(found: Analysis, run: Run) -> Analysis:
    """The same figures for this run, in containers that nobody else has."""
    values: dict[str, Any] = {field.name: getattr(found, field.name) for field in fields(found)}
    return replace(found, **{name: mine(value) for name, value in values.items()} | {"run": run})


def mine(value: Any) -> Any:
    return value.copy() if isinstance(value, pd.DataFrame) else copy.copy(value)
