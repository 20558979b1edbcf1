"""A run folder, opened: run.json checked, its scenario, its finished blocks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import psutil
from pydantic import BaseModel, Field, ValidationError

from harness.errors import UserError
from harness.plan import ab, instrumented_run
from harness.scenario import error_messages, reader
from harness.scenario.blocks import Blocks
from harness.scenario.model import Base, Scenario
from harness.storage import files


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
    blocks: Blocks
    seed: int
    time: Annotated[float, Field(gt=0)] | None = None
    base: Base | None = None
    instrumented: bool = False
    folder: str | None = None  # from where places in the scenario are given
    listed: dict[str, dict[str, int]] = {}  # the files of paths that it names, as they were


class Head(Checked):
    """run.json."""

    scenario: str
    state: str
    pid: Annotated[int, Field(ge=1, lt=2**31)]
    plan: dict[str, Any]
    machine: Machine
    cores: Cores
    database: str
    overrides: Overrides
    calibration: dict[str, Any]
    project: dict[str, Any] = {}  # of a user's own


class Notes(Checked):
    """block.json."""

    slices: list[dict[str, Any]]
    played: list[dict[str, Any]]
    restarted: list[dict[str, Any]]
    found: list[dict[str, Any]]
    refused: list[dict[str, str]]
    commands: dict[str, str]
    causes: dict[str, str]
    instrumented: list[dict[str, Any]] = []  # of an instrumented run, per slice
    middleware: dict[str, dict[str, Any]] = {}  # of its instrumented arms
    pages: dict[str, str] = {}  # what of a page could not be compared
    strange: list[dict[str, Any]] = []  # where answers under load were unlike those before
    identities: dict[str, dict[str, Any]] = {}  # arm → its whoami


@dataclass(frozen=True)
class Stored:
    """A run folder; it may not have a finished block yet."""

    path: Path
    head: dict[str, Any]  # run.json
    scenario: Scenario

    @classmethod
    def open(cls, path: Path) -> Self:
        """The run in this folder. Raises UserError if it is not one, or is of an unknown version."""
        file = path / "run.json"
        try:
            head = json.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{path}: not a run folder (no run.json){_nearby(path)}") from None
        except (OSError, ValueError) as error:
            raise UserError(f"{file}: cannot be read: {error}") from None
        if not isinstance(head, dict):
            raise UserError(f"{file}: expected a JSON object, got {type(head).__name__}: the file is damaged")
        if (got := head.get("schema_version")) != files.SCHEMA_VERSION:
            expected = f"schema_version: expected {files.SCHEMA_VERSION}, got {got!r}"
            raise UserError(
                f"{file}: {expected}; written by another version of djbench: use that one, or run the scenario again"
            )
        given: Overrides = _check(Head, head, file).overrides
        changed: dict[str, Any] = {"blocks": given.blocks, "seed": given.seed} | (
            {"time": given.time} if given.time else {}
        )
        folder = Path(given.folder) if given.folder else None
        asked = reader.load(path / "scenario.toml", folder, given.listed).model_copy(update=changed)
        at = asked if given.base is None else ab.doubled(asked, given.base)
        return cls(path, head, instrumented_run.instrumented(at) if given.instrumented else at)

    @property
    def block_folders(self) -> list[Path]:
        """The finished blocks, in order."""
        return files.block_folders(self.path)

    @property
    def state(self) -> str:
        """The run's state; a run marked `running` without its process was cut off."""
        state = str(self.head["state"])
        if state == files.RUNNING and not psutil.pid_exists(self.head["pid"]):
            return "cut off"
        return state

    @property
    def missing(self) -> Sequence[int]:
        """The planned blocks that are not there. A finished run that ended by its rule may have had no more than it has."""
        there = {int(folder.name) for folder in self.block_folders}
        planned = self.scenario.most_blocks
        if self.state == files.FINISHED:
            planned = min(planned, max(self.scenario.fewest_blocks, max(there, default=-1) + 1))
        return [index for index in range(planned) if index not in there]


def read_notes(folder: Path) -> dict[str, Any]:
    """block.json of a finished block."""
    file = folder / "block.json"
    try:
        notes: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        advice = "remove the block to report the others, or to measure it again with djbench run --resume"
        raise UserError(f"{file}: cannot be read: {error}; {advice}") from None
    _check(Notes, notes, file)
    return notes


def _check(model: type[Checked], content: Any, file: Path) -> Any:
    """The content as `model`; UserError naming file and key if it was edited or damaged."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        told = error_messages.lines(error, {"": list(model.model_fields)})
        raise UserError("\n".join(f"{file}: {line}" for line in told)) from None


def _nearby(path: Path) -> str:
    runs = sorted(path.glob("*/run.json")) if path.is_dir() else []
    return f"; did you mean {runs[-1].parent}?" if runs else ""
