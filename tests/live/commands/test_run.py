"""Real servers, real sockets, real signals. Nothing here depends on how fast the machine is."""

import json
import re
import signal
from pathlib import Path

import pytest
from support import disturbed
from support.commands import QUICK, bench, here, measured, scenario_file, the_run
from support.programs import kill_nine

from harness.analysis import frames
from harness.system import ports

GEVENT = (
    QUICK.replace("blocks = 2", "blocks = 1")
    .replace("gunicorn-gthread", "gunicorn-gevent")
    .replace("threads = 4\n", "")
    .replace('name = "async"\nserver = "uvicorn"', 'name = "async"\nserver = "gunicorn-gevent"')
)


def test_a_whole_run_ends_with_a_report_and_leaves_nothing_running(tmp_path: Path) -> None:
    file = scenario_file(tmp_path, QUICK)
    ended = bench("run", str(file), "--results", str(tmp_path / "results"), folder=tmp_path)
    run = the_run(tmp_path)
    assert ended.returncode in disturbed.codes(run), ended.stdout + ended.stderr
    assert "block 2 of 2" in ended.stdout
    assert " left; " in ended.stdout
    assert kill_nine.survivors(tmp_path) == []
    assert json.loads((run / "run.json").read_text())["state"] == "finished"
    assert len(list((run / "report").glob("*.png"))) >= 5
    block = frames.read_block(run / "blocks" / "001")
    assert (block.requests.outcome == 0).all()
    assert len(block.requests) == block.slices.requests.sum()
    assert (block.usage[block.usage.group == "server"].cpu_ns > 0).all()
    assert set(block.notes["commands"]) == {"sync", "async"}
    again = here("report", str(run), light=False)
    assert again.returncode == ended.returncode
    assert again.stdout.splitlines()[:-1] == ended.stdout.splitlines()[-len(again.stdout.splitlines()) : -1]


def test_two_runs_of_one_seed_visit_the_same_cells_in_the_same_order(tmp_path: Path) -> None:
    for _ in range(2):
        measured(tmp_path, QUICK, "--blocks", "1", "--seed", "5")
    plans = [
        json.loads((run / "blocks/000/block.json").read_text())["slices"] for run in (tmp_path / "results").iterdir()
    ]
    assert len(plans) == 2
    assert plans[0] == plans[1]


def test_async_views_on_gevent_come_out_invalid_with_their_reason(tmp_path: Path) -> None:
    ended = measured(tmp_path, GEVENT.replace("users = [4]", "users = [32]"))
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert re.search(r"✗ async: INVALID, \d+ % of", ended.stdout)
    assert "You cannot use AsyncToSync in the same thread as an async event loop" in ended.stdout
    rows = [line.split() for line in ended.stdout.splitlines() if line.startswith("async ")]
    assert ["async", "INVALID"] in rows


MANY = QUICK.replace("blocks = 2", "blocks = 30")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_finished_blocks_can_be_reported(tmp_path: Path, sent: signal.Signals) -> None:
    harness = kill_nine.start(tmp_path, scenario_file(tmp_path, MANY), kill_nine.LIGHT)
    try:
        assert ports.poll(lambda: len(list(tmp_path.glob("results/*/blocks/*"))) >= 1, 200)
        harness.send_signal(sent)
        assert harness.wait(timeout=100) == 130
    finally:
        harness.kill()
        harness.wait()
    assert kill_nine.wait_for_none(tmp_path) == []
    run = the_run(tmp_path)
    assert json.loads((run / "run.json").read_text())["state"] == "interrupted"
    assert "Traceback" not in (tmp_path / "log").read_text()
    reported = here("report", str(run))
    assert reported.returncode in disturbed.codes(run)
    assert re.search(r"! interrupted after \d+ of 30 blocks: less precise than planned", reported.stdout)


MOMENTS = {
    "calibrating": (kill_nine.WHOLE, "harness.load.known_server"),
    "starting servers": (kill_nine.LIGHT, "uvicorn"),
    "under load": (kill_nine.LIGHT, "locustfiles.player"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_survives_kill_9_of_the_harness(moment: str, tmp_path: Path) -> None:
    """At the moment at which one of its processes is seen."""
    program, seen = MOMENTS[moment]
    harness = kill_nine.start(tmp_path, scenario_file(tmp_path, MANY), program)
    try:
        assert ports.poll(lambda: any(seen in one for one in kill_nine.survivors(tmp_path)), 200)
    finally:
        harness.kill()
        harness.wait()
    assert kill_nine.wait_for_none(tmp_path) == []
