"""`whoami`: which process this is, and what it serves. Answered before the project sees anything: no host check, no login.

`?path=/a/&path=/b/` asks which view answers there, and whether it is async.
"""

import asyncio
import json
import os
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asgiref.sync
from django.apps import apps
from django.conf import settings
from django.urls import Resolver404, resolve
from django.utils.version import get_version

PATH = "/__djbench__/whoami"

SERVERS = ("gunicorn", "uvicorn", "granian", "hypercorn", "daphne")

NOTICED = (
    "uvloop",
    "gevent",
    "debug_toolbar",
    "silk",
    "sentry_sdk",
    "newrelic",
    "ddtrace",
    "elasticapm",
    "opentelemetry",
)
"""What changes how fast a process answers, if it is loaded."""


def told(interface: str, query: str) -> bytes:
    """The answer to `whoami`, as JSON."""
    facts = {
        "nonce": os.environ.get("DJBENCH_NONCE", ""),
        "pid": os.getpid(),
        "interface": interface,
        "server": "+".join(name for name in SERVERS if name in sys.modules),
        "python": sys.version.split()[0],
        "django": get_version(),
        "settings": settings.SETTINGS_MODULE,
        "debug": settings.DEBUG,
        "middleware": list(settings.MIDDLEWARE),
        "modules": [name for name in NOTICED if name in sys.modules],
        "apps": {one.name: one.path for one in apps.get_app_configs()},
        "views": {path: view_at(path) for path in parse_qs(query).get("path", [])},
    }
    return json.dumps(facts).encode()


def view_at(path: str) -> dict[str, Any] | None:
    """The view that answers at this path: its name, and whether it is async; None where Django knows none."""
    try:
        found = resolve(urlsplit(path).path).func
    except Resolver404:
        return None
    inner = getattr(found, "view_class", None) or getattr(found, "func", found)
    name = f"{inner.__module__}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"
    return {"view": name, "async": is_async(found)}


def is_async(view: Any) -> bool:
    """As Django decides it: by the function itself, or by the mark that class-based views put on theirs."""
    decides: Any = getattr(asgiref.sync, "iscoroutinefunction", asyncio.iscoroutinefunction)  # asgiref's came with 3.6
    return bool(decides(view))
