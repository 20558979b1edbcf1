"""Made-up runs are runs: the report believes them, they are as large as asked, and what measures the report can fail."""

from pathlib import Path

import pytest
from support.scenarios import TINY, tiny

from harness.analysis import analysis, frames
from harness.analysis.frames import Run
from harness.errors import EXIT_MENDABLE, UserError
from harness.verdicts import validity
from tools import bench_report, made_up_runs


def made_up(folder: Path, requests: int = 30_000, seed: int = 1) -> Run:
    *_, path = made_up_runs.make(tiny(), TINY, requests, folder, seed)
    return frames.open_run(path)


def test_a_made_up_run_is_as_large_as_asked_and_no_check_finds_fault_with_it(tmp_path: Path) -> None:
    run = made_up(tmp_path)
    assert bench_report.stored(run.path) == pytest.approx(30_000, rel=0.05)
    found = analysis.analyse(run)
    assert not [reason for reason in validity.check(found) if reason.invalid]
    assert found.blocks == 6
    assert len(found.cells) == 6
    assert all(found.estimate(cell, found.metrics[0]) for cell in found.cells)
    assert found.per_block.failures.sum() > 0


def test_the_same_seed_makes_the_same_run_and_another_does_not(tmp_path: Path) -> None:
    first, again, other = (made_up(tmp_path / str(n), 5_000, seed) for n, seed in enumerate((1, 1, 2)))
    tables = [next(run.blocks()).requests for run in (first, again, other)]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


def test_what_cannot_be_made_up_is_refused(tmp_path: Path) -> None:
    open_loop = tiny(load=tiny().load.model_copy(update={"mode": "open"}))
    with pytest.raises(UserError, match="only closed loop"):
        next(made_up_runs.make(open_loop, TINY, 1_000, tmp_path))


def test_a_run_can_be_made_up_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    asked = ["bulk", "3e3", "--results", str(tmp_path / "results"), "--scenario"]
    monkeypatch.setattr("sys.argv", [*asked, str(tmp_path / "tiny.toml")])
    assert made_up_runs.main() == 0
    assert "block 6 of 6" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", [*asked, str(tmp_path / "none.toml")])
    assert made_up_runs.main() == EXIT_MENDABLE
    assert "no such scenario file" in capsys.readouterr().err
