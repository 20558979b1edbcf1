"""PostgreSQL for a run: the user's server (DATABASE_URL), or one of our own from binaries found here; gone afterwards.

On the user's server everything happens in databases of our own, dropped at the end. postgres_cluster.py starts one of our own.
"""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from harness.errors import UserError
from harness.services import postgres_cluster
from harness.system import ports
from harness.system.processes import Child

if TYPE_CHECKING:
    import psycopg

CONNECT_S: Final = 5

OLDEST: Final = 140_000  # Django 5.2 needs 14, and 14 is the first that counts sessions


@dataclass(frozen=True)
class Sessions:
    """The server's own count of connections to a run's databases."""

    opened: int  # since they were made
    open: int


class Server:
    """A running server, through one open connection. Databases are identified by their URLs."""

    def __init__(self, url: str, origin: str, child: Child | None, place: str = "PostgreSQL") -> None:
        self.url, self.origin, self.child, self._place = url, origin, child, place
        self.names: list[str] = []
        self._connection = connect(url, place)
        if self._connection.info.server_version < OLDEST:
            raise UserError(
                f"{self._place}: expected PostgreSQL {OLDEST // 10_000} or newer, got {self._show('server_version')}"
            )

    def create(self, template: str | None = None, name: str | None = None) -> str:
        """A new database, empty or a copy of this one; its URL. UserError if that may not be done."""
        import psycopg
        from psycopg import sql

        name = name or f"bench_{secrets.token_hex(6)}"
        try:
            asked = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
            if template is not None:
                asked += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
            self._connection.execute(asked)
        except psycopg.errors.ObjectInUse:
            advice = "somebody is connected to it: stop what uses it for the moment that a copy takes"
            raise UserError(f"{self._place}: {template} cannot be copied: {advice}") from None
        except psycopg.errors.InsufficientPrivilege:
            user = self._connection.info.user
            advice = f"run `ALTER ROLE {user} CREATEDB`, or unset DATABASE_URL to let djbench start a server"
            raise UserError(f"{self._place}: {user} may not create the scratch database of a run: {advice}") from None
        except psycopg.Error as error:
            what = "a scratch database cannot be made" if template is None else f"{template} cannot be copied"
            raise UserError(f"{self._place}: {what}: {str(error).strip()}") from None
        self.names.append(name)
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def settle(self, url: str) -> None:
        """After seeding: what autovacuum would do later."""
        with connect(url) as connection:
            connection.execute("VACUUM ANALYZE")

    def drop(self) -> None:
        """Our databases, whoever is still connected to them."""
        import psycopg
        from psycopg import sql

        for name in self.names:
            try:
                with connect(self.url) as connection:
                    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            except (UserError, psycopg.Error) as error:
                print(f"! scratch database {name} could not be dropped ({error}): run `DROP DATABASE {name}`")

    def sessions(self) -> Sessions:
        """Of all our databases. UserError if the server is gone."""
        import psycopg

        counted = "SELECT coalesce(sum(sessions), 0), coalesce(sum(numbackends), 0) FROM pg_stat_database WHERE datname = ANY(%s)"
        try:
            row = self._connection.execute(counted, [self.names]).fetchone()
        except psycopg.OperationalError as error:
            tail = f"; the end of its log:\n{self.child.log_tail()}" if self.child else ""
            raise UserError(f"{self._place} exited during the run: {str(error).strip()}{tail}") from None
        assert row is not None
        return Sessions(int(row[0]), int(row[1]))

    def facts(self) -> dict[str, Any]:
        """The server's version and settings, for run.json."""
        names = ("max_connections", *postgres_cluster.SETTINGS, "data_checksums")
        return {
            "engine": "PostgreSQL",
            "version": self._show("server_version").partition(" ")[0],
            "build": self._one("SELECT version()"),
            "from": self.origin,
            "settings": {name: self._show(name) for name in names},
        }

    def close(self) -> None:
        self._connection.close()

    def _show(self, setting: str) -> str:
        from psycopg import sql

        return self._one(sql.SQL("SHOW {}").format(sql.Identifier(setting)).as_string())

    def _one(self, query: str) -> str:
        row = self._connection.execute(query.encode()).fetchone()
        assert row is not None
        return str(row[0])


def told(facts: Mapping[str, Any]) -> str:
    """The facts, for the head of a report."""
    settings = facts["settings"]
    shown = f"{facts['from']}; fsync {settings['fsync']}, max_connections {settings['max_connections']}"
    return f"{facts['engine']} {facts['version']} ({shown})"


def given() -> str | None:
    """The user's DATABASE_URL. UserError if it is not one of PostgreSQL."""
    url = os.environ.get("DATABASE_URL")
    if url and ports.scheme(url) not in ("postgres", "postgresql"):
        advice = 'name a PostgreSQL server, or unset it (for SQLite set `database.engine = "sqlite"` in the scenario)'
        raise UserError(f"DATABASE_URL: expected postgres://user@host/database, got {ports.shown(url)}: {advice}")
    return url or None


@contextmanager
def running(most_connections: int, cores: Sequence[int] | None, own: str | None = None) -> Iterator[Server]:
    """The user's server, or one of our own; our databases and our server are gone afterwards. `own`: the URL of a database of
    theirs that is copied, so that it is its server.

    Raises UserError if the server cannot be reached or started, or none can be had.
    """
    url = given() if own is None else urlsplit(own)._replace(path="/postgres").geturl()
    if url is not None:
        what = "DATABASE_URL" if own is None else "project.database"
        with _kept(Server(url, f"the server of {what} at {urlsplit(url).hostname}", None, what)) as server:
            yield server
        return
    found = postgres_cluster.binaries()
    if found is None:
        raise UserError(f"no PostgreSQL found, neither by DATABASE_URL nor as binaries: {postgres_cluster.INSTALL}")
    with (
        postgres_cluster.started(found, most_connections, cores) as (own, child),
        _kept(Server(own, found.origin, child)) as server,
    ):
        yield server


@contextmanager
def _kept(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        if server.child is None:
            server.drop()
        server.close()


def connect(url: str, place: str = "DATABASE_URL") -> "psycopg.Connection[Any]":
    """A connection on which every statement stands for itself. UserError if there is none; `place`: what names its server."""
    import psycopg

    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_S)
    except psycopg.Error as error:
        advice = "start that server, or " + (
            "leave it out and let commands of project.prepare fill an empty database"
            if place == "project.database"
            else "unset DATABASE_URL to let djbench start one"
        )
        raise UserError(f"{place}: cannot connect: {str(error).strip()}: {advice}") from None
