"""A row by django-async-backend's ORM: a real async connection, no thread. It needs Python 3.12, Django 6.1 and PostgreSQL.

Arms that are asked for it set DATABASE_ENGINE=django_async_backend.db.backends.postgresql in their environment. It is imported
with the first query, so that Pythons that cannot have it still serve everything else.
"""

from __future__ import annotations

from django.conf import settings

from .models import Book


async def read(pk: int) -> Book:
    """The book with this primary key."""
    if not settings.DATABASES["default"]["ENGINE"].startswith("django_async_backend."):
        raise RuntimeError(
            "db_backend needs DATABASE_ENGINE=django_async_backend… and the package: Python >= 3.12, PostgreSQL"
        )
    from django_async_backend.db.models.query import QuerySet

    return await QuerySet(Book).aget(pk=pk)
