"""Real servers, real sockets, real signals. Nothing here depends on how fast the machine is."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import kill_nine
import pandas as pd
import pytest
from conftest import ROOT, Quiet

from harness.analysis import frames
from harness.deployment import fleet as deployment
from harness.deployment import verification
from harness.deployment.fleet import Site
from harness.errors import EXIT_INVALID, UserError
from harness.load import locust_process
from harness.measure import runner
from harness.measure import stage as runner_stage
from harness.plan import courses, layout
from harness.plan import slices as plan_slices
from harness.project import seeding
from harness.registry.servers import SERVERS
from harness.scenario import model, reader
from harness.scenario.arm import Arm
from harness.services import slow_api
from harness.services.backends import Backends
from harness.services.slow_api import Services
from harness.storage import writer
from harness.system import cores as machine_cores
from harness.system import ports, processes
from tools import bench_sse

pytestmark = pytest.mark.live

QUICK = """
question = "Does a whole run work with real servers?"
blocks = 2

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
name = "hello"
users = [4]

[[endpoints]]
name = "wait"
query = { ms = 20 }
users = [4]
"""
GEVENT = (
    QUICK.replace("blocks = 2", "blocks = 1")
    .replace("gunicorn-gthread", "gunicorn-gevent")
    .replace("threads = 4\n", "")
    .replace('name = "async"\nserver = "uvicorn"', 'name = "async"\nserver = "gunicorn-gevent"')
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return seeding.seed(f"sqlite:///{tmp_path_factory.mktemp('db') / 'db.sqlite3'}")


@pytest.fixture
def around(database: str, tmp_path: Path) -> Iterator[Services]:
    with slow_api.running(Backends({"DATABASE_URL": database}), tmp_path / "logs", None) as running:
        yield running


def site(around: Services, tmp_path: Path) -> Site:
    return Site(around.environment, tmp_path / "logs", machine_cores.share_cores().server)


def arm(server: str, view: str) -> Arm:
    threads = {"threads": 4} if "threads" in SERVERS[server].options else {}
    return Arm(name=f"{view} · {server}", server=server, view=view, **threads)


def test_every_server_comes_up_in_both_colours_and_gives_the_same_answers(around: Services, tmp_path: Path) -> None:
    arms = [arm(server, view) for server in SERVERS for view in ("sync", "async")]
    endpoints = [
        {"name": name, "users": [1], "query": query}
        for name, query in {
            "hello": {}, "simple": {}, "wait": {"ms": 5}, "greeting": {}, "upstream": {"ms": 5}, "db_read": {}, "db_list": {},
            "mixed": {"ms": 5}, "cpu": {}, "blocking": {"ms": 5}, "fanout": {"ms": 5, "mode": "sequential"}, "db_write": {},
            "db_fanout": {"mode": "sequential"}, "cache": {}, "stream": {"ms": 20}, "sse": {"ms": 20, "every": 10},
            "longpoll": {"ms": 20}, "file": {"kib": 100}, "bridge": {"k": 3},
        }.items()
    ]  # fmt: skip
    endpoints += [{"name": "fanout", "users": [1], "query": {"ms": 5}}, {"name": "db_fanout", "users": [1]}]
    asked = model.Scenario.model_validate(
        {
            "question": "same answers?",
            "arms": [a.model_dump(exclude_unset=True) for a in arms],
            "endpoints": endpoints,
            "load": {"slice_max_s": 20},
        }
    )
    with deployment.running(arms, site(around, tmp_path)) as fleet:
        proof = verification.twins(asked, fleet)
        children = [deployed.child for deployed in fleet.deployed.values()]
    broken = {cell for cell, why in proof.refused.items() if "AsyncToSync" not in why and "HTTP 500" in why}
    # Django's async ORM needs asgiref's bridge, which cannot work in a gevent worker's one thread: that is an effect.
    assert broken <= {("async · gunicorn-gevent", label) for label in proof.bodies}
    bridged = {
        "db_read",
        "db_list",
        "mixed ms=5",
        "db_write",
        "db_fanout",
        "db_fanout mode=sequential",
        "cache",
        "bridge k=3",
    }
    assert {label for _, label in broken} <= bridged
    assert set(proof.bodies) == {endpoint.label for endpoint in asked.endpoints}
    assert not any(processes.group_is_alive(child.pid) for child in children)


def bench(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", *arguments]
    env = os.environ | {"TMPDIR": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False)


def scenario_file(folder: Path, text: str) -> Path:
    path = folder / "quick.toml"
    path.write_text(text)
    return path


def test_a_whole_run_ends_with_a_report_and_leaves_nothing_running(tmp_path: Path) -> None:
    file = scenario_file(tmp_path, QUICK)
    ended = bench("run", str(file), "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "block 2 of 2" in ended.stdout
    assert " left; " in ended.stdout
    assert kill_nine.survivors(tmp_path) == []
    (run,) = (tmp_path / "results").iterdir()
    assert json.loads((run / "run.json").read_text())["state"] == "finished"
    assert len(list((run / "report").glob("*.png"))) >= 5
    block = frames.read_block(run / "blocks" / "001")
    assert (block.requests.outcome == 0).all()
    assert len(block.requests) == block.slices.requests.sum()
    assert (block.usage[block.usage.group == "server"].cpu_ns > 0).all()
    assert set(block.notes["commands"]) == {"sync", "async"}
    again = bench("report", str(run), folder=tmp_path)
    assert again.returncode == 0
    assert again.stdout.splitlines()[:-1] == ended.stdout.splitlines()[-len(again.stdout.splitlines()) : -1]


def test_two_runs_of_one_seed_visit_the_same_cells_in_the_same_order(tmp_path: Path) -> None:
    file = scenario_file(tmp_path, QUICK)
    for _ in range(2):
        bench("run", str(file), "--blocks", "1", "--seed", "5", "--results", str(tmp_path / "results"), folder=tmp_path)
    plans = [
        json.loads((run / "blocks/000/block.json").read_text())["slices"] for run in (tmp_path / "results").iterdir()
    ]
    assert len(plans) == 2
    assert plans[0] == plans[1]


def test_async_views_on_gevent_come_out_invalid_with_their_reason(tmp_path: Path) -> None:
    file = scenario_file(tmp_path, GEVENT.replace("users = [4]", "users = [32]"))
    ended = bench("run", str(file), "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert re.search(r"✗ async: INVALID, \d+ % of", ended.stdout)
    assert "You cannot use AsyncToSync in the same thread as an async event loop" in ended.stdout
    rows = [line.split() for line in ended.stdout.splitlines() if line.startswith("async ")]
    assert ["async", "INVALID"] in rows


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_finished_blocks_can_be_reported(tmp_path: Path, sent: signal.Signals) -> None:
    harness = kill_nine.start(tmp_path, scenario_file(tmp_path, QUICK.replace("blocks = 2", "blocks = 30")))
    try:
        assert ports.poll(lambda: len(list(tmp_path.glob("results/*/blocks/*"))) >= 1, 60)
        harness.send_signal(sent)
        assert harness.wait(timeout=30) == 130
    finally:
        harness.kill()
        harness.wait()
    assert kill_nine.wait_for_none(tmp_path) == []
    (run,) = (tmp_path / "results").iterdir()
    assert json.loads((run / "run.json").read_text())["state"] == "interrupted"
    assert "Traceback" not in (tmp_path / "log").read_text()
    reported = bench("report", str(run), folder=tmp_path)
    assert reported.returncode == 0
    assert re.search(r"! interrupted after \d+ of 30 blocks: a smaller run", reported.stdout)


@pytest.mark.parametrize("after_s", [1.0, 4.0, 7.0])
def test_nothing_survives_kill_9_of_the_harness(after_s: float) -> None:
    had, alive = kill_nine.kill_once(after_s)
    assert had > 0
    assert alive == []


def test_a_killed_run_says_cut_off_and_its_blocks_can_be_reported(tmp_path: Path) -> None:
    harness = kill_nine.start(tmp_path, scenario_file(tmp_path, QUICK.replace("blocks = 2", "blocks = 30")))
    assert ports.poll(lambda: len(list(tmp_path.glob("results/*/blocks/*"))) >= 1, 60)
    harness.kill()
    harness.wait()
    assert kill_nine.wait_for_none(tmp_path) == []
    (run,) = (tmp_path / "results").iterdir()
    reported = bench("report", str(run), folder=tmp_path)
    assert reported.returncode == 0, reported.stderr
    assert re.search(r"! cut off after \d+ of 30 blocks", reported.stdout)


@pytest.mark.parametrize("server", ["granian-wsgi", "gunicorn-gthread", "uvicorn", "daphne", "hypercorn"])
def test_a_server_with_open_connections_is_gone_after_stop(around: Services, tmp_path: Path, server: str) -> None:
    """Seen: granian outlived SIGTERM with its keep-alive connections, kept the port, and was measured as its successor."""
    with deployment.running([arm(server, "sync")], site(around, tmp_path)) as fleet:
        (deployed,) = fleet.deployed.values()
        held = []
        for _ in range(8):
            connection = http.client.HTTPConnection(*deployed.address)
            connection.request("GET", "/sync/hello/")
            connection.getresponse().read()
            held.append(connection)
        waiting = socket.create_connection(deployed.address)
        waiting.sendall(b"GET /sync/wait/?ms=30000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert not processes.group_is_alive(deployed.child.pid)
    assert not ports.answers(deployed.port)
    for connection in [*held, waiting]:
        connection.close()


def test_a_restarted_arm_is_a_new_process_that_answers(around: Services, tmp_path: Path) -> None:
    with deployment.running([arm("uvicorn", "async")], site(around, tmp_path)) as fleet:
        name = next(iter(fleet.deployed))
        before = fleet.deployed[name]
        fleet.restart(name)
        after = fleet.deployed[name]
        assert after.child.pid != before.child.pid
        assert after.identity() is not None
        assert not processes.group_is_alive(before.child.pid)


def test_a_stray_server_is_never_measured(around: Services, tmp_path: Path) -> None:
    """A server from another run answers on an arm's port: its nonce gives it away."""
    with deployment.running([arm("uvicorn", "async")], site(around, tmp_path)) as fleet:
        (stray,) = fleet.deployed.values()
        ours = deployment.Deployed(stray.arm, stray.child, stray.port, "another nonce", stray.counts)
        with pytest.raises(UserError, match="another server answers there"):
            deployment.wait_until_up(ours)
        with pytest.raises(UserError, match="something already answers there"):
            ports.refuse_if_taken(stray.port)


