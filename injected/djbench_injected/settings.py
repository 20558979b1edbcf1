"""The project's own settings, and on top what an arm or a run decides: DJANGO_SETTINGS_MODULE of every measured process.

DJBENCH_SETTINGS       the project's own, `shop.settings`
DJBENCH_DATABASE       the default database, as a URL; without it the project's settings name it themselves
DJBENCH_ASIDE          `1`: no database is touched: each is an empty one in memory, as at a project's first migration
DJBENCH_CONN_MAX_AGE   how many seconds a connection is kept, `none`: for ever
DJBENCH_POOL           so many connections in a pool of its own, per process (PostgreSQL)
"""

import os
from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit

ENGINES = {
    "postgres": "django.db.backends.postgresql",
    "postgresql": "django.db.backends.postgresql",
    "sqlite": "django.db.backends.sqlite3",
}

POOL_WAITS_S = 30


def database(url: str, before: dict[str, Any]) -> dict[str, Any]:
    """The settings of a database, with this one in place of what they name. An engine built on Django's own stays."""
    parts = urlsplit(url)
    engine = ENGINES[parts.scheme]
    own = before.get("ENGINE", "")
    if parts.scheme == "sqlite":
        return {**before, "ENGINE": own if "sqlite" in own or "spatialite" in own else engine, "NAME": parts.path[1:]}
    places = {"NAME": parts.path[1:], "USER": unquote(parts.username or ""), "PASSWORD": unquote(parts.password or "")}
    places |= {"HOST": parts.hostname or "", "PORT": str(parts.port or "")}
    return {**before, "ENGINE": own if "postg" in own else engine, **places}


def policy(before: dict[str, Any]) -> dict[str, Any]:
    """The settings of a database, with connections kept as the arm asks."""
    age, pool = os.environ.get("DJBENCH_CONN_MAX_AGE"), int(os.environ.get("DJBENCH_POOL", "0"))
    if age is not None:
        before = {**before, "CONN_MAX_AGE": None if age == "none" else int(age)}
    if pool and "postg" in before["ENGINE"]:
        # All are opened at once, so that its size is the number there is. A request that finds none free waits.
        options = {**before.get("OPTIONS", {}), "pool": {"min_size": pool, "max_size": pool, "timeout": POOL_WAITS_S}}
        before = {**before, "CONN_MAX_AGE": 0, "OPTIONS": options}
    return before


_own = import_module(os.environ["DJBENCH_SETTINGS"])
globals().update({name: getattr(_own, name) for name in dir(_own) if name.isupper()})

DATABASES = dict(getattr(_own, "DATABASES", {}))
if os.environ.get("DJBENCH_ASIDE") == "1":
    DJBENCH_DATABASES = DATABASES
    DATABASES = {alias: {"ENGINE": ENGINES["sqlite"], "NAME": ":memory:"} for alias in DATABASES}
if "DJBENCH_DATABASE" in os.environ:
    DATABASES["default"] = database(os.environ["DJBENCH_DATABASE"], DATABASES.get("default", {}))
if DATABASES.get("default"):
    DATABASES["default"] = policy(DATABASES["default"])
