"""Whether a stored run may be continued: its plan and its machine have to be unchanged.

Refuses before anything is touched. Nothing is measured here: that is session.go_on.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.plan import layout, time_budget
from harness.scenario.blocks import MOST_BLOCKS
from harness.storage.files import FINISHED, RUNNING
from harness.storage.reader import Stored
from harness.system import machine
from harness.system.cores import share_cores


def to_complete(path: Path) -> Stored:
    """An unfinished run."""
    run = Stored.open(path)
    _refuse_running(run)
    if run.state == FINISHED and not run.missing:
        more = f"to add blocks: djbench extend {path} --blocks N"
        raise UserError(f"{path}: nothing left to measure, the run is finished; {more}")
    _refuse_another_plan(run)
    _refuse_another_machine(run)
    return run


def to_extend(path: Path, blocks: int) -> Stored:
    """A finished run, with more blocks in its plan."""
    run = Stored.open(path)
    _refuse_running(run)
    if run.state != FINISHED or run.missing:
        raise UserError(f"{path}: {run.state}, with blocks left; first complete it: djbench run --resume {path}")
    most = MOST_BLOCKS - len(run.block_folders)
    if blocks > most:
        raise UserError(f"{path}: expected at most {most} more blocks ({MOST_BLOCKS} in all), got {blocks}")
    _refuse_another_plan(run)
    _refuse_another_machine(run)
    return _extended(run, blocks)


def _extended(run: Stored, blocks: int) -> Stored:
    """The same plan, longer: its first blocks are those that are there. What was planned before is kept beside it."""
    measured = len(run.block_folders)
    before = {"blocks": run.head["overrides"]["blocks"], "hash": run.head["plan"]["hash"], "measured": measured}
    took_s = float(run.head["seconds"])
    longer = run.scenario.time and took_s + blocks * max(
        run.scenario.time / run.scenario.most_blocks, took_s / measured
    )
    asked = run.scenario.model_copy(update={"blocks": measured + blocks, "time": longer})
    if longer:  # not less than it would take as a run of its own, or it would be refused
        asked = asked.model_copy(update={"time": max(longer, time_budget.least_s(asked))})
    history = [*run.head["plan"].get("extended", []), before]
    planned = layout.as_json(asked, layout.expand(asked)) | {"extended": history}
    return replace(run, scenario=asked, head=run.head | {"plan": planned, "overrides": asked.overrides})


def _refuse_running(run: Stored) -> None:
    """A pid like our own is that of a harness that is gone: in a container every one may have the same."""
    pid = run.head["pid"]
    if run.state == RUNNING and pid != os.getpid():
        raise UserError(f"{run.path}: still running, as process {pid}; wait until it is done, or stop that process")


def _refuse_another_plan(run: Stored) -> None:
    then, now = run.head["plan"].get("hash"), layout.digest(run.scenario, layout.expand(run.scenario))
    if then != now:
        why = "this version of djbench plans differently, or the stored scenario.toml was edited"
        advice = "restore it, or start a new run"
        raise UserError(f"{run.path}: plan: expected {then}, as stored, got {now}: {why}; {advice}")


def _refuse_another_machine(run: Stored) -> None:
    now = {**machine.facts(), "affinity": _split(asdict(share_cores()))}
    then = {**run.head["machine"], "affinity": _split(run.head["cores"])}
    told = [f"{key}: was {a!r}, is {b!r}" for key, a, b in _changes(then, now, (*machine.SAME, "affinity"))]
    if told:
        advice = "its blocks would not be comparable; start a new run"
        raise UserError("\n".join(f"{run.path}: {line}" for line in [*told, advice]))


def refuse_other_backends(run: Stored, facts: Mapping[str, Any]) -> None:
    """UserError unless database and cache are of the kind, the version and the settings that the run began with."""
    then = run.head.get("backends", {})
    told = [f"{key}: was {a!r}, is {b!r}" for key, a, b in _changes(then, dict(facts), ("database", "cache"))]
    if told:
        advice = "its blocks would not be comparable; restore it, or start a new run"
        raise UserError("\n".join(f"{run.path}: {line}" for line in [*told, advice]))


def _split(cores: dict[str, Any]) -> dict[str, list[int] | None]:
    return {side: cores[side] and list(cores[side]) for side in ("server", "load")}


def _changes(then: dict[str, Any], now: dict[str, Any], keys: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
    """(key, then, now) of each that differs; a table is compared key by key."""
    for key in keys:
        a, b = then.get(key), now.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            yield from ((f"{key}.{name}", *rest) for name, *rest in _changes(a, b, tuple(sorted({*a, *b}))))
        elif a != b:
            yield key, a, b
