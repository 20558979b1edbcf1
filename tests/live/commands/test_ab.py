"""Real servers, real sockets, real signals. Nothing here depends on how fast the machine is."""

import subprocess
from pathlib import Path

import pytest
from support.commands import QUICK, bench, scenario_file

from harness.errors import EXIT_INVALID
from harness.location import ROOT


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git repository: there is no revision to compare with")
def test_a_change_is_measured_against_its_base_and_leaves_no_worktree(tmp_path: Path) -> None:
    file = scenario_file(tmp_path, QUICK.replace("blocks = 2", "blocks = 1"))
    ended = bench("ab", str(file), "--base", "HEAD", "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode in (0, EXIT_INVALID), ended.stdout + ended.stderr  # a busy machine makes cells INVALID
    assert "sync @ the change against sync @ HEAD, by throughput: inconclusive" in ended.stdout
    (run,) = (tmp_path / "results").iterdir()
    assert not (run / "worktrees").exists()
    listed = subprocess.run(["git", "worktree", "list"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert str(run) not in listed
