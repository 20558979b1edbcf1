"""What the sync and the async views share: parameters in, bodies out. Nothing in here waits, so it serves both.

A view waits (or computes), and everything around the waiting stands here once.
"""

from __future__ import annotations  # Django 3.0's QuerySet cannot be subscripted

import itertools
import os
import random
import re
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from .models import Book

HELLO = {"message": "Hello from async view!"}
SIMPLE = {"message": "Quick async response"}
WAIT = {"status": "done"}
GREETING = {"greeting": "Hello, async world!"}
WRITTEN = {"status": "written"}
EVENT = {"status": "event"}

WAIT_MS = 1_000
GREETING_MS = 2_000
UPSTREAM_MS = 100
FANOUT_CALLS = 5
STREAM_MS = 500
EVENTS_MS = 2_000
EVERY_MS = 250
FILE_KIB = 256
CROSSINGS = 16
LONGEST_MS = 60_000
MOST_CALLS = 100
MOST_CROSSINGS = 1_000
MOST_KIB = 10_240
ROWS = 1_000
SOON_S = 0.001
LIST_ROWS = 50
GOLDEN = (5**0.5 - 1) / 2
CPU_ROUNDS = 20_000


_DRAWN = itertools.count()


def seconds(request: HttpRequest, default_ms: int) -> float:
    """How long this request waits, in seconds, from `?ms=`, and up to `?spread=` percent less or more.

    Even from one request to the next (the multiples of the golden ratio), so that any few of them have the same mean.
    """
    ms, spread = whole_number(request, "ms", default_ms, LONGEST_MS), whole_number(request, "spread", 0, 100)
    return ms / 1000 * (1 + spread / 100 * (2 * (next(_DRAWN) * GOLDEN % 1) - 1))


def whole_number(request: HttpRequest, name: str, default: int, most: int, least: int = 0) -> int:
    """The query parameter as a whole number from `least` to `most`; anything else is answered with a 400.

    (By the exception for it that every Django has: BadRequest came with 3.2.)
    """
    text = request.GET.get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII) or not least <= int(text) <= most:
        raise SuspiciousOperation(f"{name}: expected a whole number from {least} to {most}, got {text!r}")
    return int(text)


def upstream_paths(request: HttpRequest) -> list[str]:
    """One path of the slow API per call: `?k=` calls of `?ms=` each."""
    ms = whole_number(request, "ms", UPSTREAM_MS, LONGEST_MS)
    return [f"/?ms={ms}"] * whole_number(request, "k", FANOUT_CALLS, MOST_CALLS)


def upstream_path(request: HttpRequest) -> str:
    """The path of the one call: `?ms=`, and up to `?spread=` percent less or more."""
    ms, spread = whole_number(request, "ms", UPSTREAM_MS, LONGEST_MS), whole_number(request, "spread", 0, 100)
    return f"/?ms={ms}" + (f"&spread={spread}" if spread else "")


def in_parallel(request: HttpRequest) -> bool:
    """Whether the calls of a fan-out overlap: `?mode=parallel` (default) or `?mode=sequential`."""
    mode = request.GET.get("mode", "parallel")
    if mode not in ("parallel", "sequential"):
        raise SuspiciousOperation(f"mode: expected 'parallel' or 'sequential', got {mode!r}")
    return mode == "parallel"


def key(request: HttpRequest) -> int:
    """The primary key to read: `?pk=`, 1 by default."""
    return whole_number(request, "pk", 1, ROWS)


def keys(request: HttpRequest) -> list[int]:
    """The primary keys of a fan-out over rows: the first `?k=`."""
    return list(range(1, whole_number(request, "k", FANOUT_CALLS, MOST_CALLS) + 1))


def row_to_write(request: HttpRequest) -> int:
    """`?pk=`, for which all writers then queue; without it any row, so that they do not."""
    return whole_number(request, "pk", random.randint(1, ROWS), ROWS)


def cache_keys(request: HttpRequest) -> list[str]:
    """The keys of `?k=` reads of the cache, one by default."""
    return [f"answer-{number}" for number in range(whole_number(request, "k", 1, MOST_CALLS))]


