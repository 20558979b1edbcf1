"""The whole pipeline without sockets: a plan in, a report out; and what is on disk between."""

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import FACTS, MS, TINY, FakeLoad, FakeStage, Quiet, analysed, fake_run, read_json, tiny

from harness.analysis import analysis, cells, frames
from harness.commands import publishing
from harness.errors import UserError
from harness.measure import runner
from harness.plan.slices import Cell, Slice
from harness.registry.metrics import METRICS
from harness.report import run_report
from harness.samples import COLUMNS, Outcome
from harness.storage import files, writer
from harness.verdicts import validity, verdict

THROUGHPUT = METRICS[0]


def slower_when_sync(slice_: Slice, rng: random.Random) -> float:
    return (20.0 if slice_.cell.arm == "sync" else 10.0) * (1 + 0.02 * rng.random())


def test_a_true_factor_of_two_comes_out_as_a_factor_of_two(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(), FakeLoad(slower_when_sync))
    found = [c for c in result.compared if c.endpoint == "hello" and c.metric is THROUGHPUT]
    assert found[0].ratio.value == pytest.approx(2.0, rel=0.03)
    assert verdict.of(found[0], result).word == "faster"


def test_throughput_counts_correct_responses_done_in_the_window(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(), FakeLoad())
    result = analysis.analyse(frames.open_run(run))
    block = frames.read_block(run / "blocks" / "000")
    cell = Cell("async", "hello", 4)
    chosen = block.slices[
        (block.slices.arm == "async") & (block.slices.endpoint == "hello") & (block.slices.purpose == "measure")
    ]
    expected, seconds = 0, 0.0
    for one in chosen.itertuples():
        rows = block.requests[block.requests.slice == one.index]
        expected += ((rows.done_ns >= one.cut_ns) & (rows.done_ns < one.end_ns) & (rows.outcome == 0)).sum()
        seconds += (one.end_ns - one.cut_ns) / 1e9
    row = result.rows(cell).iloc[0]
    assert row.throughput_rps == pytest.approx(expected / seconds)
    assert row.requests == sum((block.requests.slice == one.index).sum() for one in chosen.itertuples())


def test_percentiles_are_those_of_the_merged_raw_samples(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(), FakeLoad())
    result = analysis.analyse(frames.open_run(run))
    cell, merged = Cell("async", "wait ms=10", 8), []
    for folder in sorted((run / "blocks").iterdir()):
        block = frames.read_block(folder)
        joined = block.requests.merge(block.slices, left_on="slice", right_on="index")
        joined = joined[(joined.arm == cell.arm) & (joined.endpoint == cell.endpoint) & (joined.purpose == "measure")]
        joined = joined[(joined.sent_ns >= joined.cut_ns) & (joined.sent_ns < joined.end_ns)]
        merged.append((joined.done_ns - joined.intended_ns) / MS)
    p95 = next(metric for metric in METRICS if metric.column == "p95_ms")
    assert result.estimate(cell, p95).value == pytest.approx(np.quantile(pd.concat(merged), 0.95), rel=0.001)


def test_the_report_says_question_verdict_floor_and_reason(tmp_path: Path) -> None:
    text = run_report.text(analysed(tmp_path, tiny(), FakeLoad(slower_when_sync)))
    assert text.startswith("Does the pipeline carry a figure from end to end?")
    assert "faster" in text
    assert "noise floor (A/A)" in text
    assert "async against sync, by throughput: faster on hello @ 4" in text


def test_too_few_blocks_are_inconclusive_and_have_no_interval(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad(slower_when_sync))
    assert {verdict.of(c, result).word for c in result.compared} == {"inconclusive"}
    assert all(c.ratio.low is None for c in result.compared)


def test_report_folder_has_tables_text_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = fake_run(tmp_path, tiny(blocks=3), FakeLoad())
    assert publishing.publish(run) == 0
    names = {path.name for path in (run / "report").iterdir()}
    assert {"report.md", "cells.csv", "comparisons.csv"} <= names
    # a fake server spends no CPU, and nothing is streamed or searched for
    pictures = ("ratios", "throughput", "latency", "percentile_curves", "memory_and_threads")
    assert {name for name in names if name.endswith(".png")} == {f"{name}.png" for name in pictures}
    cells = pd.read_csv(run / "report" / "cells.csv")
    assert len(cells) == 6
    assert (cells.throughput_rps > 0).all()
    assert "report.md" in capsys.readouterr().out


