"""Asks an instrumented application for some requests, without a server, and prints what each counter grew by in them.

    DJBENCH_PROBE=… DJBENCH_APPLICATION=config.asgi:application python instrumented_requests.py asgi|wsgi PATH TIMES

In a process of its own, because the probe wraps asgiref's classes for good.
"""

import asyncio
import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.util import setup_testing_defaults


async def ask_asgi(application: Any, path: str) -> int:
    """The status of one GET."""
    name, _, query = path.partition("?")
    scope = {"type": "http", "method": "GET", "path": name, "query_string": query.encode()}
    scope |= {"headers": [(b"host", b"localhost")]}
    sent: list[dict[str, Any]] = []
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    return int(sent[0]["status"])


def ask_wsgi(application: Any, path: str) -> int:
    name, _, query = path.partition("?")
    environ: dict[str, Any] = {"PATH_INFO": name, "QUERY_STRING": query}
    setup_testing_defaults(environ)
    environ["HTTP_HOST"] = "localhost"
    told: list[str] = []
    response = application(environ, lambda status, headers: told.append(status))
    list(response)
    getattr(response, "close", list)()
    return int(told[0].split()[0])


def counts(folder: Path) -> dict[str, int]:
    names = json.loads((folder / f"{os.getpid()}.json").read_text())["slots"]
    return dict(zip(names, struct.unpack(f"{len(names)}q", (folder / str(os.getpid())).read_bytes()), strict=True))


async def all_asgi(application: Any, path: str, times: int, read: Callable[[], dict[str, int]]) -> Any:
    await ask_asgi(application, path)  # the first request imports and connects
    before = read()
    statuses = await asyncio.gather(*[ask_asgi(application, path) for _ in range(times)])
    return before, statuses


def all_wsgi(application: Any, path: str, times: int, read: Callable[[], dict[str, int]]) -> Any:
    ask_wsgi(application, path)
    before, statuses = read(), []
    threads = [Thread(target=lambda: statuses.append(ask_wsgi(application, path))) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return before, statuses


def main(interface: str, path: str, times: int) -> None:
    folder = Path(os.environ["DJBENCH_PROBE"])

    def read() -> dict[str, int]:
        return counts(folder)

    if interface == "asgi":
        from djbench_injected.asgi import application

        before, statuses = asyncio.run(all_asgi(application, path, times, read))
    else:
        from djbench_injected.wsgi import application

        before, statuses = all_wsgi(application, path, times, read)
    grown = {name: value - before[name] for name, value in read().items()}
    print(json.dumps({"statuses": sorted(set(statuses)), "grown": grown}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
