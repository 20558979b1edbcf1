"""A scenario's instrumented run with real servers, and what is made of its counts."""

from pathlib import Path

import pytest
from support.commands import bench, here, measured, scenario_file, the_run
from support.passes import COST
from support.programs import kill_nine

from harness.measure import switch_cost
from harness.plan import instrumented_run
from harness.plan.slices import Cell
from harness.verdicts import mechanism

REAL = """
question = "Does an instrumented run work with real servers?"
blocks = 1

[load]
visits = 1
slice_s = 0.3

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

[database]
engine = "sqlite"
"""


def test_explain_counts_the_switches_of_real_servers_and_leaves_nothing_running(tmp_path: Path) -> None:
    ended = bench(
        "explain",
        str(scenario_file(tmp_path, REAL)),
        "--plain",
        "--results",
        str(tmp_path / "results"),
        folder=tmp_path,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "16.0 thread switches per request (13.0 from 7 middleware)," in ended.stdout
    assert kill_nine.survivors(tmp_path) == []
    run = the_run(tmp_path)
    assert run.name.endswith("-quick-explain")
    found = mechanism.of(run)
    sync, async_ = found[Cell("sync", "db_read", 4)], found[Cell("async", "db_read", 4)]
    assert (sync.switches, sync.threads_started, sync.sessions_opened) == (0, 0, 1)
    assert (async_.switches, async_.middleware_switches, async_.threads_started) == (16, 13, 2)
    assert sync.inside_most <= 4
    assert async_.thread_ms > 0
    assert (run / "report/mechanism.csv").exists()


def test_a_run_is_explained_with_its_timed_pass_or_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch_cost, "cost", lambda *_: COST)  # measured in the test above
    ended = measured(tmp_path, REAL, "--explain", "--plain")
    assert "mechanism · async" in ended.stdout, ended.stdout + ended.stderr
    run = the_run(tmp_path)
    again = here("explain", str(run), "--plain")
    assert "mechanism · async" in again.stdout, again.stdout + again.stderr
    passes = sorted((run / instrumented_run.INSTRUMENTED_RUNS).iterdir())
    assert len(passes) == 2
    refused = here("explain", str(passes[0]))
    assert refused.returncode == 1
    assert "already an instrumented run" in refused.stderr
