"""The middleware of some settings profiles: one that only does sync, and a visitor who comes back.

Django adapts sync middleware around async views with threads; `sync_only` does nothing itself, so that its cost is that switch.
"""

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

SESSION_KEY = "returning0visitor0returning0visi"
USERNAME = "visitor"


def sync_only(get_response):
    """Does nothing, sync only: Django takes middleware that declares nothing else to be sync."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    return middleware


@sync_and_async_middleware
def returning_visitor(get_response):
    """Gives every request the cookie of the session that `manage.py seed` made. Stands before SessionMiddleware."""
    cookie = settings.SESSION_COOKIE_NAME
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponse:
            request.COOKIES[cookie] = SESSION_KEY
            return await get_response(request)
    else:

        def middleware(request: HttpRequest) -> HttpResponse:
            request.COOKIES[cookie] = SESSION_KEY
            return get_response(request)

    return middleware


@sync_and_async_middleware
def known_user(get_response):
    """Reads session and user from the database, as a page for members does. Stands after AuthenticationMiddleware."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponse:
            _expect_visitor(await request.auser())
            await request.session.aget("theme")
            return await get_response(request)
    else:

        def middleware(request: HttpRequest) -> HttpResponse:
            _expect_visitor(request.user)
            request.session.get("theme")
            return get_response(request)

    return middleware


def _expect_visitor(user) -> None:
    """Without its session a request would be cheaper than it should be: an error, and no measurement."""
    if user.get_username() != USERNAME:
        raise RuntimeError("profile sessions: the database has no session of the visitor; run manage.py seed")
