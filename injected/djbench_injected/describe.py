"""A project as its own Python sees it, in JSON: `python -m djbench_injected.describe` in its folder, with its variables.

The harness never imports a project; whatever it knows of one is from here. A fact that cannot be had is left out, and what was
tried to have it stands under `unknown`. The last line of the output is the JSON, because projects print, too.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distributions, version
from importlib.util import find_spec
from typing import Any
from weakref import ReferenceType

from djbench_injected import pinned, url_patterns
from djbench_injected.databases import is_replica
from djbench_injected.identity import is_async

PACKAGES = (
    *("asgiref", "gunicorn", "uvicorn", "granian", "uvloop", "httptools"),
    *("psycopg", "psycopg2", "psycopg2-binary", "psycopg-pool"),
)

TOOLS = ("debug_toolbar", "silk", "sentry_sdk", "newrelic", "ddtrace", "elasticapm", "whitenoise", "channels", "gevent")


class Facts:
    """What was found, and why the rest was not."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.unknown: dict[str, str] = {}

    def add(self, name: str, read: Callable[[], Any]) -> None:
        """What `read` returns, under this name."""
        try:
            self.found[name] = read()
        except Exception as error:  # noqa: BLE001  whatever a project does
            self.unknown[name] = f"{type(error).__name__}: {error}"


def versions() -> dict[str, str]:
    """Package → version, of those that decide how a project can be served."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def freeze() -> list[str]:
    """Every installed distribution, `name==version`."""
    found = {(one.metadata["Name"] or "").lower(): one.version for one in distributions()}
    return sorted(f"{name}=={version}" for name, version in found.items() if name)


def middleware(settings: Any) -> list[dict[str, Any]]:
    """Each middleware in order: what it can, which of its hooks Django runs in a thread of their own where it is async."""
    from django.core.exceptions import MiddlewareNotUsed
    from django.utils.deprecation import MiddlewareMixin
    from django.utils.module_loading import import_string

    async def answer_async(request: Any) -> Any:
        raise NotImplementedError

    def answer_sync(request: Any) -> Any:
        raise NotImplementedError

    told: list[dict[str, Any]] = []
    for path in settings.MIDDLEWARE:
        factory = import_string(path)
        sync_capable, async_capable = getattr(factory, "sync_capable", True), getattr(factory, "async_capable", False)
        one = {"path": path, "sync_capable": sync_capable, "async_capable": async_capable, "used": True}
        try:
            made = factory(answer_async if async_capable else answer_sync)
        except MiddlewareNotUsed as why:
            told.append({**one, "used": False, "why": str(why), "hooks": [], "views": [], "templates": False})
            continue
        mixed = isinstance(made, MiddlewareMixin)
        own_call = mixed and type(made).__acall__ is not MiddlewareMixin.__acall__
        hooks = [name for name in ("process_request", "process_response") if mixed and hasattr(made, name)]
        told.append(
            {
                **one,
                "hooks": [] if own_call else hooks,
                "views": [name for name in ("process_view",) if _is_sync(made, name)],
                "templates": _is_sync(made, "process_template_response"),
            }
        )
    return told


def _is_sync(made: Any, name: str) -> bool:
    hook = getattr(made, name, None)
    return hook is not None and not is_async(hook)


def databases(settings: Any) -> dict[str, Any]:
    """Each database as it is set; never a password."""
    asked = getattr(settings, "DJBENCH_DATABASES", settings.DATABASES)
    return {
        alias: {
            "engine": one.get("ENGINE", ""),
            "name": str(one.get("NAME", "")),
            "host": str(one.get("HOST", "")),
            "conn_max_age": one.get("CONN_MAX_AGE", 0),
            "atomic_requests": bool(one.get("ATOMIC_REQUESTS", False)),
            "pool": bool((one.get("OPTIONS") or {}).get("pool")),
            "replica": alias != "default" and is_replica(one, asked.get("default", {})),
        }
        for alias, one in asked.items()
        if one
    }


def receivers() -> dict[str, Any]:
    """Signal → the names of those that listen to every request, and whether they are async."""
    from django.core import signals

    told = {}
    for name in ("request_started", "request_finished"):
        listening = []
        for entry in getattr(signals, name).receivers:
            found = entry[1]() if isinstance(entry[1], ReferenceType) else entry[1]
            if found is not None:
                listening.append({"name": f"{found.__module__}.{found.__qualname__}", "async": is_async(found)})
        told[name] = listening
    return told


def statics(settings: Any) -> dict[str, Any]:
    """Where static files come from."""
    storages = getattr(settings, "STORAGES", None) or {}
    named = (storages.get("staticfiles") or {}).get("BACKEND") or getattr(settings, "STATICFILES_STORAGE", "")
    backend = str(named)
    root = getattr(settings, "STATIC_ROOT", None)
    manifest = "Manifest" in backend and _in_static_root(backend, storages)
    there = bool(root) and os.path.exists(os.path.join(str(root), "staticfiles.json"))  # noqa: PTH110, PTH118
    return {"storage": backend, "root": str(root or ""), "manifest": manifest, "collected": there or not manifest}


def _in_static_root(backend: str, storages: Any) -> bool:
    """Whether it writes where STATIC_ROOT says: not elsewhere, and not into somebody's bucket."""
    from django.core.files.storage import FileSystemStorage
    from django.utils.module_loading import import_string

    options = (storages.get("staticfiles") or {}).get("OPTIONS") or {}
    return issubclass(import_string(backend), FileSystemStorage) and "location" not in options


