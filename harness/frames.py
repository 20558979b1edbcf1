"""A run folder in, frames out. The first stage after the disk; it knows the files and nothing of what they mean.

Blocks are read one at a time, so that a long run needs the memory of one block.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import psutil
from pydantic import BaseModel, Field, ValidationError

from harness import scenario, store, wording
from harness.conditions import Conditions
from harness.errors import UserError
from harness.resources import Usage
from harness.samples import COLUMNS, Played
from harness.scenario import Scenario


class Checked(BaseModel):
    """The keys of a stored file that readers rely on; others may be there."""


class Machine(Checked):
    cpu: str
    cores: int
    system: str
    python: str
    packages: dict[str, str | None]


class Cores(Checked):
    server: list[int] | None
    load: list[int] | None
    note: str | None


class Overrides(Checked):
    blocks: Annotated[int, Field(ge=1)]
    seed: int


class Head(Checked):
    """run.json."""

    scenario: str
    state: str
    pid: Annotated[int, Field(ge=1, lt=2**31)]
    machine: Machine
    cores: Cores
    database: str
    overrides: Overrides
    calibration: dict[str, Any]


class Notes(Checked):
    """block.json."""

    slices: list[dict[str, Any]]
    played: list[dict[str, Any]]
    restarted: list[dict[str, Any]]
    found: list[dict[str, Any]]
    refused: list[dict[str, str]]
    commands: dict[str, str]
    causes: dict[str, str]


@dataclass(frozen=True)
class BlockFrames:
    """One finished block."""

    index: int
    requests: pd.DataFrame  # samples.COLUMNS, in the order of recording
    slices: pd.DataFrame  # one row per played slice: arm, endpoint, level, purpose, start_ns, cut_ns, end_ns …
    usage: pd.DataFrame  # one row per slice and process group: resources.Usage
    conditions: pd.DataFrame  # one row per slice: conditions.Conditions
    notes: dict[str, Any]  # block.json


@dataclass(frozen=True)
class Run:
    """A run folder that can be read."""

    path: Path
    head: dict[str, Any]  # run.json
    scenario: Scenario

    @property
    def block_folders(self) -> list[Path]:
        return sorted(path for path in (self.path / "blocks").glob("[0-9]*") if path.is_dir() and path.name.isdecimal())

    @property
    def state(self) -> str:
        """The run's state; a run that says `running` while its harness is gone was cut off."""
        state = str(self.head["state"])
        if state == store.RUNNING and not psutil.pid_exists(self.head["pid"]):
            return "cut off"
        return state

    def blocks(self) -> Iterator[BlockFrames]:
        """Every finished block, in order."""
        for folder in self.block_folders:
            yield read_block(folder)


def open_run(path: Path) -> Run:
    """The run in this folder.

    Raises UserError if it is not one, is of an unknown version, or has no finished block.
    """
    file = path / "run.json"
    try:
        head = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not a run folder: it has no run.json{_nearby(path)}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read: {error}") from None
    if not isinstance(head, dict) or head.get("schema_version") != store.SCHEMA_VERSION:
        got = head.get("schema_version") if isinstance(head, dict) else None
        expected = f"schema_version: expected {store.SCHEMA_VERSION}, got {got!r}"
        raise UserError(f"{file}: {expected}; report it with the version that wrote it")
    checked = _checked(Head, head, file)
    asked = scenario.load(path / "scenario.toml").model_copy(update=checked.overrides.model_dump())
    run = Run(path, head, asked)
    if not run.block_folders:
        advice = "wait for its first block" if run.state == store.RUNNING else "run the scenario again"
        raise UserError(f"{path}: no finished block to report (state: {run.state}); {advice}")
    return run


def read_block(folder: Path) -> BlockFrames:
    """One block's files as frames."""
    try:
        notes = json.loads((folder / "block.json").read_text(encoding="utf-8"))
        requests = pd.read_parquet(folder / "requests.parquet", columns=list(COLUMNS))
        usage = pd.read_parquet(folder / "resources.parquet", columns=[field.name for field in fields(Usage)])
        conditions = pd.read_parquet(
            folder / "conditions.parquet", columns=[field.name for field in fields(Conditions)]
        )
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: cannot be read: {error}; remove the block to report the others") from None
    _checked(Notes, notes, folder / "block.json")
    planned = pd.json_normalize(notes["slices"]).rename(columns=lambda name: name.removeprefix("cell."))
    played = pd.DataFrame(notes["played"], columns=[field.name for field in fields(Played)])
    lost = set(requests["slice"].unique()) - set(played["index"])
    if lost:
        raise UserError(
            f"{folder}: requests of {len(lost)} slices that block.json does not know; remove the block to report the others"
        )
    return BlockFrames(int(folder.name), requests, planned.merge(played, on="index"), usage, conditions, notes)


def _checked(model: type[Checked], content: Any, file: Path) -> Any:
    """The content as `model`; UserError naming file and key if it was edited or damaged."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        told = wording.lines(error, {"": list(model.model_fields)})
        raise UserError("\n".join(f"{file}: {line}" for line in told)) from None


def _nearby(path: Path) -> str:
    runs = sorted(path.glob("*/run.json")) if path.is_dir() else []
    return f"; did you mean {runs[-1].parent}?" if runs else ""
