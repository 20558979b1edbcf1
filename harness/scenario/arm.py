"""An arm, as a scenario file writes it: a way to run Django, and the view (sync or async) that is requested."""

from math import inf
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictInt, StrictStr

from harness.registry.servers import SERVERS, Server
from harness.scenario.base_model import Name, Pass, Table
from harness.scenario.database import PSYCOPG_3, django_is
from harness.scenario.project import Application

View = Literal["sync", "async"]

Variable = Annotated[StrictStr, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Arm(Table):
    """A deployment plus the view (sync or async) that is requested."""

    name: Name
    server: Literal[tuple(SERVERS)]  # type: ignore[valid-type]
    view: View | None = None
    workers: Annotated[StrictInt, Field(ge=1, le=64)] = 1
    threads: Annotated[StrictInt, Field(ge=0, le=4_096)] = 0
    connections: Annotated[StrictInt, Field(ge=1, le=65_536)] = 16_384
    loop: Literal["uvloop", "asyncio"] = "uvloop"
    http: Literal["httptools", "h11"] = "httptools"
    profile: Literal["default", "bare", "sync-outermost", "sync-innermost", "sessions"] = "default"
    gc: Literal["default", "frozen"] = "default"
    overlay: Annotated[StrictStr | None, Field(min_length=1, exclude_if=lambda one: one is None)] = None
    application: Annotated[Application | None, Field(exclude_if=lambda one: one is None)] = None
    environment: dict[Variable, Annotated[StrictStr, Field(pattern=r"^[^\x00]*$")]] = {}
    database: Literal["per request", "persistent", "pool"] = "per request"
    pool: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None
    django: Annotated[StrictStr, Field(pattern=r"^[0-9]+(\.[0-9]+){1,2}$")] | None = None
    control_of: Name | None = None
    revision: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{7,40}$")] | None = None
    instrumented: Pass = False  # set by plan.instrumented_run, not in a file

    @property
    def table(self) -> Server:
        """This arm's entry in the servers table."""
        return SERVERS[self.server]

    @property
    def concurrency_limit(self) -> int | None:
        """Most requests inside a view at once; None: no declared limit."""
        return self.table.concurrency_limit(self)

    def most_rps(self, least_ms: float) -> float:
        """No higher rate can be sustained, by Little's law: so many requests at once, each for at least so long."""
        limit = self.concurrency_limit
        return 1000 * limit / least_ms if limit and least_ms else inf

    @property
    def concurrency(self) -> str:
        """The concurrency limit in words."""
        if self.concurrency_limit is None:
            return "no concurrency limit"
        return f"concurrency limit {self.concurrency_limit}"

    @property
    def connecting(self) -> str:
        """Its connection policy, in words."""
        return {
            "per request": "a database connection per request",
            "persistent": "database connections kept",
            "pool": f"pool of {self.pool} database connections",
        }[self.database]

    @property
    def collecting(self) -> str:
        """How Python collects its garbage, in words."""
        return "loaded objects frozen" if self.gc == "frozen" else "Python's default"

    @property
    def has_database(self) -> bool:
        """Whether its Django can use the run's database."""
        return self.django is None or django_is(self.django, PSYCOPG_3)

    @property
    def summary(self) -> str:
        """What this arm is, on one line."""
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        others = f", {self.connecting}" if self.database != "per request" else ""
        others += f", {self.collecting} (gc)" if self.gc == "frozen" else ""
        others += f", settings of {Path(self.overlay).name}" if self.overlay else ""
        others += f", application {self.application}" if self.application else ""
        others += f", Django {self.django}" if self.django else ""
        others += "" if self.has_database else " (without database: psycopg 3 needs Django 4.2)"
        others += f", project at {self.revision[:10]}" if self.revision else ""
        others += f", control of {self.control_of}" if self.control_of else ""
        others += ", instrumented" if self.instrumented else ""
        served = f"{self.server} ({self.table.interface}), {workers}, {self.concurrency}"
        if self.view is None:
            return f"{served}{others}"
        return f"{self.view} view, {served}, middleware {self.profile}{others}"
