"""The project's application with everything counted around it.

Counts go to a folder, FOLDER/<pid>, and what they mean to FOLDER/<pid>.json: the names of the slots, how many middleware there
are, which of them are sync-only.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from djbench_injected.probe import threads, waits
from djbench_injected.probe.blocking import Watchdog
from djbench_injected.probe.counters import NAMES, Counters
from djbench_injected.probe.lag import Lag
from djbench_injected.probe.middleware import Origin
from djbench_injected.probe.request import Request, current, follow_into_pools
from djbench_injected.probe.threads import Names


class Probe:
    """Made before the project is imported, so that nothing holds on to what was there before.

    `folder`: where to count; `named`: whether it tells whose switches they were, and what blocks the event loop.
    """

    def __init__(self, folder: Path, named: bool = False) -> None:
        self._folder, self._counters, self._origin = folder, Counters(folder), Origin()
        self._names = Names() if named else None
        self._watchdog = Watchdog() if named else None
        threads.count_bridges(self._counters, self._origin, self._names)
        threads.count_starts(self._counters)
        follow_into_pools()
        waits.time_waits(self._counters)

    def around(self, application: Any, interface: str) -> Any:
        """The application, instrumented; it is loaded, so its middleware is known now."""
        _write_facts(self._folder, self._origin.loaded())
        return (
            _asgi(application, self._counters, self._watchdog)
            if interface == "asgi"
            else _wsgi(application, self._counters)
        )

    def told(self) -> bytes:
        """Whose switches there were, and what blocked the event loop for how many ms, since this was last asked; JSON."""
        switches = self._names.taken() if self._names is not None else {}
        blocked = self._watchdog.taken() if self._watchdog is not None else {}
        return json.dumps({"switches": switches, "blocked_ms": blocked}).encode()


def _asgi(application: Any, counters: Counters, watchdog: Watchdog | None) -> Any:
    lag = Lag(counters)

    async def instrumented(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        lag.watch(asyncio.get_running_loop())
        if watchdog is not None:
            watchdog.watch(asyncio.get_running_loop())
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


def _wsgi(application: Any, counters: Counters) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """A request is over when the server closes its response."""

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


def _write_facts(folder: Path, sync_only: list[str]) -> None:
    facts = {"slots": NAMES, "middleware": len(settings.MIDDLEWARE), "sync_only": sync_only}
    file = folder / f"{os.getpid()}.json"
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(facts))
    temporary.replace(file)
