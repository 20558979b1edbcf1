"""The async views: views_sync.py with async words; a test holds that nothing else differs."""

import asyncio
import time
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.core.cache import cache as store
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse

from . import backend_async as backend
from . import native_async as native
from . import orm_async as orm
from . import redis_async as redis
from . import stores, workload
from . import upstream_async as api
from .models import Book


async def hello(request: HttpRequest) -> HttpResponse:
    return JsonResponse(workload.HELLO)


async def simple(request: HttpRequest) -> HttpResponse:
    return JsonResponse(workload.SIMPLE)


async def wait(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(workload.seconds(request, workload.WAIT_MS))
    return JsonResponse(workload.WAIT)


async def greeting(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(workload.GREETING_MS / 1000)
    return JsonResponse(workload.GREETING)


async def upstream(request: HttpRequest) -> HttpResponse:
    """One call to the slow API."""
    return JsonResponse(await api.fetch(request, workload.upstream_path(request)))


async def fanout(request: HttpRequest) -> HttpResponse:
    """k calls to the slow API, one after the other or all at once."""
    paths = workload.upstream_paths(request)
    return JsonResponse({"answers": await api.fetch_all(request, paths, workload.in_parallel(request))})


async def db_read(request: HttpRequest) -> HttpResponse:
    """One row by primary key."""
    return workload.book_json(await Book.objects.aget(pk=workload.key(request)))


async def unsafe(request: HttpRequest) -> HttpResponse:
    """One row by primary key, by the sync ORM in both views: Django forbids that where an event loop runs."""
    return workload.book_json(Book.objects.order_by("pk")[workload.key(request) - 1])


async def db_list(request: HttpRequest) -> HttpResponse:
    """Fifty rows with a join, rendered through a template."""
    return workload.books_html(request, [book async for book in workload.book_list()])


async def mixed(request: HttpRequest) -> HttpResponse:
    """Two queries, one call to the slow API, one template: an ordinary page."""
    book = await workload.books().aget(pk=workload.key(request))
    quote = await api.fetch(request, workload.upstream_path(request))
    books = [book async for book in workload.book_list()]
    return workload.books_html(request, [book, *books], quote)


async def db_write(request: HttpRequest) -> HttpResponse:
    """One short transaction. Django has no async one: the async view follows its documentation: a thread."""
    await sync_to_async(stores.write)(workload.row_to_write(request))
    return JsonResponse(workload.WRITTEN)


async def db_fanout(request: HttpRequest) -> HttpResponse:
    """k rows by primary key, one query each, one after the other or all at once."""
    return workload.books_json(await orm.read_all(workload.keys(request), workload.in_parallel(request)))


async def db_native(request: HttpRequest) -> HttpResponse:
    """What db_read asks (with `?k=`, what db_fanout asks), without the ORM."""
    if "k" in request.GET:
        return workload.rows_json(await native.read_all(request, workload.keys(request), workload.in_parallel(request)))
    return workload.row_json(await native.read_all(request, [workload.key(request)], False))


async def db_backend(request: HttpRequest) -> HttpResponse:
    """One row by primary key, in the async view by an ORM that is async down to its connection."""
    return workload.book_json(await backend.read(workload.key(request)))


async def cache(request: HttpRequest) -> HttpResponse:
    """k reads of Django's cache; what is not there yet is written."""
    return JsonResponse({"values": [await _cached(key) for key in workload.cache_keys(request)]})


async def _cached(key: str) -> str:
    value = await store.aget(key)
    if value is None:
        value = stores.cached(key)
        await store.aset(key, value, None)
    return value


async def cache_native(request: HttpRequest) -> HttpResponse:
    """The same of Redis, without Django's cache."""
    return JsonResponse({"values": await redis.read_all(request, workload.cache_keys(request))})


async def stream(request: HttpRequest) -> HttpResponse:
    """k chunks over ms milliseconds: the first after ms / k, the last at the end."""
    return StreamingHttpResponse(_paced(*workload.chunks(request)))


async def sse(request: HttpRequest) -> HttpResponse:
    """A server-sent event every so many milliseconds."""
    return StreamingHttpResponse(_paced(*workload.events(request)), content_type="text/event-stream")


async def _paced(parts: list[str], pause_s: float) -> AsyncIterator[str]:
    for part, left_s in workload.paced(parts, pause_s):
        await asyncio.sleep(left_s)
        yield part


async def longpoll(request: HttpRequest) -> HttpResponse:
    """Held until the next event, which all who wait are told at once."""
    await asyncio.sleep(workload.seconds_to_event(request))
    return JsonResponse(workload.EVENT)


async def file(request: HttpRequest) -> HttpResponse:
    """A file from disk."""
    return FileResponse(workload.open_file(request))


async def bridge(request: HttpRequest) -> HttpResponse:
    """k switches to the other side (thread or event loop) and back, doing nothing there."""
    crossings = workload.crossings(request)
    for _ in range(crossings):
        await sync_to_async(workload.nothing)()
    return JsonResponse({"crossed": crossings})


async def cpu(request: HttpRequest) -> HttpResponse:
    """The control: nothing to wait for."""
    return JsonResponse({"total": workload.burn()})


async def blocking(request: HttpRequest) -> HttpResponse:
    """The classic mistake, in the async view: a sleep that does not yield to the event loop."""
    time.sleep(workload.seconds(request, workload.UPSTREAM_MS))
    return JsonResponse(workload.WAIT)
