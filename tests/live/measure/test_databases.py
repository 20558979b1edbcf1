"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from support import disturbed
from support.commands import here, measured, scenario_file, the_run
from support.databases import READS, reading
from support.programs import kill_nine

from harness.system import ports
from harness.verdicts import server_checks


def postmasters() -> list[psutil.Process]:
    """Those of PostgreSQL that are ours, by their folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any("bench-postgres-" in word for word in process.info["cmdline"] or []) and "-D" in process.info["cmdline"]
    ]


def start_run(folder: Path, text: str) -> tuple[Any, psutil.Process]:
    """A run, and its PostgreSQL once a block is done."""
    before = {process.pid for process in postmasters()}
    harness = kill_nine.start(folder, scenario_file(folder, text), kill_nine.LIGHT)
    assert ports.poll(lambda: len(list(folder.glob("results/*/blocks/*"))) >= 1, 200), (folder / "log").read_text()
    ours = psutil.Process(harness.pid).children(recursive=True)
    (server,) = [process for process in postmasters() if process.pid not in before and process in ours]
    return harness, server


def test_a_database_that_ends_in_mid_run_ends_the_run_by_name_and_it_can_go_on(tmp_path: Path) -> None:
    harness, server = start_run(tmp_path, READS.replace("blocks = 2", "blocks = 3"))
    folder = Path(next(word for word in server.cmdline() if "bench-postgres-" in word)).parent
    try:
        server.send_signal(signal.SIGINT)
        assert harness.wait(timeout=100) == 1
    finally:
        harness.kill()
        harness.wait()
    told = (tmp_path / "log").read_text()
    assert re.search(r"(?s)PostgreSQL exited during the run: .*; the end of its log:", told)
    assert "database system is shut down" in told
    run = the_run(tmp_path)
    assert f"continue with `djbench run --resume {run}`" in told
    assert "Traceback" not in told
    assert kill_nine.wait_for_none(tmp_path) == []
    assert not folder.exists()
    done = len(list((run / "blocks").iterdir()))
    assert 1 <= done < 3
    ended = here("run", "--resume", str(run))
    assert "3 blocks" in ended.stdout, ended.stderr
    assert len(list((run / "blocks").iterdir())) == 3


def test_after_kill_9_of_the_harness_neither_the_server_nor_its_folder_is_left(tmp_path: Path) -> None:
    harness, server = start_run(tmp_path, READS.replace("blocks = 2", "blocks = 30"))
    folder = Path(next(word for word in server.cmdline() if "bench-postgres-" in word)).parent
    family = [server, *server.children(recursive=True)]
    assert folder.is_dir()
    harness.kill()
    harness.wait()
    assert kill_nine.wait_for_none(tmp_path) == []
    assert ports.poll(lambda: not folder.exists(), 60)
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)


def test_too_few_connections_make_a_cell_invalid_with_cause_and_advice(tmp_path: Path) -> None:
    """Thirty threads that keep theirs, where ten are allowed."""
    text = reading(engine="postgres", max_connections=10).replace("users = [4]", "users = [30]")
    text = text.replace("threads = 8", 'threads = 30\ndatabase = "persistent"').replace("blocks = 2", "blocks = 1")
    ended = measured(tmp_path, text)
    assert ended.returncode == 3, ended.stdout + ended.stderr
    reason = next(line for line in ended.stdout.splitlines() if line.startswith("✗ sync: INVALID") and "failed" in line)
    assert "OperationalError: " in reason
    assert "sorry, too many clients already" in reason
    assert reason.endswith(server_checks.MORE_CONNECTIONS)


def test_a_run_stores_and_tells_its_database_and_counts_its_sessions(tmp_path: Path) -> None:
    text = reading(engine="postgres", max_connections=60).replace("blocks = 2", "blocks = 1")
    ended = measured(tmp_path, text)
    run = the_run(tmp_path)
    assert ended.returncode in disturbed.codes(run), ended.stdout + ended.stderr
    head = json.loads((run / "run.json").read_text())
    assert head["database"].startswith("PostgreSQL ")
    assert head["backends"]["database"]["settings"]["max_connections"] == "60"
    assert f"database {head['database']}\n" in ended.stdout
    cells = pd.read_csv(run / "report" / "cells.csv").set_index("arm")
    assert cells.sessions_per_request["sync"] == pytest.approx(1, abs=0.05)
