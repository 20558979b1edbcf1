"""A Django project of one file, not this one: a sync-only middleware, a middleware with thoughts of its own, views."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware


def sync_only(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    return lambda request: get_response(request)


@sync_and_async_middleware
def either(get_response: Any) -> Any:
    async def middleware(request: HttpRequest) -> HttpResponse:
        return await get_response(request)  # type: ignore[no-any-return]

    return middleware if asyncio.iscoroutinefunction(get_response) else get_response


class Answer(BaseHTTPRequestHandler):
    """Something to call."""

    def do_GET(self) -> None:
        time.sleep(0.1)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


@cache
def upstream_port() -> int:
    server = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def call() -> None:
    connection = HTTPConnection("127.0.0.1", upstream_port())
    connection.request("GET", "/")
    connection.getresponse().read()
    connection.close()


async def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


async def elsewhere(request: HttpRequest) -> HttpResponse:
    """One call in a thread pool of asyncio's own, which is not thread-sensitive."""
    await sync_to_async(time.sleep, thread_sensitive=False)(0)
    return HttpResponse("hello")


def fanout(request: HttpRequest) -> HttpResponse:
    """Three calls at once, in threads of the project's own."""
    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(call) for _ in range(3)]:
            future.result()
    return HttpResponse("hello")


urlpatterns = [path("hello/", hello), path("elsewhere/", elsewhere), path("fanout/", fanout)]
settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["localhost"],
    MIDDLEWARE=[f"{__name__}.either", f"{__name__}.sync_only", "django.middleware.common.CommonMiddleware"],
)
django.setup()
application = get_asgi_application()
