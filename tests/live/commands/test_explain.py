"""A scenario's instrumented run, and what is made of its counts: made-up ones here, those of real servers at the end."""

import os
import subprocess
import sys
from pathlib import Path

from support.programs import kill_nine

from harness.location import ROOT
from harness.plan import instrumented_run
from harness.plan.slices import Cell
from harness.verdicts import mechanism

REAL = """
question = "Does a pass with a probe work with real servers?"
blocks = 1

[load]
visits = 1
slice_max_s = 0.3

[[arms]]
name = "sync"
server = "gunicorn-gthread"
view = "sync"
threads = 4

[[arms]]
name = "async"
server = "uvicorn"
view = "async"

[[endpoints]]
name = "db_read"
users = [4]
"""


def bench(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", *arguments]
    env = os.environ | {"TMPDIR": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False)


def test_explain_counts_the_switches_of_real_servers_and_leaves_nothing_running(tmp_path: Path) -> None:
    file = tmp_path / "real.toml"
    file.write_text(REAL)
    ended = bench("explain", str(file), "--plain", "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "makes 16.0 thread switches per request (13.0 from 7 middleware); at the measured" in ended.stdout
    assert kill_nine.survivors(tmp_path) == []
    (run,) = (tmp_path / "results").iterdir()
    assert run.name.endswith("-real-explain")
    found = mechanism.of(run)
    sync, async_ = found[Cell("sync", "db_read", 4)], found[Cell("async", "db_read", 4)]
    assert (sync.switches, sync.threads_started, sync.sessions_opened) == (0, 0, 1)
    assert (async_.switches, async_.middleware_switches, async_.threads_started) == (16, 13, 2)
    assert sync.inside_most <= 4
    assert async_.thread_ms > 0
    assert (run / "report/mechanism.csv").exists()


def test_a_run_is_explained_with_its_timed_pass_or_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "real.toml"
    file.write_text(REAL)
    ended = bench("run", str(file), "--explain", "--plain", "--results", str(tmp_path / "results"), folder=tmp_path)
    assert "why · async" in ended.stdout, ended.stdout + ended.stderr
    (run,) = (tmp_path / "results").iterdir()
    again = bench("explain", str(run), "--plain", folder=tmp_path)
    assert "why · async" in again.stdout, again.stdout + again.stderr
    passes = sorted((run / instrumented_run.INSTRUMENTED_RUNS).iterdir())
    assert len(passes) == 2
    refused = bench("explain", str(passes[0]), folder=tmp_path)
    assert refused.returncode == 1
    assert "is an instrumented run itself" in refused.stderr
    assert kill_nine.survivors(tmp_path) == []
