"""PostgreSQL without the ORM: one psycopg pool per worker process, and one thread pool of the same size.

psycopg is imported with the first query, so that the memory of a worker that is never asked for it is Django's own.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest

from . import stores

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool


def read_all(request: HttpRequest, keys: list[int], parallel: bool) -> list[Any]:
    """One row per key, in order: on one connection, or in `parallel` threads on one each."""
    if parallel:
        return [row for rows in _threads().map(_read, [[key] for key in keys]) for row in rows]
    return _read(keys)


def _read(keys: list[int]) -> list[Any]:
    with _pool().connection() as connection:
        return [connection.execute(stores.BOOK_SQL, [key]).fetchone() for key in keys]


@cache
def _pool() -> ConnectionPool:
    """Made at the first request, that is after the server has forked."""
    from psycopg_pool import ConnectionPool

    return ConnectionPool(kwargs=stores.postgres(), min_size=1, max_size=settings.NATIVE_POOL, open=True)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=settings.NATIVE_POOL, thread_name_prefix="native")
