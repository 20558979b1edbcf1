"""What stays up for a whole run: the database that its arms read, and the cache. Only what its endpoints need, under `with`.

PostgreSQL where there is one: SQLite has no connections, and connections matter for async views with a database.
The slow API is started anew in every block: slow_api.py.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.errors import UserError
from harness.location import ROOT
from harness.project.target import Target
from harness.registry.endpoints import CACHE, DATABASE
from harness.scenario.database import UNUSED, Database
from harness.services import delay_proxy, postgres, postgres_cluster, redis_server
from harness.services.postgres import Sessions
from harness.system import ports, processes
from harness.system.cores import Cores
from harness.system.processes import Child


def _uncounted() -> Sessions | None:
    return None


def _unused(target: Target) -> str:
    target.prepare({})
    return UNUSED


def _uncopied(url: str) -> str:
    return url


@dataclass(frozen=True)
class Backends:
    """Running services, and where they are: `database`, `cache`, `cache_prefix`."""

    places: Mapping[str, str]
    children: tuple[Child, ...] = ()
    database: str = "none (no endpoint uses one)"  # in words, for the report
    facts: Mapping[str, Any] = field(default_factory=dict)  # of each, for run.json
    sessions: Callable[[], Sessions | None] = _uncounted
    further: Callable[[Target], str] = _unused  # another database, filled by another revision of the project; its URL
    copied: Callable[[str], str] = _uncopied  # a copy of a database that was filled; its URL


@contextmanager
def running(asked: Database, needs: frozenset[str], cores: Cores, target: Target) -> Iterator[Backends]:
    """The services needed, filled by the project; all removed afterwards.

    Raises UserError if something cannot be had or does not come up.
    """
    with ExitStack() as stack:
        up = Backends({"database": UNUSED})
        if DATABASE in needs and target.has_database:
            up = stack.enter_context(_database(asked, cores, target))
        else:
            target.prepare({})
        if CACHE not in needs:
            yield up
            return
        kept = stack.enter_context(redis_server.running(cores.load))
        yield Backends(
            {**up.places, "cache": kept.url, "cache_prefix": kept.prefix},
            (*up.children, *kept.children),
            up.database,
            {**up.facts, "cache": kept.facts},
            up.sessions,
            up.further,
            up.copied,
        )


def _database(asked: Database, cores: Cores, target: Target) -> Any:
    """The requested engine; on auto the project's own, or PostgreSQL, and SQLite only where there is none."""
    engine = target.engine if asked.engine == "auto" else asked.engine
    if engine == "sqlite":
        return _sqlite(target)
    if engine == "auto" and postgres.given() is None and postgres_cluster.binaries() is None:
        print(f"! no PostgreSQL found, using SQLite instead, without pools: {postgres_cluster.INSTALL}", flush=True)
        return _sqlite(target, " instead of PostgreSQL, which was not found; without pools and delays")
    return _postgres(asked, cores, target)


@contextmanager
def _sqlite(target: Target, why: str = "") -> Iterator[Backends]:
    with processes.scratch("bench-sqlite-") as folder:

        def new() -> Path:
            return folder / f"{len(list(folder.iterdir()))}.sqlite3"

        def filled(target: Target) -> str:
            file = new()
            if target.asked.database is not None:
                _copy(Path(target.asked.database), file)
            url = f"sqlite:///{file}"
            target.prepare({"database": url})
            return url

        def copied(url: str) -> str:
            file = new()
            _copy(Path(url.removeprefix("sqlite:///")), file)
            return f"sqlite:///{file}"

        facts = {"engine": "SQLite", "version": sqlite3.sqlite_version}
        told = f"SQLite {sqlite3.sqlite_version}{why}"
        yield Backends({"database": filled(target)}, (), told, {"database": facts}, further=filled, copied=copied)


def _copy(source: Path, target: Path) -> None:
    """A database of SQLite as it is now, whoever has it open. UserError if it is none."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as ours,
            closing(sqlite3.connect(target)) as new,
        ):
            ours.backup(new)
    except sqlite3.Error as error:
        raise UserError(f"project.database: {source} cannot be copied: {error}") from None


@contextmanager
def _postgres(asked: Database, cores: Cores, target: Target) -> Iterator[Backends]:
    """Filled directly; what arms are given leads through the delay, if there is one."""
    template = target.asked.database
    with postgres.running(asked.max_connections, cores.load, template) as server, ExitStack() as stack:
        children = (server.child,) if server.child else ()
        way: Callable[[str], str] = str
        told = postgres.told(server.facts())
        if asked.delayed:
            proxy = stack.enter_context(_delayed(server.url, asked, cores))
            children, way = (*children, proxy.child), proxy.through
            told += f", {asked.latency} network delay"

        def filled(target: Target) -> str:
            url = server.create(template and urlsplit(template).path[1:])
            target.prepare({"database": url})
            server.settle(url)
            return way(url)

        def copied(url: str) -> str:
            further = server.create(urlsplit(url).path[1:])
            server.settle(further)
            return way(further)

        places = {"database": filled(target)}
        yield Backends(places, children, told, {"database": server.facts()}, server.sessions, filled, copied)


@dataclass(frozen=True)
class Way:
    """The delaying proxy, and how a URL is led through it."""

    child: Child
    port: int

    def through(self, url: str) -> str:
        parts = urlsplit(url)
        who = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{who}{'@' if who else ''}{ports.HOST}:{self.port}").geturl()


@contextmanager
def _delayed(url: str, asked: Database, cores: Cores) -> Iterator[Way]:
    parts, port = urlsplit(url), ports.free()
    target = f"{parts.hostname}:{parts.port or delay_proxy.POSTGRES}"
    numbers = [str(asked.delay_ms), str(asked.jitter_ms), str(delay_proxy.SEED)]
    command = [sys.executable, "-m", "harness.services.delay_proxy", str(port), target, *numbers]
    with processes.scratch("bench-delay-") as folder:
        env = processes.environment({"PYTHONPATH": str(ROOT)})
        child = processes.start("delay", command, folder / "log", cores=cores.load, env=env, cwd=ROOT)
        try:
            if not ports.poll(lambda: child.process.poll() is not None or ports.answers(port), 15.0):
                raise UserError(f"delay: not up on port {port}")
            yield Way(child, port)
        finally:
            processes.stop([child])


def refuse_ended(children: tuple[Child, ...]) -> None:
    """UserError for a service that exited: results without it are wrong."""
    for child in children:
        if child.process.poll() is not None:
            seen = f"exit code {child.process.returncode}; the end of its log:\n{child.log_tail()}"
            raise UserError(f"{child.name} exited during the run: {seen}")
