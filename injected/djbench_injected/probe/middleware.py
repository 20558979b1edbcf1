"""Which middleware a project has, which of it is sync-only, and whether a call of sync_to_async is made for middleware.

Two kinds are: what Django itself adapts when it builds the middleware chain (sync-only middleware, process_view and its
like), and methods of middleware objects (MiddlewareMixin hands its process_request and process_response over in every
request). A middleware that calls sync_to_async on something that is not its own counts as everyone else.
"""

import functools
from typing import Any

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.utils.deprecation import MiddlewareMixin
from django.utils.module_loading import import_string


class Origin:
    """Tells the calls that are made for middleware. Make it before the application is loaded."""

    def __init__(self) -> None:
        self._adapted: set[int] = set()
        self._kept: list[Any] = []  # so that no id is given away again
        self._classes: tuple[type, ...] = (MiddlewareMixin,)
        adapt = getattr(BaseHandler, "adapt_method_mode", None)
        if adapt is not None:  # Django 3.0 has no async middleware

            @functools.wraps(adapt)
            def noted(handler: Any, is_async: bool, method: Any, *args: Any, **kwargs: Any) -> Any:
                made = adapt(handler, is_async, method, *args, **kwargs)
                if made is not method:
                    self._adapted.add(id(made))
                    self._kept.append(made)
                return made

            BaseHandler.adapt_method_mode = noted

    def loaded(self) -> list[str]:
        """The application is there: learn its middleware. Returns the dotted names of what is sync-only."""
        known = {path: import_string(path) for path in settings.MIDDLEWARE}
        self._classes = (MiddlewareMixin, *(one for one in known.values() if isinstance(one, type)))
        return [path for path, one in known.items() if not getattr(one, "async_capable", False)]

    def name(self, call: Any) -> str:
        """Whose call this SyncToAsync is: of middleware `module.Class.method`, of anything else its own name."""
        function = call.func
        owner = getattr(function, "__self__", None)
        if owner is not None and not isinstance(owner, type):
            return f"{type(owner).__module__}.{type(owner).__qualname__}.{getattr(function, '__name__', '?')}"
        inner = getattr(function, "__wrapped__", None)  # the middleware behind convert_exception_to_response
        if inner is not None and not hasattr(inner, "__name__"):
            return f"{type(inner).__module__}.{type(inner).__qualname__}"
        if isinstance(function, functools.partial):
            function = function.func
        named = inner if inner is not None else function
        return f"{getattr(named, '__module__', '?')}.{getattr(named, '__qualname__', type(named).__qualname__)}"

    def is_middleware(self, call: Any) -> bool:
        """Whether this SyncToAsync is made for middleware."""
        return id(call) in self._adapted or isinstance(getattr(call.func, "__self__", None), self._classes)