def test_a_question_that_looks_like_markup_is_words_in_markdown(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=1), FakeLoad())
    asked = TINY.replace("Does the pipeline carry a figure from end to end?", "<script>alert(1)</script> is 1 < 2?")
    (run / "scenario.toml").write_text(asked)
    told = run_report.markdown(analysis.analyse(frames.open_run(run)))
    assert "<script" not in told
    assert told.startswith("# &lt;script>alert(1)&lt;/script> is 1 < 2?")


def test_a_run_json_that_is_no_object_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(UserError, match="expected a JSON object, got list: the file is damaged"):
        frames.open_run(tmp_path)


def test_a_lost_comparison_is_reported_as_such(tmp_path: Path) -> None:
    refused = {("sync", "hello"): "HTTP 500 before any load"}
    run = fake_run(tmp_path, tiny(blocks=3), FakeLoad(), FakeStage(refused))
    assert publishing.publish(run) == 3


def test_finished_blocks_of_an_interrupted_run_are_reportable(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop_in_third_block(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if len(load.played) > 2 * 24 + 5:
            raise StopError
        return rows

    load = FakeLoad(spoil=stop_in_third_block)
    with pytest.raises(StopError):
        fake_run(tmp_path, tiny(), load)
    run = frames.open_run(next(tmp_path.iterdir()))
    assert len(run.block_folders) == 2
    assert "running after 2 of 6 blocks: a smaller run" in run_report.text(analysis.analyse(run))


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
    with pytest.raises(UserError, match="schema_version: expected 4, got 99"):
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
    with pytest.raises(UserError, match=r"no finished block .*djbench run --resume .* measures it"):
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
        "slices that block.json does not know",
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


def test_two_runs_in_the_same_second_get_two_folders(tmp_path: Path) -> None:
    paths = {writer.RunFolder.create(tmp_path, "tiny", "", {}).path for _ in range(3)}
    assert len(paths) == 3


def test_an_arm_left_with_work_is_restarted_before_its_next_slice(tmp_path: Path) -> None:
    load = FakeLoad(shortage=lambda slice_: slice_.cell == Cell("sync", "wait ms=10", 8))
    stage = FakeStage()
    run = writer.RunFolder.create(tmp_path, "tiny", "", {})
    runner.run(tiny(blocks=1), run, stage, load, Quiet())
    assert stage.servers is not None
    assert stage.servers.restarts == ["sync"] * 4  # the warm-up and three visits


def test_a_refused_cell_is_not_loaded(tmp_path: Path) -> None:
    load = FakeLoad()
    result = analysed(tmp_path, tiny(blocks=1), load, FakeStage({("sync", "hello"): "other body"}))
    assert Cell("sync", "hello", 4) not in {slice_.cell for slice_ in load.played}
    assert any("other body" in reason.text for reason in validity.check(result))


def test_every_request_is_kept_as_it_was_recorded(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=1), FakeLoad())
    requests = pd.read_parquet(run / "blocks" / "000" / "requests.parquet")
    assert list(requests.columns) == list(COLUMNS)
    assert (requests.outcome == Outcome.OK).all()
    assert (requests.done_ns > requests.sent_ns).all()
    assert not list(run.glob("**/.*.tmp"))


def test_a_run_in_which_every_cell_was_refused_is_reported_as_that(tmp_path: Path) -> None:
    refused = {
        (arm, label): "HTTP 500" for arm in ("sync", "async", "async again") for label in ("hello", "wait ms=10")
    }
    run = fake_run(tmp_path, tiny(blocks=1), FakeLoad(), FakeStage(refused))
    assert publishing.publish(run) == 3
    assert "6 of 6 cells are INVALID" in (run / "report" / "report.md").read_text()


def test_the_columns_of_an_empty_analysis_are_those_of_a_full_one(tmp_path: Path) -> None:
    run = frames.open_run(fake_run(tmp_path, tiny(blocks=1), FakeLoad()))
    for block in run.blocks():
        for _, row, _ in cells.block_cells(block, "closed"):
            assert sorted({"block": 0, **row}) == sorted(cells.COLUMNS)
