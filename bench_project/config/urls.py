"""/sync/<endpoint>/ and /async/<endpoint>/: the same workload as a sync and as an async view."""

from django.urls import include, path
from endpoints import views_async, views_sync

ENDPOINTS = (
    "hello",
    "simple",
    "wait",
    "greeting",
    "upstream",
    "fanout",
    "db_read",
    "db_list",
    "db_write",
    "db_fanout",
    "db_native",
    "db_backend",
    "cache",
    "cache_native",
    "unsafe",
    "mixed",
    "stream",
    "sse",
    "longpoll",
    "file",
    "bridge",
    "cpu",
    "blocking",
)

urlpatterns = [
    path("sync/", include([path(f"{name}/", getattr(views_sync, name)) for name in ENDPOINTS])),
    path("async/", include([path(f"{name}/", getattr(views_async, name)) for name in ENDPOINTS])),
]

handler400 = "endpoints.workload.bad_request"
