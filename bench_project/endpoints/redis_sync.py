"""Redis without Django's cache: one redis-py client with its pool per worker process.

The pool is as large as the async view's; callers wait when it is empty. Imported with the first call, as in native_sync.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest

from . import stores

if TYPE_CHECKING:
    from redis import Redis


def read_all(request: HttpRequest, keys: list[str]) -> list[Any]:
    """The value of each key, one after the other; what is not there yet is written."""
    return [_read(_client(), key) for key in keys]


def _read(client: Redis, key: str) -> Any:
    value = client.get(settings.CACHE_PREFIX + key)
    if value is None:
        value = stores.cached(key)
        client.set(settings.CACHE_PREFIX + key, value)
    return value


@cache
def _client() -> Redis:
    """Made at the first request, that is after the server has forked."""
    from redis import BlockingConnectionPool, Redis

    return Redis.from_pool(
        BlockingConnectionPool.from_url(stores.redis_url(), max_connections=settings.NATIVE_POOL, decode_responses=True)
    )
