"""The outer application: it says who it is, counts requests, and hands everything else to the project's own.

DJBENCH_NONCE         told by `whoami`, so that a stray server can never be measured
DJBENCH_APPLICATION   the project's application, `config.asgi:application`; without it Django's own is made, and …
DJBENCH_PRELUDE       … this module imported first, for what it sets up (the other interface's, mostly)
DJBENCH_COUNTS        a folder in which every process counts (counting.py)
DJBENCH_PROBE         a folder in which the probe counts (probe/); without it there is no probe
DJBENCH_NAMED         `1`: the probe tells whose thread switches there were, and what blocks the event loop
DJBENCH_GC            `frozen`: what was loaded to serve is no longer looked at in garbage collections (collector.py)
"""

import os
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from djbench_injected import collector, counting, identity, pinned

PROBED = "/__djbench__/probe"

OURS = (identity.PATH, PROBED)


def asgi() -> Any:
    """The project's ASGI application, inside ours."""
    (project, probe), counter = _load("asgi"), counting.counter()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["path"] in OURS:
                body = _own("ASGI", scope["path"], scope["query_string"].decode(), probe)
                head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
                await send({"type": "http.response.start", "status": 200, "headers": head})
                await send({"type": "http.response.body", "body": body})
                return
            if counter is not None:
                counter.add()
        await project(scope, receive, send)

    return application


def wsgi() -> Any:
    """The project's WSGI application, inside ours."""
    (project, probe), counter = _load("wsgi"), counting.counter()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] in OURS:
            body = _own("WSGI", environ["PATH_INFO"], environ.get("QUERY_STRING", ""), probe)
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]
        if counter is not None:
            counter.add()
        answer: Iterable[bytes] = project(environ, start_response)
        return answer

    return application


def _own(interface: str, path: str, query: str, probe: Any) -> bytes:
    """The answer to what is asked of us."""
    if path == PROBED:
        told: bytes = probe.told() if probe is not None else b"{}"
        return told
    return identity.told(interface, query)


def _load(interface: str) -> tuple[Any, Any]:
    """The project's application, and the probe, if there is one.

    Everything is wrapped before the project is imported, so that nothing holds on to what was there before."""
    folder, probe = os.environ.get("DJBENCH_PROBE"), None
    if folder:
        from djbench_injected.probe.application import Probe

        probe = Probe(Path(folder), named=os.environ.get("DJBENCH_NAMED") == "1")
    pinned.settings()
    project = _project(interface)
    if probe is not None:
        project = probe.around(project, interface)
    _tell_errors()
    collector.set_up()
    return project, probe


def _project(interface: str) -> Any:
    """The project's own application; where it has none for this interface, Django's."""
    named = os.environ.get("DJBENCH_APPLICATION")
    if named:
        module, _, path = named.partition(":")
        found = import_module(module)
        for name in (path or "application").split("."):
            found = getattr(found, name)
        return _single(found) if interface == "asgi" else found
    if prelude := os.environ.get("DJBENCH_PRELUDE"):
        import_module(prelude)
    made = import_module(f"django.core.{interface}")
    return getattr(made, f"get_{interface}_application")()


def _single(application: Any) -> Any:
    """Servers are told that it is ASGI 3; one of ASGI 2 is called twice."""
    import asgiref.compatibility

    made: Any = asgiref.compatibility
    return made.guarantee_single_callable(application)


def _tell_errors() -> None:
    """An exception of a view goes to stderr, that is, into the arm's log: by its own logging, a project may send it anywhere."""
    from django.core.signals import got_request_exception

    def told(**_: Any) -> None:
        sys.stderr.write(traceback.format_exc())
        sys.stderr.flush()

    got_request_exception.connect(told, weak=False)
