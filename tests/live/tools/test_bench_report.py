"""What measures the report measures the real command, in processes of its own."""

from pathlib import Path

import pytest
from support.scenarios import TINY

from harness.errors import UserError
from harness.location import ROOT
from tools import bench_report


def test_the_benchmark_measures_the_real_command_and_removes_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "tiny.toml"
    scenario.write_text(TINY)
    monkeypatch.chdir(ROOT)
    found = bench_report.measure(5_000, scenario, tmp_path, repeat=1)
    assert found.requests == pytest.approx(5_000, rel=0.1)
    assert 0.5 < found.seconds < 120
    assert 50 < found.mib < 1_500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.toml"]
    assert "reporting" in capsys.readouterr().out


def test_a_report_that_fails_ends_the_benchmark_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match="not a run folder"):
        bench_report.report(tmp_path / "nothing", 1)
