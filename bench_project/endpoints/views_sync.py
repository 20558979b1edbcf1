"""The sync twins: views_async.py without async words; a test holds that nothing else differs."""

import time

from django.http import HttpRequest, HttpResponse, JsonResponse

from . import upstream_sync as api
from . import work
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


def cpu(request: HttpRequest) -> HttpResponse:
    """The control: nothing to wait for."""
    return JsonResponse({"total": work.burn()})


def blocking(request: HttpRequest) -> HttpResponse:
    """The classic mistake, in the async twin: a sleep that does not yield to the event loop."""
    time.sleep(work.seconds(request, work.UPSTREAM_MS))
    return JsonResponse(work.WAIT)