def test_a_server_that_cannot_start_is_reported_with_its_log(around: Services, tmp_path: Path) -> None:
    broken = arm("uvicorn", "async").model_copy(update={"environment": {"DJANGO_SETTINGS_MODULE": "config.nothing"}})
    with (
        pytest.raises(UserError, match=r"(?s)the server ended at start.*uvicorn --host.*No module named"),
        deployment.running([broken], site(around, tmp_path)),
    ):
        pass


def test_the_arms_are_on_the_servers_cores_and_the_load_generator_is_not(around: Services, tmp_path: Path) -> None:
    cores = machine_cores.share_cores()
    if cores.server is None:
        pytest.skip(str(cores.note))
    with deployment.running([arm("gunicorn-gthread", "sync")], site(around, tmp_path)) as fleet:
        for deployed in fleet.deployed.values():
            for pid in deployed.child.pids():
                assert os.sched_getaffinity(pid) == set(cores.server)
    assert cores.load is not None
    assert not set(cores.server) & set(cores.load)


def test_the_slow_api_waits_keeps_connections_and_knows_how_late_it_was(around: Services) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", around.upstream_port)
    around.upstream_stats()
    for ms in (0, 30, 60):
        started = time.perf_counter()
        connection.request("GET", f"/?ms={ms}")
        assert json.loads(connection.getresponse().read()) == {"ms": ms}
        assert time.perf_counter() - started >= ms / 1000
    connection.request("GET", "/?ms=abc")
    response = connection.getresponse()
    assert (response.status, response.read()) == (400, b'{"error": "ms: 0 to 60000"}')
    stats = around.upstream_stats()
    assert (stats["requests"], stats["in_flight"], stats["most_in_flight"]) == (3, 0, 1)
    assert 0 <= stats["late_p50_ms"] <= stats["late_max_ms"]
    assert around.upstream_stats()["requests"] == 0
    connection.close()


