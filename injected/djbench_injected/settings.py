"""The project's own settings, and on top what an arm or a run decides: DJANGO_SETTINGS_MODULE of every measured process.

DJBENCH_SETTINGS       the project's own, `shop.settings`
DJBENCH_DATABASE       the default database, as a URL; without it the project's settings name it themselves
DJBENCH_BESIDE         the run's database, as a URL: further ones of the project are beside it, each named after it
DJBENCH_KEYS           what all keys in its caches begin with
DJBENCH_ASIDE          `1`: no database is touched: each is an empty one in memory, as at a project's first migration
DJBENCH_CONN_MAX_AGE   how many seconds a connection is kept, `none`: for ever
DJBENCH_POOL           so many connections in a pool of its own, per process (PostgreSQL)
"""

import os
from importlib import import_module

from djbench_injected import caches, databases

_own = import_module(os.environ["DJBENCH_SETTINGS"])
globals().update({name: getattr(_own, name) for name in dir(_own) if name.isupper()})

DATABASES = dict(getattr(_own, "DATABASES", {}))
if os.environ.get("DJBENCH_ASIDE") == "1":
    DJBENCH_DATABASES = DATABASES
    DATABASES = {alias: databases.in_memory() for alias in DATABASES}
else:
    DATABASES = databases.of_a_run(DATABASES, os.environ.get("DJBENCH_BESIDE"), os.environ.get("DJBENCH_DATABASE"))
if DATABASES.get("default"):
    DATABASES["default"] = databases.policy(
        DATABASES["default"], os.environ.get("DJBENCH_CONN_MAX_AGE"), int(os.environ.get("DJBENCH_POOL", "0"))
    )
if "DJBENCH_KEYS" in os.environ and hasattr(_own, "CACHES"):
    CACHES = caches.of_a_run(_own.CACHES, os.environ["DJBENCH_KEYS"])
