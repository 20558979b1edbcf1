"""Real servers, real sockets, real signals. Nothing here depends on how fast the machine is."""

import subprocess
from pathlib import Path

import pytest
from support import disturbed
from support.commands import QUICK, here, scenario_file, the_run

from harness.analysis import frames
from harness.location import ROOT


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git repository: there is no revision to compare with")
def test_a_change_is_measured_against_its_base_and_leaves_no_worktree(tmp_path: Path) -> None:
    file = scenario_file(tmp_path, QUICK.replace("blocks = 2", "blocks = 1"))
    ended = here("ab", str(file), "--base", "HEAD", "--results", str(tmp_path / "results"))
    run = the_run(tmp_path)
    assert ended.returncode in disturbed.codes(run), ended.stdout + ended.stderr
    if ended.returncode == 0:  # otherwise a machine that did something else besides left nothing to compare
        assert "sync @ the change vs sync @ HEAD, throughput: inconclusive" in (run / "report/report.md").read_text()
    assert {"sync @ HEAD", "sync @ the change"} <= set(frames.read_block(run / "blocks/000").slices.arm)
    assert not (run / "worktrees").exists()
    listed = subprocess.run(["git", "worktree", "list"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert str(run) not in listed