def test_a_cell_that_cannot_drain_is_marked_and_its_arm_restarted(database: str, tmp_path: Path) -> None:
    """Eight users on one thread that waits half a second: after the slice, seven of them are still queued."""
    text = (
        QUICK.replace("blocks = 2", "blocks = 1")
        .replace("threads = 4", "threads = 1")
        .replace("ms = 20", "ms = 500")
        .replace("users = [4]", "users = [8]")
        .replace("slice_max_s = 0.3", "slice_max_s = 2.5\ndrain_s = 0.8")
    )
    asked = reader.parse(text, "quick.toml")
    block = layout.expand(asked)[0]
    (tmp_path / "logs").mkdir()
    stage = runner_stage.Stage(machine_cores.share_cores(), Backends({"DATABASE_URL": database}))
    result = runner.run_block(asked, courses.fixed(block), block, tmp_path, stage, locust_process.LocustLoad(), Quiet())
    overloaded = {block.slices[entry["slice"]].cell for entry in result.notes["restarted"]}
    assert overloaded == {plan_slices.Cell("sync", "wait ms=500", 8)}
    last = [p for p in result.notes["played"] if block.slices[p["index"]].cell.arm == "sync"][-1]
    assert last["requests"] > 0  # the arm was loaded again after its restart


def test_users_that_wait_are_spread_and_reuse_their_connections(database: str, tmp_path: Path) -> None:
    text = (
        QUICK.replace("blocks = 2", "blocks = 1")
        .replace("ms = 20", "ms = 100")
        .replace("slice_max_s = 0.3", "slice_max_s = 1.0")
    )
    asked = reader.parse(text.replace("users = [4]", "users = [8]"), "quick.toml")
    block = layout.expand(asked)[0]
    (tmp_path / "logs").mkdir()
    stage = runner_stage.Stage(machine_cores.share_cores(), Backends({"DATABASE_URL": database}))
    result = runner.run_block(asked, courses.fixed(block), block, tmp_path, stage, locust_process.LocustLoad(), Quiet())
    requests = writer.requests_table(result.rows).to_pandas()
    analysed = [
        s.index
        for s in block.slices
        if s.cell.endpoint == "wait ms=100" and s.cell.arm == "async" and s.purpose == "measure"
    ]
    mine = requests[requests.slice.isin(analysed)]
    first = mine.groupby("user").sent_ns.min()
    assert first.max() - first.min() > 50_000_000  # over most of the 100 ms that a request takes
    assert (mine.reused == 1).all()
    assert isinstance(mine, pd.DataFrame)


