"""The project's own application, named by PROBE_APPLICATION (`config.asgi:application`), with everything counted around it.

Counts go to PROBE_FOLDER/<pid>, and what they mean to PROBE_FOLDER/<pid>.json: the names of the slots, how many
middleware there are, which of them are sync-only.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings

from probe import threads, waits
from probe.counters import NAMES, Counters
from probe.lag import Lag
from probe.middleware import Origin
from probe.request import Request, current, follow_into_pools


def asgi() -> Any:
    """The ASGI application, instrumented."""
    application, counters = _load()
    lag = Lag(counters)

    async def instrumented(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        lag.watch(asyncio.get_running_loop())
        request = Request(counters)
        token = current.set(request)

        async def told(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                request.answered()

        try:
            await application(scope, receive, told)
        finally:
            current.reset(token)
            request.leave()

    return instrumented


def wsgi() -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """The WSGI application, instrumented: a request is over when the server closes its response."""
    application, counters = _load()

    def instrumented(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(counters)
        current.set(request)
        try:
            return Body(application(environ, start_response), request)
        except BaseException:
            _leave(request)
            raise

    return instrumented


class Body:
    """A WSGI response that tells when it has been sent and when it is closed."""

    def __init__(self, response: Any, request: Request) -> None:
        self._response, self._request = response, request

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response
        self._request.answered()

    def close(self) -> None:
        try:
            if hasattr(self._response, "close"):
                self._response.close()
        finally:
            _leave(self._request)


def _leave(request: Request) -> None:
    current.set(None)
    request.leave()


def _load() -> tuple[Any, Counters]:
    """Everything is wrapped before the project is imported, so that nothing holds on to what was there before."""
    folder = Path(os.environ["PROBE_FOLDER"])
    counters, origin = Counters(folder), Origin()
    threads.count_bridges(counters, origin)
    threads.count_starts(counters)
    follow_into_pools()
    waits.time_waits(counters)
    module, _, name = os.environ["PROBE_APPLICATION"].partition(":")
    application = getattr(import_module(module), name or "application")
    _write_facts(folder, origin.loaded())
    return application, counters


def _write_facts(folder: Path, sync_only: list[str]) -> None:
    facts = {"slots": NAMES, "middleware": len(settings.MIDDLEWARE), "sync_only": sync_only}
    file = folder / f"{os.getpid()}.json"
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(facts))
    temporary.replace(file)
