"""gunicorn with uvicorn's worker: loop and HTTP parser set, because the worker class defaults to "auto"."""

from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker


class ExplicitUvicornWorker(UvicornWorker):  # type: ignore[misc]
    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": "httptools",
        "ws": "wsproto",
        "interface": "asgi3",
        "lifespan": "off",
        "timeout_keep_alive": 600,
    }
