"""The whole pipeline without sockets: a plan in, a report out; and what is on disk between."""

from pathlib import Path

import pandas as pd
import pytest
from support.fakes import FakeLoad, FakeStage
from support.latencies import slower_when_sync
from support.runs import analysed, fake_run
from support.scenarios import TINY, tiny

from harness.analysis import analysis, cells, frames
from harness.commands import publishing
from harness.report import run_report
from harness.verdicts import verdict


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


def test_a_lost_comparison_is_reported_as_such(tmp_path: Path) -> None:
    refused = {("sync", "hello"): "HTTP 500 before any load"}
    run = fake_run(tmp_path, tiny(blocks=3), FakeLoad(), FakeStage(refused))
    assert publishing.publish(run) == 3


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
