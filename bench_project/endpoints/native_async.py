"""PostgreSQL without the ORM and without threads: one psycopg pool per worker process where the loop lives that long.

On WSGI every request has a loop of its own, in which no pool outlives it: there each request opens a connection (in
parallel one per query) and closes it, as in upstream_async.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from . import stores

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncConnectionPool] = WeakKeyDictionary()


async def read_all(request: HttpRequest, keys: list[int], parallel: bool) -> list[Any]:
    """One row per key, in order: on one connection, or in `parallel` on one each."""
    if parallel:
        parts = await asyncio.gather(*[_read(request, [key]) for key in keys])
        return [row for rows in parts for row in rows]
    return await _read(request, keys)


async def _read(request: HttpRequest, keys: list[int]) -> list[Any]:
    async with _connection(request) as connection:
        return [await (await connection.execute(stores.BOOK_SQL, [key])).fetchone() for key in keys]


@asynccontextmanager
async def _connection(request: HttpRequest) -> AsyncIterator[AsyncConnection]:
    """One of the worker's pool on ASGI, a new one on WSGI."""
    if isinstance(request, ASGIRequest):
        pool = _pool()
        if pool.closed:
            await pool.open()
        async with pool.connection() as connection:
            yield connection
    else:
        from psycopg import AsyncConnection

        async with await AsyncConnection.connect(**stores.postgres()) as connection:
            yield connection


def _pool() -> AsyncConnectionPool:
    from psycopg_pool import AsyncConnectionPool

    loop = asyncio.get_running_loop()
    if loop not in _pools:
        _pools[loop] = AsyncConnectionPool(
            kwargs=stores.postgres(), min_size=1, max_size=settings.NATIVE_POOL, open=False
        )
    return _pools[loop]
