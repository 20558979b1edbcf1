"""The slow API, called with blocking sockets: one urllib3 pool and one thread pool per worker process."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from urllib3 import HTTPConnectionPool, connection_from_url

TIMEOUT_S = 90


def fetch(request: HttpRequest, path: str) -> Any:
    """One call; the decoded JSON body. A failure or a status other than 200 is an exception."""
    return _call(path)


def fetch_all(request: HttpRequest, paths: list[str], parallel: bool) -> list[Any]:
    """One call per path, in order; `parallel` hands them to the worker's thread pool."""
    if parallel:
        return list(_threads().map(_call, paths))
    return [_call(path) for path in paths]


def _call(path: str) -> Any:
    response = _pool().request("GET", path)
    if response.status != 200:
        raise RuntimeError(f"the slow API answered {response.status} to {path}")
    return json.loads(response.data)


@cache
def _pool() -> HTTPConnectionPool:
    """Made at the first request, that is after the server has forked."""
    pool = partial(connection_from_url, retries=False, timeout=TIMEOUT_S)
    return pool(settings.UPSTREAM_URL, maxsize=settings.UPSTREAM_LIMIT, block=True)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=settings.UPSTREAM_LIMIT, thread_name_prefix="fanout")
