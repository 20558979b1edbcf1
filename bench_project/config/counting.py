"""How many requests reached the application, counted per process in a file that outlives it.

With REQUEST_COUNT_FOLDER set, every process that loads the application maps FOLDER/<its pid>, eight bytes, and adds one
to it for each HTTP request, before Django sees it. The file survives a SIGKILL. Costs well under a
microsecond, the same on both interfaces.
"""

import mmap
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Counter:
    """One process's count."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._lock = Lock()
        self._open()
        os.register_at_fork(after_in_child=self._open)

    def add(self) -> None:
        """One more. Locked, because another thread may come between reading and writing the number."""
        with self._lock:
            self._number[0] += 1

    def _open(self) -> None:
        path = self._folder / str(os.getpid())
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._number = memoryview(mmap.mmap(file.fileno(), 8)).cast("Q")


def counted_wsgi(application: WSGIHandler) -> Wsgi:
    """The WSGI application, counted where it is asked for."""
    counter = _counter()
    if counter is None:
        return application

    def counted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        counter.add()
        return application(environ, start_response)

    return counted


def counted_asgi(application: ASGIHandler) -> Any:
    """The ASGI application, counted where it is asked for."""
    counter = _counter()
    if counter is None:
        return application

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            counter.add()
        await application(scope, receive, send)

    return counted


def _counter() -> Counter | None:
    folder = os.environ.get("REQUEST_COUNT_FOLDER")
    return Counter(folder) if folder else None
