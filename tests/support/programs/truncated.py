"""Settings of an arm that cuts the last byte off every answer."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE as ALL


def truncating(get_response):
    def middleware(request):
        response = get_response(request)
        if "hello" in request.path:
            response.content = response.content[:-1]
        return response

    return middleware


MIDDLEWARE = [*ALL, "truncated.truncating"]
