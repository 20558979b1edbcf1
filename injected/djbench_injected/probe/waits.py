"""Times what a request waits for outside Python: database connections, queries, HTTP services, Redis; counts sessions.

One table; what is not installed is left out. Of calls within each other (a pool that connects, urllib3 that uses
http.client) the request knows that it waits once.
"""

import functools
import inspect
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from django.db.backends.signals import connection_created

from djbench_injected.probe.counters import Counters
from djbench_injected.probe.request import waiting

TIMED: Final = {
    "connection_ns": (
        "django.db.backends.base.base BaseDatabaseWrapper.connect",
        "psycopg_pool ConnectionPool.getconn",
        "psycopg_pool AsyncConnectionPool.getconn",
        "psycopg Connection.connect",
        "psycopg AsyncConnection.connect",
    ),
    "query_ns": (
        "django.db.backends.utils CursorWrapper.execute",
        "django.db.backends.utils CursorWrapper.executemany",
        "psycopg Cursor.execute",
        "psycopg AsyncCursor.execute",
        "psycopg AsyncCursor.executemany",
    ),
    "upstream_ns": (
        "aiohttp ClientSession._request",
        "aiohttp ClientResponse.read",
        "urllib3.connectionpool HTTPConnectionPool.urlopen",
        "httpx Client.send",
        "httpx AsyncClient.send",
        "http.client HTTPConnection.connect",
        "http.client HTTPConnection.getresponse",
        "http.client HTTPResponse.read",
    ),
    "redis_ns": (
        "redis Redis.execute_command",
        "redis.client Pipeline.execute",
        "redis.asyncio Redis.execute_command",
        "redis.asyncio.client Pipeline.execute",
    ),
}

SESSIONS: Final = ("psycopg Connection.connect", "psycopg AsyncConnection.connect")


def time_waits(counters: Counters) -> None:
    """Wrap everything of the table that is installed, and count sessions where they are opened."""
    for wait, names in TIMED.items():
        for name in names:
            _wrap(name, functools.partial(_timed, wait))
    for name in SESSIONS:
        _wrap(name, functools.partial(_counted, counters))
    _time_pycurl()
    with suppress(ImportError):
        psycopg: Any = import_module("psycopg")
        psycopg.connect = psycopg.Connection.connect  # what Django calls, bound when psycopg was imported

    by_psycopg = find_spec("psycopg") is not None

    def opened(connection: Any, **_: Any) -> None:
        if connection.vendor != "postgresql" or not by_psycopg:  # psycopg's are counted above, a pool's own too
            counters.add("sessions_opened")

    connection_created.connect(opened, weak=False)


def _time_pycurl() -> None:
    """Its class is written in C and takes no other methods: one built on it takes its place."""
    with suppress(ImportError, TypeError):  # TypeError: one that cannot be built upon
        pycurl: Any = import_module("pycurl")
        timed = {
            name: _timed("upstream_ns", getattr(pycurl.Curl, name))
            for name in ("perform", "perform_rb", "perform_rs")
            if hasattr(pycurl.Curl, name)
        }
        pycurl.Curl = type("Curl", (pycurl.Curl,), timed)


def _wrap(name: str, around: Callable[[Any], Any]) -> None:
    """Replace `module Class.method` by `around` it; nothing where the library or the method is not there."""
    module, _, path = name.partition(" ")
    owner_name, _, method = path.partition(".")
    with suppress(ImportError):
        owner = getattr(import_module(module), owner_name)
        found = vars(owner).get(method)
        if isinstance(found, classmethod):
            setattr(owner, method, classmethod(around(found.__func__)))
        elif found is not None:
            setattr(owner, method, around(found))


def _timed(wait: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(plain):

        @functools.wraps(plain)
        async def timed_async(*args: Any, **kwargs: Any) -> Any:
            with waiting(wait):
                return await plain(*args, **kwargs)

        return timed_async

    @functools.wraps(plain)
    def timed(*args: Any, **kwargs: Any) -> Any:
        with waiting(wait):
            return plain(*args, **kwargs)

    return timed


def _counted(counters: Counters, plain: Callable[..., Any]) -> Callable[..., Any]:
    """A session is opened once it is there: an attempt that fails is none."""
    if inspect.iscoroutinefunction(plain):

        @functools.wraps(plain)
        async def counted_async(*args: Any, **kwargs: Any) -> Any:
            opened = await plain(*args, **kwargs)
            counters.add("sessions_opened")
            return opened

        return counted_async

    @functools.wraps(plain)
    def counted(*args: Any, **kwargs: Any) -> Any:
        opened = plain(*args, **kwargs)
        counters.add("sessions_opened")
        return opened

    return counted
