"""The sync views: views_async.py without async words; a test holds that nothing else differs."""

import time
from collections.abc import Iterator

from asgiref.sync import async_to_sync
from django.core.cache import cache as store
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse

from . import backend_sync as backend
from . import native_sync as native
from . import orm_sync as orm
from . import redis_sync as redis
from . import stores, workload
from . import upstream_sync as api
from .models import Book


def hello(request: HttpRequest) -> HttpResponse:
    return JsonResponse(workload.HELLO)


def simple(request: HttpRequest) -> HttpResponse:
    return JsonResponse(workload.SIMPLE)


def wait(request: HttpRequest) -> HttpResponse:
    time.sleep(workload.seconds(request, workload.WAIT_MS))
    return JsonResponse(workload.WAIT)


def greeting(request: HttpRequest) -> HttpResponse:
    time.sleep(workload.GREETING_MS / 1000)
    return JsonResponse(workload.GREETING)


def upstream(request: HttpRequest) -> HttpResponse:
    """One call to the slow API."""
    return JsonResponse(api.fetch(request, workload.upstream_path(request)))


def fanout(request: HttpRequest) -> HttpResponse:
    """k calls to the slow API, one after the other or all at once."""
    paths = workload.upstream_paths(request)
    return JsonResponse({"answers": api.fetch_all(request, paths, workload.in_parallel(request))})


def db_read(request: HttpRequest) -> HttpResponse:
    """One row by primary key."""
    return workload.book_json(Book.objects.get(pk=workload.key(request)))


def unsafe(request: HttpRequest) -> HttpResponse:
    """One row by primary key, by the sync ORM in both views: Django forbids that where an event loop runs."""
    return workload.book_json(Book.objects.order_by("pk")[workload.key(request) - 1])


def db_list(request: HttpRequest) -> HttpResponse:
    """Fifty rows with a join, rendered through a template."""
    return workload.books_html(request, [book for book in workload.book_list()])


def mixed(request: HttpRequest) -> HttpResponse:
    """Two queries, one call to the slow API, one template: an ordinary page."""
    book = workload.books().get(pk=workload.key(request))
    quote = api.fetch(request, workload.upstream_path(request))
    books = [book for book in workload.book_list()]
    return workload.books_html(request, [book, *books], quote)


def db_write(request: HttpRequest) -> HttpResponse:
    """One short transaction. Django has no async one: the async view follows its documentation: a thread."""
    stores.write(workload.row_to_write(request))
    return JsonResponse(workload.WRITTEN)


def db_fanout(request: HttpRequest) -> HttpResponse:
    """k rows by primary key, one query each, one after the other or all at once."""
    return workload.books_json(orm.read_all(workload.keys(request), workload.in_parallel(request)))


def db_native(request: HttpRequest) -> HttpResponse:
    """What db_read asks (with `?k=`, what db_fanout asks), without the ORM."""
    if "k" in request.GET:
        return workload.rows_json(native.read_all(request, workload.keys(request), workload.in_parallel(request)))
    return workload.row_json(native.read_all(request, [workload.key(request)], False))


def db_backend(request: HttpRequest) -> HttpResponse:
    """One row by primary key, in the async view by an ORM that is async down to its connection."""
    return workload.book_json(backend.read(workload.key(request)))


def cache(request: HttpRequest) -> HttpResponse:
    """k reads of Django's cache; what is not there yet is written."""
    return JsonResponse({"values": [_cached(key) for key in workload.cache_keys(request)]})


def _cached(key: str) -> str:
    value = store.get(key)
    if value is None:
        value = stores.cached(key)
        store.set(key, value, None)
    return value


def cache_native(request: HttpRequest) -> HttpResponse:
    """The same of Redis, without Django's cache."""
    return JsonResponse({"values": redis.read_all(request, workload.cache_keys(request))})


def stream(request: HttpRequest) -> HttpResponse:
    """k chunks over ms milliseconds: the first after ms / k, the last at the end."""
    return StreamingHttpResponse(_paced(*workload.chunks(request)))


def sse(request: HttpRequest) -> HttpResponse:
    """A server-sent event every so many milliseconds."""
    return StreamingHttpResponse(_paced(*workload.events(request)), content_type="text/event-stream")


def _paced(parts: list[str], pause_s: float) -> Iterator[str]:
    for part, left_s in workload.paced(parts, pause_s):
        time.sleep(left_s)
        yield part


def longpoll(request: HttpRequest) -> HttpResponse:
    """Held until the next event, which all who wait are told at once."""
    time.sleep(workload.seconds_to_event(request))
    return JsonResponse(workload.EVENT)


def file(request: HttpRequest) -> HttpResponse:
    """A file from disk."""
    return FileResponse(workload.open_file(request))


def bridge(request: HttpRequest) -> HttpResponse:
    """k switches to the other side (thread or event loop) and back, doing nothing there."""
    crossings = workload.crossings(request)
    for _ in range(crossings):
        async_to_sync(workload.anothing)()
    return JsonResponse({"crossed": crossings})


def cpu(request: HttpRequest) -> HttpResponse:
    """The control: nothing to wait for."""
    return JsonResponse({"total": workload.burn()})


def blocking(request: HttpRequest) -> HttpResponse:
    """The classic mistake, in the async view: a sleep that does not yield to the event loop."""
    time.sleep(workload.seconds(request, workload.UPSTREAM_MS))
    return JsonResponse(workload.WAIT)
