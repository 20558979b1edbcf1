"""The databases of a project's settings, with those of a run in their place."""

from typing import Any
from urllib.parse import unquote, urlsplit

ENGINES = {
    "postgres": "django.db.backends.postgresql",
    "postgresql": "django.db.backends.postgresql",
    "sqlite": "django.db.backends.sqlite3",
}

POOL_WAITS_S = 30

Settings = dict[str, Any]
"""Of one database."""


def in_memory() -> Settings:
    """An empty one that nobody else sees."""
    return {"ENGINE": ENGINES["sqlite"], "NAME": ":memory:"}


def of_a_run(asked: dict[str, Settings], run: "str | None", default: "str | None") -> dict[str, Settings]:
    """Each of the project's, at a place of the run's, so that none of its own is touched. `run`: the URL of the run's database,
    beside which the further ones are; None where there are none. `default`: of the default one; None where the project's settings
    have it from a variable."""
    before = asked.get("default", {})
    found = {}
    for alias, one in asked.items():
        if alias == "default" or not one or run is None:
            found[alias] = one
        elif is_replica(one, before):
            found[alias] = at(run, one)
        else:
            found[alias] = at(beside(run, alias), one)
    if default is not None:
        found["default"] = at(default, before)
    return found


def is_replica(one: Settings, default: Settings) -> bool:
    """Whether it holds what the default one holds: it says so for tests, or has its name."""
    mirror = (one.get("TEST") or {}).get("MIRROR")
    ours, theirs = (
        [str(some.get(key, "")) for key in ("ENGINE", "NAME")] + [(some.get("OPTIONS") or {}).get("service")]
        for some in (one, default)
    )
    return bool(default) and (mirror == "default" or ours == theirs)


def beside(run: str, alias: str) -> str:
    """The URL of a further database of a run: its name is that of the run's, and the alias."""
    place, sign, query = run.partition("?")
    return f"{place}_{alias}{sign}{query}"


def at(url: str, before: Settings) -> Settings:
    """The settings of a database, with this one in place of what they name. An engine built on Django's own stays."""
    parts = urlsplit(url)
    engine = ENGINES[parts.scheme]
    own = before.get("ENGINE", "")
    if parts.scheme == "sqlite":
        return {**before, "ENGINE": own if "sqlite" in own or "spatialite" in own else engine, "NAME": parts.path[1:]}
    places = {"NAME": parts.path[1:], "USER": unquote(parts.username or ""), "PASSWORD": unquote(parts.password or "")}
    places |= {"HOST": parts.hostname or "", "PORT": str(parts.port or "")}
    options = {
        key: value for key, value in (before.get("OPTIONS") or {}).items() if not key.startswith(("ssl", "service"))
    }
    return {**before, "ENGINE": own if is_postgres(own) else engine, **places, "OPTIONS": options}


def is_postgres(engine: str) -> bool:
    """Whether an engine is one of PostgreSQL: Django's own, PostGIS, psqlextra."""
    return "postg" in engine or "psql" in engine


def policy(before: Settings, age: "str | None", pool: int) -> Settings:
    """The settings of a database, with connections kept as the arm asks."""
    if age is not None:
        before = {**before, "CONN_MAX_AGE": None if age == "none" else int(age)}
    if pool and is_postgres(before["ENGINE"]):
        # All are opened at once, so that its size is the number there is. A request that finds none free waits.
        options = {**before.get("OPTIONS", {}), "pool": {"min_size": pool, "max_size": pool, "timeout": POOL_WAITS_S}}
        before = {**before, "CONN_MAX_AGE": 0, "OPTIONS": options}
    return before
