"""A row by the ORM, as ever: what the async twin's ORM of its own is held against."""

from __future__ import annotations

from .models import Book


def read(pk: int) -> Book:
    """The book with this primary key."""
    return Book.objects.get(pk=pk)
