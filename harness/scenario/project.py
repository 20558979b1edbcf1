"""The `[project]` table of a scenario: the Django project that is measured, where it is, and how a process of it is started."""

from typing import Annotated, Final, Self

from pydantic import Field, StrictStr, model_validator

from harness.registry.endpoints import CACHE, DATABASE, UPSTREAM
from harness.scenario.base_model import Name, Table
from harness.scenario.request import Header, Line, Path

Text = Annotated[StrictStr, Field(min_length=1, pattern=r"^[^\x00]*$")]

Variable = Annotated[StrictStr, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

Module = Annotated[StrictStr, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]

Application = Annotated[StrictStr, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)?$")]

HOST: Final = r"^[A-Za-z0-9._-]+(:[0-9]+)?$"
"""A host as requests name it."""

DATABASE_AT, UPSTREAM_AT, CACHE_AT, PREFIX_AT = "{database}", "{upstream}", "{cache}", "{cache_prefix}"

PLACES: Final = (DATABASE_AT, UPSTREAM_AT, CACHE_AT, PREFIX_AT)
"""What may stand in a variable: the URL of the run's own database, slow API and Redis; what all keys begin with there."""


NEEDS: Final = {DATABASE_AT: DATABASE, UPSTREAM_AT: UPSTREAM, CACHE_AT: CACHE}


class Login(Table):
    """How requests are those of somebody: a session that is made for `user`, one that a `form` opens, sent to `path`, or
    the headers that a request carries."""

    name: Name
    user: Text | None = None
    form: Annotated[dict[StrictStr, StrictStr], Field(exclude_if=lambda some: not some)] = {}
    path: Annotated[Path | None, Field(exclude_if=lambda one: one is None)] = None
    headers: dict[Header, Line] = {}

    @model_validator(mode="after")
    def check(self) -> Self:
        given = [key for key in ("user", "form", "headers") if getattr(self, key)]
        if len(given) != 1:
            got = " and ".join(given) or "nothing"
            raise ValueError(f"expected a user, a form, or the headers that a request of somebody has; got {got}")
        if bool(self.form) != (self.path is not None):
            raise ValueError("path: expected together with form, which is sent there")
        return self


class Project(Table):
    """A Django project. Folders and files are given from the scenario's own folder, `path` and `untracked` from `dir`.

    `env` may name what the run brings: `DATABASE_URL = "{database}"`, `PAYMENTS = "{upstream}"`, `REDIS = "{cache}"`. A project
    that does not take its database from there gets it by its settings, which are the last thing to be read before it starts.
    `database`: what that is a copy of, a file of SQLite or the URL of a PostgreSQL database; without, it is empty, and `prepare`
    fills it. `host`: the name under which every page is asked.
    """

    dir: Text = "."
    python: Text | None = None
    settings: Module
    overlay: Text | None = None
    wsgi: Application | None = None
    asgi: Application | None = None
    path: list[Text] = []
    env: dict[Variable, Text] = {}
    env_file: Text | None = None
    prepare: list[Text] = []
    untracked: list[Text] = []
    database: Text | None = None
    host: Annotated[StrictStr, Field(pattern=HOST)] = "127.0.0.1"

    @property
    def needs(self) -> frozenset[str]:
        """The services that the run brings for it: its database always, others where a variable names them."""
        named = {need for place, need in NEEDS.items() if any(place in text for text in self.env.values())}
        return frozenset(named | {DATABASE})
