"""The slow API, called without blocking: one aiohttp session per worker process where the loop lives that long.

On ASGI a worker has one event loop, so the session and its connections are kept. On WSGI Django
runs every async view in a new loop, and a session dies with the loop it was made in: there a
session is opened and closed for each request. That is not a handicap of this project: it is what an
async view on WSGI costs.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

TIMEOUT_S = 90

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession] = WeakKeyDictionary()


async def fetch(request: HttpRequest, path: str) -> Any:
    """One call; the decoded JSON body. A failure or a status other than 200 is an exception."""
    async with _session(request) as session:
        return await _call(session, path)


async def fetch_all(request: HttpRequest, paths: list[str], parallel: bool) -> list[Any]:
    """One call per path, in order; `parallel` gathers them."""
    async with _session(request) as session:
        if parallel:
            return await asyncio.gather(*[_call(session, path) for path in paths])
        return [await _call(session, path) for path in paths]


async def _call(session: ClientSession, path: str) -> Any:
    async with session.get(path) as response:
        if response.status != 200:
            raise RuntimeError(f"the slow API answered {response.status} to {path}")
        return await response.json()


@asynccontextmanager
async def _session(request: HttpRequest) -> AsyncIterator[ClientSession]:
    """The worker's session on ASGI, a new one on WSGI."""
    if isinstance(request, ASGIRequest):
        loop = asyncio.get_running_loop()
        if loop not in _sessions:
            _sessions[loop] = _new_session()
        yield _sessions[loop]
    else:
        async with _new_session() as session:
            yield session


def _new_session() -> ClientSession:
    """Same limits as the sync view's pool; no cookie jar, because urllib3 has none either."""
    return ClientSession(
        settings.UPSTREAM_URL,
        connector=TCPConnector(limit=settings.UPSTREAM_LIMIT),
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=TIMEOUT_S),
    )
