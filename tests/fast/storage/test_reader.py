"""The whole pipeline without sockets: a plan in, a report out; and what is on disk between."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fakes import FakeLoad, FakeStage
from support.runs import FACTS, fake_run, new_run, read_json
from support.scenarios import TINY, tiny

from harness.analysis import analysis, frames
from harness.errors import UserError
from harness.plan.slices import Slice
from harness.report import run_report
from harness.storage import files, writer


def test_a_run_json_that_is_no_object_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(UserError, match="expected a JSON object, got list: the file is damaged"):
        frames.open_run(tmp_path)


def test_finished_blocks_of_an_interrupted_run_are_reportable(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop_in_third_block(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if len(load.played) > 2 * 24 + 5:
            raise StopError
        return rows

    load = FakeLoad(spoil=stop_in_third_block)
    with pytest.raises(StopError):
        new_run(tmp_path, tiny(), load, FakeStage())
    run = frames.open_run(next(tmp_path.iterdir()))
    assert len(run.block_folders) == 2
    assert "running after 2 of 6 blocks: less precise than planned" in run_report.text(analysis.analyse(run))


def test_a_run_whose_harness_is_gone_says_cut_off(tmp_path: Path) -> None:
    path = fake_run(tmp_path, tiny(blocks=3), FakeLoad())
    gone = subprocess.Popen(["true"])
    gone.wait()
    head = read_json(path / "run.json") | {"state": files.RUNNING, "pid": gone.pid}
    files.write_json(path / "run.json", head)
    assert frames.open_run(path).state == "cut off"
    files.write_json(path / "run.json", head | {"pid": os.getpid()})
    assert frames.open_run(path).state == "running"


def test_an_unknown_schema_version_is_refused(tmp_path: Path) -> None:
    path = fake_run(tmp_path, tiny(blocks=1), FakeLoad())
    files.write_json(path / "run.json", read_json(path / "run.json") | {"schema_version": 99})
    with pytest.raises(UserError, match="schema_version: expected 5, got 99"):
        frames.open_run(path)


@pytest.mark.parametrize(("make", "message"), [(False, "not a run folder"), (True, "not a run folder")])
def test_what_is_no_run_folder_is_refused(tmp_path: Path, make: bool, message: str) -> None:
    folder = tmp_path / "x"
    if make:
        folder.mkdir()
    with pytest.raises(UserError, match=message):
        frames.open_run(folder)


def test_a_run_without_a_finished_block_is_refused(tmp_path: Path) -> None:
    facts = FACTS | {"overrides": {"blocks": 6, "seed": 1}}
    run = writer.RunFolder.create(tmp_path, "tiny", TINY, facts)
    with pytest.raises(UserError, match=r"no finished block .*wait for its first block"):
        frames.open_run(run.path)
    run.mark(files.INTERRUPTED)
    with pytest.raises(UserError, match=r"no finished block .*complete it with djbench run --resume "):
        frames.open_run(run.path)


DAMAGE: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "no machine": (
        "run.json",
        lambda head: {k: v for k, v in head.items() if k != "machine"},
        "machine: expected this key",
    ),
    "no state": ("run.json", lambda head: {k: v for k, v in head.items() if k != "state"}, "state: expected this key"),
    "no cores": ("run.json", lambda head: head | {"cores": None}, "cores: expected a table, got None"),
    "a pid that is none": ("run.json", lambda head: head | {"pid": 10**30}, "pid: expected less than"),
    "overrides that are none": ("run.json", lambda head: head | {"overrides": [1]}, "overrides: expected a table"),
    "blocks that are none": (
        "run.json",
        lambda head: head | {"overrides": {"blocks": "x", "seed": 1}},
        "overrides.blocks",
    ),
    "notes that are none": ("blocks/000/block.json", lambda notes: [], "expected a table"),
    "no causes": (
        "blocks/000/block.json",
        lambda n: {k: v for k, v in n.items() if k != "causes"},
        "causes: expected this key",
    ),
    "slices forgotten": (
        "blocks/000/block.json",
        lambda n: n | {"played": n["played"][:9]},
        "slices that are not in block.json",
    ),
}


@pytest.mark.parametrize(("name", "change", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_run_folder_is_refused_in_words(
    tmp_path: Path, name: str, change: Callable[[Any], Any], message: str
) -> None:
    run = fake_run(tmp_path, tiny(blocks=1), FakeLoad())
    files.write_json(run / name, change(read_json(run / name)))
    with pytest.raises(UserError, match=message):
        analysis.analyse(frames.open_run(run))


def test_a_block_without_its_samples_is_refused_with_advice(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=2), FakeLoad())
    (run / "blocks/001/requests.parquet").unlink()
    with pytest.raises(UserError, match=r"(?s)blocks/001: a file is missing.*remove the block to report the others"):
        analysis.analyse(frames.open_run(run))


def test_a_folder_that_is_no_block_is_left_alone(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=1), FakeLoad())
    (run / "blocks" / "notes").mkdir()
    assert len(frames.open_run(run).block_folders) == 1
