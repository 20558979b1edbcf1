"""The sync twins: views_async.py without async words; a test holds that nothing else differs."""

import time
from collections.abc import Iterator

from asgiref.sync import async_to_sync
from django.core.cache import cache as store
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse

from . import backend_sync as backend
from . import native_sync as native
from . import orm_sync as orm
from . import redis_sync as redis
from . import stores, work
from . import upstream_sync as api
from .models import Book


def whoami(request: HttpRequest) -> HttpResponse:
    return work.identity(request, "sync")


def hello(request: HttpRequest) -> HttpResponse:
    return JsonResponse(work.HELLO)


def simple(request: HttpRequest) -> HttpResponse:
    return JsonResponse(work.SIMPLE)


def wait(request: HttpRequest) -> HttpResponse:
    time.sleep(work.seconds(request, work.WAIT_MS))
    return JsonResponse(work.WAIT)


def greeting(request: HttpRequest) -> HttpResponse:
    time.sleep(work.GREETING_MS / 1000)
    return JsonResponse(work.GREETING)


def upstream(request: HttpRequest) -> HttpResponse:
    """One call to the slow API."""
    return JsonResponse(api.fetch(request, work.upstream_path(request)))


def fanout(request: HttpRequest) -> HttpResponse:
    """k calls to the slow API, one after the other or all at once."""
    paths = work.upstream_paths(request)
    return JsonResponse({"answers": api.fetch_all(request, paths, work.in_parallel(request))})


def db_read(request: HttpRequest) -> HttpResponse:
    """One row by primary key."""
    return work.book_json(Book.objects.get(pk=work.key(request)))


def unsafe(request: HttpRequest) -> HttpResponse:
    """One row by primary key, by the sync ORM in both twins: Django forbids that where an event loop runs."""
    return work.book_json(Book.objects.order_by("pk")[work.key(request) - 1])


def db_list(request: HttpRequest) -> HttpResponse:
    """Fifty rows with a join, rendered through a template."""
    return work.books_html(request, [book for book in work.book_list()])


def mixed(request: HttpRequest) -> HttpResponse:
    """Two queries, one call to the slow API, one template: an ordinary page."""
    book = work.books().get(pk=work.key(request))
    quote = api.fetch(request, work.upstream_path(request))
    books = [book for book in work.book_list()]
    return work.books_html(request, [book, *books], quote)


def db_write(request: HttpRequest) -> HttpResponse:
    """One short transaction. Django has no async one: the async twin does what its documentation says, and crosses over."""
    stores.write(work.row_to_write(request))
    return JsonResponse(work.WRITTEN)


def db_fanout(request: HttpRequest) -> HttpResponse:
    """k rows by primary key, one query each, one after the other or all at once."""
    return work.books_json(orm.read_all(work.keys(request), work.in_parallel(request)))


def db_native(request: HttpRequest) -> HttpResponse:
    """What db_read asks (with `?k=`, what db_fanout asks), without the ORM."""
    if "k" in request.GET:
        return work.rows_json(native.read_all(request, work.keys(request), work.in_parallel(request)))
    return work.row_json(native.read_all(request, [work.key(request)], False))


def db_backend(request: HttpRequest) -> HttpResponse:
    """One row by primary key, in the async twin by an ORM that is async down to its connection."""
    return work.book_json(backend.read(work.key(request)))


def cache(request: HttpRequest) -> HttpResponse:
    """k reads of Django's cache; what is not there yet is written."""
    return JsonResponse({"values": [_cached(key) for key in work.cache_keys(request)]})


def _cached(key: str) -> str:
    value = store.get(key)
    if value is None:
        value = stores.cached(key)
        store.set(key, value, None)
    return value


def cache_native(request: HttpRequest) -> HttpResponse:
    """The same of Redis, without Django's cache."""
    return JsonResponse({"values": redis.read_all(request, work.cache_keys(request))})


def stream(request: HttpRequest) -> HttpResponse:
    """k chunks over ms milliseconds: the first after ms / k, the last at the end."""
    return StreamingHttpResponse(_paced(*work.chunks(request)))


def sse(request: HttpRequest) -> HttpResponse:
    """A server-sent event every so many milliseconds."""
    return StreamingHttpResponse(_paced(*work.events(request)), content_type="text/event-stream")


def _paced(parts: list[str], pause_s: float) -> Iterator[str]:
    for part, left_s in work.paced(parts, pause_s):
        time.sleep(left_s)
        yield part


def longpoll(request: HttpRequest) -> HttpResponse:
    """Held until the next event, which all who wait are told at once."""
    time.sleep(work.seconds_to_event(request))
    return JsonResponse(work.EVENT)


def file(request: HttpRequest) -> HttpResponse:
    """A file from disk."""
    return FileResponse(work.open_file(request))


def bridge(request: HttpRequest) -> HttpResponse:
    """k crossings into the other colour and back, for nothing."""
    crossings = work.crossings(request)
    for _ in range(crossings):
        async_to_sync(work.anothing)()
    return JsonResponse({"crossed": crossings})


def cpu(request: HttpRequest) -> HttpResponse:
    """The control: nothing to wait for."""
    return JsonResponse({"total": work.burn()})


def blocking(request: HttpRequest) -> HttpResponse:
    """The classic mistake, in the async twin: a sleep that does not yield to the event loop."""
    time.sleep(work.seconds(request, work.UPSTREAM_MS))
    return JsonResponse(work.WAIT)
