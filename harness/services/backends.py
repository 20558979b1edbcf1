"""What stays up for a whole run: the database that its arms read, and the cache. Only what its endpoints need, under `with`.

PostgreSQL where there is one: SQLite has no connections, and connections matter for async views with a database.
The slow API is started anew in every block: slow_api.py.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.errors import UserError
from harness.location import PROJECT, ROOT
from harness.project.seeding import seed
from harness.registry.endpoints import CACHE, DATABASE
from harness.scenario.database import UNUSED, Database
from harness.services import delay_proxy, postgres, postgres_cluster, redis_server
from harness.services.postgres import Sessions
from harness.system import ports, processes
from harness.system.cores import Cores
from harness.system.processes import Child


def _uncounted() -> Sessions | None:
    return None


def _unused(project: Path) -> str:
    return UNUSED


@dataclass(frozen=True)
class Backends:
    """Running services, and the environment by which arms find them."""

    environment: Mapping[str, str]
    children: tuple[Child, ...] = ()
    database: str = "none (no endpoint uses one)"  # in words, for the report
    facts: Mapping[str, Any] = field(default_factory=dict)  # of each, for run.json
    sessions: Callable[[], Sessions | None] = _uncounted
    further: Callable[[Path], str] = _unused  # another database, seeded by another revision of the project; its URL


@contextmanager
def running(asked: Database, needs: frozenset[str], cores: Cores) -> Iterator[Backends]:
    """The services needed, seeded; all removed afterwards.

    Raises UserError if something cannot be had or does not come up.
    """
    with ExitStack() as stack:
        up = stack.enter_context(_database(asked, cores)) if DATABASE in needs else Backends({"DATABASE_URL": UNUSED})
        if CACHE not in needs:
            yield up
            return
        kept = stack.enter_context(redis_server.running(cores.load))
        yield Backends(
            {**up.environment, "CACHE_URL": kept.url, "CACHE_PREFIX": kept.prefix},
            (*up.children, *kept.children),
            up.database,
            {**up.facts, "cache": kept.facts},
            up.sessions,
            up.further,
        )


def _database(asked: Database, cores: Cores) -> Any:
    """The requested engine; on auto PostgreSQL, and SQLite only where there is none."""
    if asked.engine == "sqlite":
        return _sqlite()
    if asked.engine == "auto" and postgres.given() is None and postgres_cluster.binaries() is None:
        print(f"! no PostgreSQL found, using SQLite instead, without pools: {postgres_cluster.INSTALL}", flush=True)
        return _sqlite(" instead of PostgreSQL, which was not found; without pools and delays")
    return _postgres(asked, cores)


@contextmanager
def _sqlite(why: str = "") -> Iterator[Backends]:
    with processes.scratch("bench-sqlite-") as folder:

        def seeded(project: Path) -> str:
            return seed(f"sqlite:///{folder / str(len(list(folder.iterdir())))}.sqlite3", project)

        facts = {"engine": "SQLite", "version": sqlite3.sqlite_version}
        told = f"SQLite {sqlite3.sqlite_version}{why}"
        yield Backends({"DATABASE_URL": seeded(PROJECT)}, (), told, {"database": facts}, further=seeded)


@contextmanager
def _postgres(asked: Database, cores: Cores) -> Iterator[Backends]:
    """Seeded directly; what arms are given leads through the delay, if there is one."""
    with postgres.running(asked.max_connections, cores.load) as server, ExitStack() as stack:
        children = (server.child,) if server.child else ()
        way: Callable[[str], str] = str
        told = postgres.told(server.facts())
        if asked.delayed:
            proxy = stack.enter_context(_delayed(server.url, asked, cores))
            children, way = (*children, proxy.child), proxy.through
            told += f", {asked.latency} network delay"

        def seeded(project: Path) -> str:
            url = seed(server.create(), project)
            server.settle(url)
            return way(url)

        environment = {"DATABASE_URL": seeded(PROJECT)}
        yield Backends(environment, children, told, {"database": server.facts()}, server.sessions, seeded)


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
