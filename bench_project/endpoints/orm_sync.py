"""Several rows through the ORM: one after the other, or each in a thread with a connection of its own.

A thread ends its part as Django ends a request: `close_old_connections` closes its connection, or keeps it for as long as
CONN_MAX_AGE says (or hands it back, where Django pools). So a fan-out pays per query what a request pays.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from django.conf import settings
from django.db import close_old_connections

from .models import Book


def read_all(keys: list[int], parallel: bool) -> list[Book]:
    """The books with these primary keys, in order; `parallel` hands them to the worker's thread pool."""
    if parallel:
        return list(_threads().map(_read_in_thread, keys))
    return [Book.objects.get(pk=key) for key in keys]


def _read_in_thread(key: int) -> Book:
    try:
        return Book.objects.get(pk=key)
    finally:
        close_old_connections()


@cache
def _threads() -> ThreadPoolExecutor:
    """Made at the first request, that is after the server has forked."""
    return ThreadPoolExecutor(max_workers=settings.NATIVE_POOL, thread_name_prefix="rows")
