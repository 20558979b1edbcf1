"""What to try next depends on what came out of a run."""

import random
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from support.fakes import FakeLoad, FakeStage
from support.runs import analysed
from support.scenarios import tiny
from typer.testing import CliRunner

from harness import cli
from harness.plan.slices import Slice
from harness.report import next_steps
from harness.samples import COLUMNS, Outcome
from harness.scenario.model import Base, Scenario
from harness.verdicts import validity, verdict


def steps(folder: Path, scenario: Scenario, load: FakeLoad, explained: bool = False, **changes: Any) -> list[str]:
    found, reasons = validity.sound(analysed(folder, scenario, load, FakeStage()))
    return [step.command for step in next_steps.steps(replace(found, **changes), reasons, explained)]


def decided(slice_: Slice, rng: random.Random) -> float:
    return (20 if slice_.cell.arm == "sync" else 10) + rng.random()


def spoilt(slice_: Slice, rows: np.ndarray) -> np.ndarray:
    if slice_.cell.arm == "sync":
        rows[:, COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
    return rows


def test_too_few_blocks_ask_for_those_that_are_missing(tmp_path: Path) -> None:
    first, *_ = steps(tmp_path, tiny(blocks=2), FakeLoad(decided))
    assert shlex.split(first)[:2] == ["djbench", "extend"]
    assert first.endswith("--blocks 4")


def test_the_number_of_blocks_is_the_one_that_the_report_names(tmp_path: Path) -> None:
    found, _ = validity.sound(analysed(tmp_path, tiny(blocks=2), FakeLoad(decided)))
    for one in found.compared:
        told = verdict.of(one, found)
        needed = verdict.needed(one, found)
        assert (needed is not None) == (told.word == verdict.INCONCLUSIVE)
        assert needed is None or f"takes {needed} blocks" in told.note


def test_what_is_decided_is_not_extended_but_explained(tmp_path: Path) -> None:
    first, second = steps(tmp_path, tiny(), FakeLoad(decided))
    assert first.startswith("djbench explain ")
    assert second.startswith("cp ")


def test_what_is_explained_is_not_explained_again(tmp_path: Path) -> None:
    assert [one.split()[0] for one in steps(tmp_path, tiny(), FakeLoad(decided), explained=True)] == ["cp"]


def test_an_invalid_cell_is_mended_first_and_told_with_its_advice(tmp_path: Path) -> None:
    found, reasons = validity.sound(analysed(tmp_path, tiny(), FakeLoad(spoil=spoilt)))
    first = next_steps.steps(found, reasons, explained=False)[0]
    assert first.command.startswith("cp ")
    assert "mend what made sync on hello @ 4 users INVALID (and so are 1 more)" in first.why
    assert reasons[0].text in first.why


def test_a_run_that_was_cut_off_is_completed_first(tmp_path: Path) -> None:
    found, reasons = validity.sound(analysed(tmp_path, tiny(blocks=2), FakeLoad(decided)))
    cut = replace(found, run=replace(found.run, head=found.run.head | {"state": "interrupted"}))
    first, *others = [step.command for step in next_steps.steps(cut, reasons, explained=False)]
    assert first == f"djbench run --resume {found.run.path}"
    assert not any(command.startswith("djbench extend") for command in others)


def test_a_change_is_measured_again_and_not_explained(tmp_path: Path) -> None:
    found, reasons = validity.sound(analysed(tmp_path, tiny(), FakeLoad(decided)))
    change = found.run.scenario.model_copy(update={"base": Base(ref="main", sha="0" * 40, change="1" * 40)})
    of_change = replace(found, run=replace(found.run, scenario=change))
    assert [step.command for step in next_steps.steps(of_change, reasons, False)] == ["djbench ab SCENARIO --base main"]


def test_every_verb_that_is_named_is_one(tmp_path: Path) -> None:
    commands = steps(tmp_path / "a", tiny(blocks=2), FakeLoad(decided))
    for command in [*commands, "djbench ab SCENARIO --base main", "djbench run --resume x"]:
        verb = shlex.split(command)
        if verb[0] == "djbench":
            assert CliRunner().invoke(cli.app, [verb[1], "--help"]).exit_code == 0
