"""The async twins: views_sync.py with async words; a test holds that nothing else differs."""

import asyncio
import time

from django.http import HttpRequest, HttpResponse, JsonResponse

from . import upstream_async as api
from . import work
from .models import Book


async def whoami(request: HttpRequest) -> HttpResponse:
    return work.identity(request, "async")


async def hello(request: HttpRequest) -> HttpResponse:
    return JsonResponse(work.HELLO)


async def simple(request: HttpRequest) -> HttpResponse:
    return JsonResponse(work.SIMPLE)


async def wait(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(work.seconds(request, work.WAIT_MS))
    return JsonResponse(work.WAIT)


async def greeting(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(work.GREETING_MS / 1000)
    return JsonResponse(work.GREETING)


async def upstream(request: HttpRequest) -> HttpResponse:
    """One call to the slow API."""
    return JsonResponse(await api.fetch(request, work.upstream_path(request)))


async def fanout(request: HttpRequest) -> HttpResponse:
    """k calls to the slow API, one after the other or all at once."""
    paths = work.upstream_paths(request)
    return JsonResponse({"answers": await api.fetch_all(request, paths, work.in_parallel(request))})


async def db_read(request: HttpRequest) -> HttpResponse:
    """One row by primary key."""
    return work.book_json(await Book.objects.aget(pk=work.key(request)))


async def unsafe(request: HttpRequest) -> HttpResponse:
    """One row by primary key, by the sync ORM in both twins: Django forbids that where an event loop runs."""
    return work.book_json(Book.objects.order_by("pk")[work.key(request) - 1])


async def db_list(request: HttpRequest) -> HttpResponse:
    """Fifty rows with a join, rendered through a template."""
    return work.books_html(request, [book async for book in work.book_list()])


async def mixed(request: HttpRequest) -> HttpResponse:
    """Two queries, one call to the slow API, one template: an ordinary page."""
    book = await work.books().aget(pk=work.key(request))
    quote = await api.fetch(request, work.upstream_path(request))
    books = [book async for book in work.book_list()]
    return work.books_html(request, [book, *books], quote)


async def cpu(request: HttpRequest) -> HttpResponse:
    """The control: nothing to wait for."""
    return JsonResponse({"total": work.burn()})


async def blocking(request: HttpRequest) -> HttpResponse:
    """The classic mistake, in the async twin: a sleep that does not yield to the event loop."""
    time.sleep(work.seconds(request, work.UPSTREAM_MS))
    return JsonResponse(work.WAIT)
