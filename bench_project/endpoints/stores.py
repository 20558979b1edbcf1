"""Stores that the sync and the async views share: a row to write, the way to PostgreSQL and Redis, what the cache holds."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from .models import Counter

BOOK_SQL = "SELECT id, title, year, author_id FROM endpoints_book WHERE id = %s LIMIT 21"
"""What db_read's ORM asks, for those who ask without it."""


def write(pk: int) -> None:
    """One transaction: add one to this row's number."""
    with transaction.atomic():
        if not Counter.objects.filter(pk=pk).update(n=F("n") + 1):
            raise Counter.DoesNotExist(f"counter {pk}")


def postgres() -> dict[str, Any]:
    """How to reach the database without Django, in psycopg's words; autocommit and UTF-8 are Django's own defaults."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("postgresql"):
        raise RuntimeError(f"db_native speaks to PostgreSQL only; DATABASE_URL names {database['ENGINE']}")
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {name: database[key] for name, key in names.items() if database[key]}
    return {**given, "autocommit": True, "client_encoding": "UTF8"}


def redis_url() -> str:
    if not settings.CACHE_URL:
        raise RuntimeError("cache_native speaks to Redis only; CACHE_URL is not set")
    return settings.CACHE_URL


def cached(key: str) -> str:
    """What the cache holds under this key."""
    return f"the value of {key}"
