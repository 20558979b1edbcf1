"""The `[database]` table of a scenario: which engine, and how far away it is."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StrictFloat, StrictInt, model_validator

from harness.scenario.base_model import Table

Ms = Annotated[StrictFloat | StrictInt, Field(ge=0, le=1_000)]

PSYCOPG_3, POOLS = (4, 2), (5, 1)  # the oldest Django that can use it, and that has pools

UNUSED: Final = "sqlite://:memory:"
"""For arms without a database: Django wants one named, and never opens it."""


class Database(Table):
    """The database behind the endpoints: PostgreSQL, and SQLite only where there is none."""

    engine: Literal["auto", "postgres", "sqlite"] = "auto"
    max_connections: Annotated[StrictInt, Field(ge=10, le=10_000)] = 500
    delay_ms: Ms = 0
    jitter_ms: Ms = 0

    @model_validator(mode="after")
    def check(self) -> Self:
        for key in ("max_connections", "delay_ms", "jitter_ms"):
            if key in self.model_fields_set and self.engine == "sqlite":
                raise ValueError(f"{key}: expected only with a server, got it with engine = 'sqlite'")
        return self

    @property
    def delayed(self) -> bool:
        """Whether a delaying proxy stands between arms and server."""
        return self.delay_ms > 0 or self.jitter_ms > 0

    @property
    def latency(self) -> str:
        """`20 ms`, or `20 ms + a random 5 ms on average`."""
        return f"{self.delay_ms:g} ms" + (f" + a random {self.jitter_ms:g} ms on average" if self.jitter_ms else "")


def django_is(version: str, oldest: tuple[int, int]) -> bool:
    """Whether this version of Django is as new as that."""
    return tuple(map(int, version.split(".")))[:2] >= oldest
