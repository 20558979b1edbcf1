"""A row by Django's ORM: the baseline for the async backend of the async view."""

from __future__ import annotations

from .models import Book


def read(pk: int) -> Book:
    """The book with this primary key."""
    return Book.objects.get(pk=pk)
