"""Several rows through the async ORM: one after the other, or gathered.

Django runs every query of a request in the one thread that its connection belongs to, so what is gathered here is
still asked one after the other. That is what this endpoint is there to show.
"""

from __future__ import annotations

import asyncio

from .models import Book


async def read_all(keys: list[int], parallel: bool) -> list[Book]:
    """The books with these primary keys, in order; `parallel` gathers them."""
    if parallel:
        return await asyncio.gather(*[Book.objects.aget(pk=key) for key in keys])
    return [await Book.objects.aget(pk=key) for key in keys]