def chunks(request: HttpRequest) -> tuple[list[str], float]:
    """`?k=` chunks and the seconds before each, `?ms=` in all."""
    count = whole_number(request, "k", FANOUT_CALLS, MOST_CALLS)
    ms = whole_number(request, "ms", STREAM_MS, LONGEST_MS)
    return [f"chunk {number}\n" for number in range(count)], ms / 1000 / max(1, count)


def events(request: HttpRequest) -> tuple[list[str], float]:
    """The events of `?ms=` milliseconds, one `?every=` so many, and the seconds before each."""
    every = whole_number(request, "every", EVERY_MS, LONGEST_MS, least=1)
    count = whole_number(request, "ms", EVENTS_MS, LONGEST_MS) // every
    return [f'data: {{"n": {number}}}\n\n' for number in range(count)], every / 1000


def paced(parts: list[str], pause_s: float) -> Iterator[tuple[str, float]]:
    """Each part with the seconds left until it is due: wakes that are early or late do not add up."""
    start_s = time.monotonic()
    for number, part in enumerate(parts, 1):
        yield part, max(0.0, start_s + number * pause_s - time.monotonic())


def seconds_to_event(request: HttpRequest) -> float:
    """Until the next multiple of `?ms=` on the machine's monotonic clock, which is the same for all who wait.

    One that is less than a millisecond away counts as over: event loops wake up to that much early, and whoever was just
    woken by an event and asks again would be told of it twice.
    """
    period = seconds(request, WAIT_MS)
    left = period - time.monotonic() % period if period else 0.0
    return left if left >= SOON_S else left + period


def open_file(request: HttpRequest) -> BinaryIO:
    """A file of `?kib=` KiB."""
    return _file(whole_number(request, "kib", FILE_KIB, MOST_KIB)).open("rb")


@cache
def _file(kib: int) -> Path:
    """The path of a file of known content. Each process writes it once, to a name of its own, and renames it: all are equal."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(b"0123456789abcdef" * (64 * kib))
    return Path(file.name).replace(Path(tempfile.gettempdir()) / f"djbench-{os.getuid()}-{kib}-kib")


def crossings(request: HttpRequest) -> int:
    """How often `bridge` crosses: `?k=`."""
    return whole_number(request, "k", CROSSINGS, MOST_CROSSINGS)


def nothing() -> None:
    """What the async view switches to a thread for."""


async def anothing() -> None:
    """What the sync view switches to an event loop for."""


def books() -> QuerySet[Book]:
    """Books with their authors in one query with a join: a lazy `book.author` in an async view is an error."""
    return Book.objects.select_related("author")


def book_list() -> QuerySet[Book]:
    """The first rows with their authors."""
    return books().order_by("pk")[:LIST_ROWS]


def book_json(book: Book) -> JsonResponse:
    return JsonResponse(_book(book))


def books_json(books: list[Book]) -> JsonResponse:
    return JsonResponse({"books": [_book(book) for book in books]})


def _book(book: Book) -> dict[str, Any]:
    return {"id": book.pk, "title": book.title, "year": book.year}


def row_json(rows: list[Any]) -> JsonResponse:
    """book_json, of the only row that BOOK_SQL gave."""
    return JsonResponse(_row(rows[0]))


def rows_json(rows: list[Any]) -> JsonResponse:
    """books_json, of what BOOK_SQL gave."""
    return JsonResponse({"books": [_row(row) for row in rows]})


def _row(row: Any) -> dict[str, Any]:
    return dict(zip(("id", "title", "year"), row))  # noqa: B905


def books_html(request: HttpRequest, books: list[Book], quote: dict[str, Any] | None = None) -> HttpResponse:
    return render(request, "endpoints/books.html", {"books": books, "quote": quote})


def burn() -> int:
    """A fixed amount of pure-Python computation, a few milliseconds: holds the GIL, waits for nothing."""
    total = 0
    for number in range(CPU_ROUNDS):
        total = (total + number * number) % 1_000_003
    return total


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """handler400: the reason as JSON instead of Django's bare "Bad Request"."""
    return JsonResponse({"error": str(exception) or "bad request"}, status=400)
