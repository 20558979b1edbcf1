"""Redis without Django's cache and without threads: one redis.asyncio client per worker process where the loop lives that long.

On WSGI every request has a loop of its own: there a client is made, connected and closed for each, as in upstream_async.
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
    from redis.asyncio import Redis

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()


async def read_all(request: HttpRequest, keys: list[str]) -> list[Any]:
    """The value of each key, one after the other; what is not there yet is written."""
    async with _client(request) as client:
        return [await _read(client, key) for key in keys]


async def _read(client: Redis, key: str) -> Any:
    value = await client.get(settings.CACHE_PREFIX + key)
    if value is None:
        value = stores.cached(key)
        await client.set(settings.CACHE_PREFIX + key, value)
    return value


@asynccontextmanager
async def _client(request: HttpRequest) -> AsyncIterator[Redis]:
    """The worker's client on ASGI, a new one on WSGI."""
    if isinstance(request, ASGIRequest):
        loop = asyncio.get_running_loop()
        if loop not in _clients:
            _clients[loop] = _new_client()
        yield _clients[loop]
    else:
        async with _new_client() as client:
            yield client


def _new_client() -> Redis:
    from redis.asyncio import BlockingConnectionPool, Redis

    return Redis.from_pool(
        BlockingConnectionPool.from_url(stores.redis_url(), max_connections=settings.NATIVE_POOL, decode_responses=True)
    )
