"""What stays up for a whole run: the database that its arms read, and the cache. Only what its endpoints need, under `with`.

PostgreSQL where there is one: SQLite has no connections, and connections matter for async views with a database.
The slow API is started anew in every block: slow_api.py.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.errors import UserError
from harness.location import ROOT
from harness.project.target import Target, beside
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
        kept = stack.enter_context(redis_server.running(cores.load)) if CACHE in needs else None
        cache = {"cache": kept.url, "cache_prefix": kept.prefix} if kept else {}
        up = Backends({"database": UNUSED})
        if DATABASE in needs and target.has_database:
            up = stack.enter_context(_database(asked, cores, target, cache))
        else:
            target.prepare(cache)
        if kept is not None:
            children, facts = (*up.children, *kept.children), {**up.facts, "cache": kept.facts}
            up = replace(up, places={**up.places, **cache}, children=children, facts=facts)
        yield up


Cache = Mapping[str, str]
"""Where the run's is, for the commands that fill a database; empty: there is none."""


def _database(asked: Database, cores: Cores, target: Target, cache: Cache) -> Any:
    """The requested engine; on auto the project's own, or PostgreSQL, and SQLite only where there is none."""
    engine = target.engine if asked.engine == "auto" else asked.engine
    if engine == "sqlite":
        return _sqlite(target, cache)
    if engine == "auto" and postgres.given() is None and postgres_cluster.binaries() is None:
        print(f"! no PostgreSQL found, using SQLite instead, without pools: {postgres_cluster.INSTALL}", flush=True)
        return _sqlite(target, cache, " instead of PostgreSQL, which was not found; without pools and delays")
    return _postgres(asked, cores, target, cache)


@contextmanager
def _sqlite(target: Target, cache: Cache, why: str = "") -> Iterator[Backends]:
    with processes.scratch("bench-sqlite-") as folder:
        numbers = count()

        def new() -> str:
            return f"{folder}/{next(numbers)}.sqlite3"

        def filled(target: Target) -> str:
            file = new()
            if target.asked.database is not None:
                _copy(target.asked.database, file)
            for alias, name in target.further.items():
                if (own := target.folder / name).is_file():
                    _copy(str(own), beside(file, alias))
            url = f"sqlite:///{file}"
            target.prepare({"database": url, **cache})
            return url

        def copied(url: str) -> str:
            old, file = url.removeprefix("sqlite:///"), new()
            _copy(old, file)
            for alias in target.further:
                if Path(beside(old, alias)).is_file():
                    _copy(beside(old, alias), beside(file, alias))
            return f"sqlite:///{file}"

        facts = {"engine": "SQLite", "version": sqlite3.sqlite_version}
        told = f"SQLite {sqlite3.sqlite_version}{why}"
        yield Backends({"database": filled(target)}, (), told, {"database": facts}, further=filled, copied=copied)


def _copy(source: str, target: str) -> None:
    """A database of SQLite as it is now, whoever has it open. UserError if it is none."""
    try:
        with (
            closing(sqlite3.connect(f"{Path(source).absolute().as_uri()}?mode=ro", uri=True)) as ours,
            closing(sqlite3.connect(target)) as new,
        ):
            ours.backup(new)
    except sqlite3.Error as error:
        raise UserError(f"project.database: {source} cannot be copied: {error}") from None


@contextmanager
def _postgres(asked: Database, cores: Cores, target: Target, cache: Cache) -> Iterator[Backends]:
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
            url = server.create(template and _name(template))
            made = [url, *(server.create(name=beside(_name(url), alias)) for alias in target.further)]
            target.prepare({"database": url, **cache})
            for one in made:
                server.settle(one)
            return way(url)

        def copied(url: str) -> str:
            old, new = _name(url), server.create(_name(url))
            made = [new]
            for alias in target.further:
                if beside(old, alias) in server.names:
                    made.append(server.create(beside(old, alias), beside(_name(new), alias)))
            for one in made:
                server.settle(one)
            return way(new)

        places = {"database": filled(target)}
        yield Backends(places, children, told, {"database": server.facts()}, server.sessions, filled, copied)


def _name(url: str) -> str:
    return urlsplit(url).path[1:]


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
