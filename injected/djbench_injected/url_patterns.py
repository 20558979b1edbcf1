"""The URL patterns of a project: which pages it has, and which view answers at each."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from djbench_injected.identity import is_async


def pages() -> list[dict[str, Any]]:
    """Every URL pattern: the path where it takes no parameter, its view, whether that is async, and of a class its methods."""
    from django.urls import get_resolver

    return list(_walk(get_resolver().url_patterns, "/", ""))


def _walk(patterns: Iterable[Any], prefix: str, namespace: str) -> Iterator[dict[str, Any]]:
    from django.urls.resolvers import URLResolver

    for pattern in patterns:
        written = str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = namespace + (pattern.namespace + ":" if pattern.namespace else "")
            yield from _walk(pattern.url_patterns, prefix + _plain(written), inner)
            continue
        view = pattern.callback
        inner = getattr(view, "view_class", None) or getattr(view, "cls", None) or getattr(view, "func", view)
        path = prefix + _plain(written)
        yield {
            "path": path,
            "parameters": any(sign in path for sign in "<(*+?[\\|"),
            "name": namespace + (pattern.name or ""),
            "view": f"{inner.__module__}.{getattr(inner, '__qualname__', type(inner).__qualname__)}",
            "async": is_async(view),
            "methods": _methods(inner),
            "non_atomic": sorted(getattr(view, "_non_atomic_requests", ())),
        }


def _plain(written: str) -> str:
    """A pattern without the signs of a regular expression that every one has."""
    return (
        written.replace("\\Z", "").replace("\\.", ".").replace("\\-", "-").replace("\\/", "/").lstrip("^").rstrip("$")
    )


def _methods(view: Any) -> "list[str] | None":
    if not inspect.isclass(view):
        return None
    return [name for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)]