def simple(settings: Any) -> dict[str, Any]:
    """Settings that decide what a request costs, or whether it is answered at all."""
    names = (
        *("DEBUG", "ALLOWED_HOSTS", "SECURE_SSL_REDIRECT", "SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST"),
        *(
            "SESSION_ENGINE",
            "SESSION_SAVE_EVERY_REQUEST",
            "SESSION_COOKIE_NAME",
            "CSRF_COOKIE_NAME",
            "CSRF_HEADER_NAME",
        ),
        *("CSRF_USE_SESSIONS", "LOGIN_URL", "APPEND_SLASH", "ROOT_URLCONF", "WSGI_APPLICATION", "ASGI_APPLICATION"),
        *("AUTH_USER_MODEL", "USE_TZ", "CONN_MAX_AGE"),
    )
    told = {name: getattr(settings, name) for name in names if hasattr(settings, name)}
    if "LOGIN_URL" in told:
        from django.shortcuts import resolve_url

        try:
            told["LOGIN_URL"] = resolve_url(told["LOGIN_URL"])  # it may be the name of a pattern
        except Exception:  # noqa: BLE001  whatever a project's URLs do
            told["LOGIN_URL"] = ""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def describe() -> dict[str, Any]:
    """Everything; settings that cannot be loaded end it."""
    pinned.settings()
    facts = Facts()
    facts.found["python"] = sys.version.split()[0]
    facts.found["executable"] = sys.executable
    facts.add("versions", versions)
    facts.add("freeze", freeze)
    if prelude := os.environ.get("DJBENCH_PRELUDE"):
        import_module(prelude)
    import django

    facts.found["django"] = django.get_version()
    django.setup()
    from django.apps import apps
    from django.conf import settings

    facts.found["settings"] = os.environ.get("DJBENCH_SETTINGS") or os.environ.get("DJANGO_SETTINGS_MODULE")
    facts.add("simple", lambda: simple(settings))
    facts.add("middleware", lambda: middleware(settings))
    facts.add("databases", lambda: databases(settings))
    facts.add("caches", lambda: {alias: one.get("BACKEND", "") for alias, one in settings.CACHES.items()})
    facts.add("pages", url_patterns.pages)
    facts.add("receivers", receivers)
    facts.add("static", lambda: statics(settings))
    facts.add("apps", lambda: {one.name: one.path for one in apps.get_app_configs()})
    facts.add("tools", lambda: {name: name in sys.modules for name in TOOLS if find_spec(name)})
    return {**facts.found, "unknown": facts.unknown}


def main() -> None:
    told = describe()
    sys.stdout.flush()
    print("\n" + json.dumps(told, default=str))


if __name__ == "__main__":
    main()
