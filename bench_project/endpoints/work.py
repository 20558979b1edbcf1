"""What the twins share: parameters in, bodies out. Nothing in here waits, so nothing in here has a colour.

A view waits (or computes), and everything around the waiting stands here once.
"""

from __future__ import annotations  # Django 3.0's QuerySet cannot be subscripted

import asyncio
import os
import re
import sys
import threading
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from .models import Book

HELLO = {"message": "Hello from async view!"}
SIMPLE = {"message": "Quick async response"}
WAIT = {"status": "done"}
GREETING = {"greeting": "Hello, async world!"}

WAIT_MS = 1_000
GREETING_MS = 2_000
UPSTREAM_MS = 100
FANOUT_CALLS = 5
LONGEST_MS = 60_000
MOST_CALLS = 100
LIST_ROWS = 50
CPU_ROUNDS = 20_000


def seconds(request: HttpRequest, default_ms: int) -> float:
    """How long this request waits, in seconds, from `?ms=`."""
    return whole_number(request, "ms", default_ms, LONGEST_MS) / 1000


def whole_number(request: HttpRequest, name: str, default: int, most: int) -> int:
    """The query parameter as a whole number from 0 to `most`; anything else is answered with a 400.

    (By the exception for it that every Django has: BadRequest came with 3.2.)
    """
    text = request.GET.get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII) or int(text) > most:
        raise SuspiciousOperation(f"{name}: expected a whole number from 0 to {most}, got {text!r}")
    return int(text)


def upstream_paths(request: HttpRequest) -> list[str]:
    """One path of the slow API per call: `?k=` calls of `?ms=` each."""
    ms = whole_number(request, "ms", UPSTREAM_MS, LONGEST_MS)
    return [f"/?ms={ms}"] * whole_number(request, "k", FANOUT_CALLS, MOST_CALLS)


def upstream_path(request: HttpRequest) -> str:
    """The path of the one call: `?ms=`."""
    return f"/?ms={whole_number(request, 'ms', UPSTREAM_MS, LONGEST_MS)}"


def in_parallel(request: HttpRequest) -> bool:
    """Whether the calls of a fan-out overlap: `?mode=parallel` (default) or `?mode=sequential`."""
    mode = request.GET.get("mode", "parallel")
    if mode not in ("parallel", "sequential"):
        raise SuspiciousOperation(f"mode: expected 'parallel' or 'sequential', got {mode!r}")
    return mode == "parallel"


def key(request: HttpRequest) -> int:
    """The primary key to read: `?pk=`, 1 by default."""
    return whole_number(request, "pk", 1, 1_000)


def books() -> QuerySet[Book]:
    """Books with their authors in one query with a join: a lazy `book.author` in an async view is an error."""
    return Book.objects.select_related("author")


def book_list() -> QuerySet[Book]:
    """The first rows with their authors."""
    return books().order_by("pk")[:LIST_ROWS]


def book_json(book: Book) -> JsonResponse:
    return JsonResponse({"id": book.pk, "title": book.title, "year": book.year})


def books_html(request: HttpRequest, books: list[Book], quote: dict[str, Any] | None = None) -> HttpResponse:
    return render(request, "endpoints/books.html", {"books": books, "quote": quote})


def burn() -> int:
    """A fixed amount of pure-Python work, a few milliseconds: holds the GIL, waits for nothing."""
    total = 0
    for number in range(CPU_ROUNDS):
        total = (total + number * number) % 1_000_003
    return total


def identity(request: HttpRequest, colour: str) -> JsonResponse:
    """Who answered: proof that the right server called the right view in the right way."""
    try:
        asyncio.get_running_loop()
        loop = True
    except RuntimeError:
        loop = False
    return JsonResponse(
        {
            "view": colour,
            "interface": "ASGI" if isinstance(request, ASGIRequest) else "WSGI",
            "event_loop": loop,
            "thread": threading.current_thread().name,
            "pid": os.getpid(),
            # ASGI has no SERVER_SOFTWARE: the name of the program that was started stands in for it.
            "server": request.META.get("SERVER_SOFTWARE") or os.path.basename(sys.argv[0]),
            "django": django.get_version(),
            "python": sys.version.split()[0],
            "debug": settings.DEBUG,
            "nonce": settings.BENCH_NONCE,
        }
    )


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """handler400: the reason as JSON instead of Django's bare "Bad Request"."""
    return JsonResponse({"error": str(exception) or "bad request"}, status=400)
