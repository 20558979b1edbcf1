"""A project as it describes itself, made up: ready for ASGI."""

from typing import Any, Final

CLEAN: Final[dict[str, Any]] = {
    "python": "3.12.1",
    "django": "5.2.8",
    "executable": "/project/.venv/bin/python",
    "simple": {"DEBUG": False, "ALLOWED_HOSTS": ["127.0.0.1"], "SECURE_SSL_REDIRECT": False},
    "middleware": [
        {
            "path": "django.middleware.common.CommonMiddleware",
            "sync_capable": True,
            "async_capable": True,
            "used": True,
            "hooks": ["process_request", "process_response"],
            "views": [],
            "templates": False,
        }
    ],
    "databases": {
        "default": {
            "engine": "django.db.backends.postgresql",
            "name": "shop",
            "host": "",
            "conn_max_age": 0,
            "atomic_requests": False,
            "pool": True,
        }
    },
    "caches": {"default": "django.core.cache.backends.redis.RedisCache"},
    "pages": [
        {"path": "/", "parameters": False, "name": "home", "view": "shop.views.home", "async": True, "methods": None}
    ],
    "receivers": {"request_started": [{"name": "django.db.reset_queries", "async": False}]},
    "static": {"manifest": False, "collected": True, "storage": "", "root": ""},
    "apps": {},
    "tools": {},
    "unknown": {},
}

BESIDE: Final[dict[str, str | None]] = {"asgi": "shop.asgi", "gunicorn_conf": None}
