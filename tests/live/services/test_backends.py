"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from support.databases import ANY

from harness.deployment import fleet as deployment
from harness.deployment.fleet import Fleet, Site
from harness.errors import UserError
from harness.project import ready
from harness.project.target import Target, beside
from harness.registry.endpoints import CACHE, DATABASE
from harness.scenario.arm import Arm
from harness.scenario.database import Database
from harness.scenario.project import Project
from harness.services import backends, postgres, postgres_cluster, redis_server
from harness.services.backends import Backends
from harness.system import ports, processes


@pytest.mark.usefixtures("no_postgres")
def test_without_any_postgres_sqlite_stands_in_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with backends.running(Database(), frozenset({DATABASE}), ANY, ready.demo()) as up:
        file = Path(up.places["database"].removeprefix("sqlite:///"))
        assert file.stat().st_size > 0
        assert up.sessions() is None
        assert "SQLite" in up.database
        assert "instead of PostgreSQL, which was not found" in up.database
    assert not file.parent.exists()
    assert capsys.readouterr().out.startswith(
        "! no PostgreSQL found, using SQLite instead, without pools: install PostgreSQL"
    )


@pytest.mark.parametrize("hidden", ["wheel_folder", "system_folders"])
def test_a_server_of_our_own_says_what_it_is_and_leaves_nothing(hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "TERM_S", 60.0)
    monkeypatch.setattr(postgres_cluster, hidden, {"wheel_folder": lambda: None, "system_folders": list}[hidden])
    if postgres_cluster.binaries() is None:
        pytest.skip("not installed here")
    with backends.running(Database(max_connections=77), frozenset({DATABASE}), ANY, ready.demo()) as up:
        facts = up.facts["database"]
        assert facts["settings"] | {"max_connections": "77"} | postgres_cluster.SETTINGS == facts["settings"]
        assert up.database == f"PostgreSQL {facts['version']} ({facts['from']}; fsync off, max_connections 77)"
        assert ("wheel" in facts["from"]) == (hidden == "system_folders")
        with psycopg.connect(up.places["database"]) as connection:
            assert connection.execute("SELECT count(*) FROM endpoints_book").fetchone() == (1000,)
            pids, command = up.children[0].pids(), up.children[0].command
            folder = Path(command[command.index("-D") + 1]).parent
            assert folder.is_dir()
            held = psycopg.connect(up.places["database"])  # a client that does not go
            started = time.monotonic()
    assert time.monotonic() - started < processes.TERM_S  # it was not waited for
    held.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not folder.exists()


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


def test_on_the_user_s_server_only_databases_of_our_own_are_made_and_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres.running(50, None) as theirs, postgres.connect(theirs.url) as watching:
        watching.execute("CREATE TABLE precious (id int)")
        names = "SELECT array_agg(datname::text ORDER BY 1) FROM pg_database"
        before = watching.execute(names).fetchone()
        monkeypatch.setenv("DATABASE_URL", theirs.url)
        with backends.running(Database(), frozenset({DATABASE}), ANY, ready.demo()) as up:
            assert up.children == ()
            assert "the server of DATABASE_URL at 127.0.0.1" in up.database
            assert up.places["database"].rpartition("/")[2].startswith("bench_")
            held = psycopg.connect(up.places["database"])
        held.close()
        assert watching.execute(names).fetchone() == before
        assert watching.execute("SELECT count(*) FROM precious").fetchone() == (0,)
        watching.execute("CREATE ROLE poor LOGIN")
        monkeypatch.setenv("DATABASE_URL", theirs.url.replace("bench@", "poor@"))
        with (
            pytest.raises(
                UserError, match=r"DATABASE_URL: poor may not create the scratch database.*ALTER ROLE poor CREATEDB"
            ),
            backends.running(Database(), frozenset({DATABASE}), ANY, ready.demo()),
        ):
            pass


def test_a_cache_of_our_own_answers_and_the_user_s_keys_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    if redis_server.program() is None:
        pytest.skip("not installed here")
    with backends.running(Database(), frozenset({CACHE}), ANY, ready.demo()) as up:
        client = redis.Redis.from_url(up.places["cache"])
        client.set("precious", 1)
        assert client.config_get("save")["save"] == ""
        monkeypatch.setenv("REDIS_URL", up.places["cache"])
        with backends.running(Database(), frozenset({CACHE}), ANY, ready.demo()) as theirs:
            assert theirs.children == ()
            client.set(f"{theirs.places['cache_prefix']}:1:key", 1)
        assert client.keys() == [b"precious"]
        client.close()
    assert not ports.answers(int(up.places["cache"].rpartition(":")[2].partition("/")[0]))


POLICIES = {
    "per request": ({}, (0.99, 1.01)),
    "persistent": ({"database": "persistent"}, (0, 0.2)),
    "pool": ({"database": "pool", "pool": 4}, (0, 0.2)),
}


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Backends, Fleet]]:
    """An arm per policy, on WSGI with 4 threads, before one server."""
    logs = tmp_path_factory.mktemp("policies") / "logs"
    arms = [
        Arm(name=policy, server="gunicorn-gthread", view="sync", threads=4, **options)
        for policy, (options, _) in POLICIES.items()
    ]
    with (
        backends.running(Database(engine="postgres"), frozenset({DATABASE}), ANY, ready.demo()) as up,
        deployment.running(arms, Site(ready.demo(), up.places, logs, None)) as fleet,
    ):
        yield up, fleet


@pytest.mark.parametrize("policy", POLICIES)
def test_the_server_counts_the_sessions_that_an_arm_opens(policy: str, policies: tuple[Backends, Fleet]) -> None:
    """100 requests one after the other."""
    (up, fleet), (_, (least, most)) = policies, POLICIES[policy]
    before = up.sessions()
    for _ in range(100):
        assert fleet.deployed[policy].ask("/sync/db_read/")[0] == 200
    after = up.sessions()
    assert before is not None
    assert after is not None
    assert least <= (after.opened - before.opened) / 100 <= most
    if policy != "per request":
        assert 1 <= after.open - before.open <= 4


def test_further_databases_are_made_and_copied_beside_the_run_s(tmp_path: Path) -> None:
    if postgres_cluster.binaries() is None:
        pytest.skip("not installed here")
    one = {"engine": "django.db.backends.postgresql", "name": "shop", "replica": False}
    facts = {"databases": {"default": one, "audit": {**one, "name": "audit"}, "reading": {**one, "replica": True}}}
    target = Target(Project(settings="shop.settings"), tmp_path, sys.executable, facts=facts)
    with backends.running(Database(), frozenset({DATABASE}), ANY, target) as up:
        url = up.places["database"]
        with psycopg.connect(beside(url, "audit")) as connection:
            connection.execute("CREATE TABLE audit (n int)")
        copy = up.copied(url)
        assert copy != url
        with psycopg.connect(beside(copy, "audit")) as connection:
            assert connection.execute("SELECT count(*) FROM audit").fetchone() == (0,)
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(beside(url, "reading"))