def test_serve_prints_urls_that_work_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness.cli", "serve", "async · uvicorn", "gunicorn-sync"]
    env = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        lines = []
        for line in serving.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        urls = re.findall(r"http://\S+whoami/", "".join(lines))
        assert len(urls) == 3
        seen = {json.load(urllib.request.urlopen(url))["server"].partition("/")[0] for url in urls}
        assert seen == {"uvicorn", "gunicorn"}
        serving.send_signal(signal.SIGINT)
        assert serving.wait(timeout=20) == 130
    assert kill_nine.wait_for_none(tmp_path) == []


def test_an_unknown_arm_is_refused_with_a_near_miss(tmp_path: Path) -> None:
    ended = bench("serve", "uvicron", folder=tmp_path)
    assert ended.returncode == 1
    assert "did you mean 'uvicorn'?" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_locustfile_works_alone_with_statistics_that_are_right(around: Services, tmp_path: Path) -> None:
    with deployment.running([arm("uvicorn", "async")], site(around, tmp_path)) as fleet:
        (deployed,) = fleet.deployed.values()
        command = [
            sys.executable, "-m", "locust", "-f", "locustfiles/closed_loop.py", "--headless", "-u", "4", "-r", "100", "-t", "3s",
            "--host", f"http://127.0.0.1:{deployed.port}", "--path", "/async/wait/?ms=50", "--json-file", str(tmp_path / "stats"),
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (entry,) = json.loads((tmp_path / "stats.json").read_text())
    seconds = entry["last_request_timestamp"] - entry["start_time"]
    assert entry["num_failures"] == 0
    assert entry["name"] == "/async/wait/?ms=50"
    assert entry["min_response_time"] >= 48
    assert entry["num_requests"] <= 4 * seconds / 0.048 + 4  # Little's law
    assert entry["num_requests"] == sum(entry["response_times"].values())


def test_the_upstream_twins_keep_their_connections_on_asgi_and_cannot_on_wsgi(around: Services, tmp_path: Path) -> None:
    """An async view on WSGI runs in a loop of its own, so its client's connections die with it: part of the effect."""
    sources: dict[str, set[int]] = {}
    for one in (arm("uvicorn", "async"), arm("gunicorn-gthread", "sync"), arm("gunicorn-gthread", "async")):
        with deployment.running([one], site(around, tmp_path)) as fleet:
            (deployed,) = fleet.deployed.values()
            seen = set()
            for _ in range(5):
                assert deployed.get(f"/{one.view}/upstream/?ms=1")[0] == 200
                seen |= client_ports(around.upstream_port)
            sources[one.name] = seen
    assert len(sources["async · uvicorn"]) == 1
    assert len(sources["sync · gunicorn-gthread"]) == 1
    assert len(sources["async · gunicorn-gthread"]) != 1


def client_ports(port: int) -> set[int]:
    """Remote ports of the connections established at a local port."""
    import psutil

    return {
        c.raddr.port
        for c in psutil.net_connections("tcp4")
        if c.laddr.port == port and c.status == "ESTABLISHED" and c.raddr
    }


ARMS = QUICK[QUICK.index("[[arms]]") : QUICK.index("[[endpoints]]")]
MIXED = f"""
question = "Does a mix work with real servers?"
blocks = 1

[load]
mode = "MODE"
visits = 1
slice_max_s = 1.0

{ARMS}[[endpoints]]
name = "neighbours"
mix = {{ "wait ms=20" = 0.25, hello = 0.75 }}
LEVEL

[[endpoints]]
name = "unsafe"
LEVEL

[[claims]]
text = "the sync ORM may not be called where an event loop runs"
endpoint = "unsafe"
all = [
    {{ arm = "async", raises = "SynchronousOnlyOperation" }},
    {{ arm = "sync", metric = "throughput", at_least = "1/s" }},
]
"""


@pytest.mark.parametrize(("mode", "level"), [("closed", "users = [8]"), ("open", "rate = [200]")])
def test_a_mix_is_sent_by_its_shares_and_an_unsafe_view_is_refused_by_name(
    tmp_path: Path, mode: str, level: str
) -> None:
    file = scenario_file(tmp_path, MIXED.replace("MODE", mode).replace("LEVEL", level))
    ended = bench("run", str(file), "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode in (0, EXIT_INVALID), ended.stdout + ended.stderr  # a busy machine makes cells INVALID
    assert "supported: unsafe on async: HTTP 500" in ended.stdout
    assert "SynchronousOnlyOperation: You cannot call this from an async context" in ended.stdout
    (run,) = (tmp_path / "results").iterdir()
    requests = pd.read_parquet(run / "blocks" / "000" / "requests.parquet")
    slices = frames.read_block(run / "blocks" / "000").slices
    mixed = requests[requests.slice.isin(slices[slices.endpoint == "neighbours"]["index"])]
    assert set(mixed.part) == {0, 1}
    assert 0.1 < (mixed.part == 0).mean() < 0.4
    waits = mixed[mixed.part == 0]
    assert ((waits.done_ns - waits.sent_ns) >= 18_000_000).all()  # each part asked its own endpoint


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


def test_threads_hold_as_many_streams_as_there_are_and_an_event_loop_holds_them_all() -> None:
    held = bench_sse.measure([bench_sse.ASYNC, bench_sse.SYNC], 100, 2)
    assert bench_sse.problems(held[bench_sse.ASYNC.name], held[bench_sse.SYNC.name], 32) == []
    assert held[bench_sse.ASYNC.name].at_once > 32


STREAMS = (
    QUICK.replace("blocks = 2", "blocks = 1").partition("[[endpoints]]")[0]
    + """
[[endpoints]]
name = "sse"
query = { ms = 60, every = 20 }
users = [12]
"""
)


def test_a_run_of_streams_tells_first_bytes_and_how_many_were_served_at_once(tmp_path: Path) -> None:
    text = STREAMS.replace("slice_max_s = 0.3", "slice_s = 0.6")
    ended = bench("run", str(scenario_file(tmp_path, text)), "--results", str(tmp_path / "results"), folder=tmp_path)
    (run,) = (tmp_path / "results").iterdir()
    cells = pd.read_csv(run / "report" / "cells.csv", index_col="arm")
    assert 1 <= cells.streams["sync"] <= 4 < cells.streams["async"] <= 12, ended.stdout  # four threads, twelve users
    assert 20 <= cells.first_byte_ms["async"] < cells.first_byte_ms["sync"]  # most of those wait for a thread first
