"""Sessions of users: `python -m djbench_injected.login` prints JSON, login → cookies. Needs no server.

DJBENCH_LOGINS  as JSON, a list of logins: name, and either user, or form with the path that it is sent to
DJBENCH_HOST    under which the project is asked
DJBENCH_CSRF    a secret against CSRF, where the project keeps it in the session

Of a user it takes no password: Django's own test client logs in, whatever backend and user model a project has. What is written
is a row of its sessions.
"""

import json
import os
from importlib import import_module
from typing import Any

from djbench_injected import pinned


def cookies(login: "dict[str, Any]") -> "dict[str, str]":
    """The cookies of a browser in which this user has logged in."""
    from django.conf import settings
    from django.contrib.auth import SESSION_KEY, get_user_model
    from django.test import Client

    believed = getattr(settings, "SECURE_PROXY_SSL_HEADER", None)
    sent = {believed[0]: believed[1]} if believed else {}
    client = Client(HTTP_HOST=os.environ["DJBENCH_HOST"], **sent)
    if login["user"] is not None:
        client.force_login(get_user_model()._default_manager.get_by_natural_key(login["user"]))
    else:
        client.get(login["path"])
        status = client.post(login["path"], login["form"]).status_code
        if SESSION_KEY not in client.session:  # one of somebody unknown is opened by many a GET
            raise SystemExit(f"{login['path']} answered HTTP {status} to the form, and logged nobody in")
    if "DJBENCH_CSRF" in os.environ:
        session = client.session
        session["_csrftoken"] = os.environ["DJBENCH_CSRF"]
        session.save()
    name = settings.SESSION_COOKIE_NAME
    return {name: client.cookies[name].value}


def refuse_own_memory() -> None:
    """A session in the memory of this process is none for a server."""
    from django.conf import settings

    cache = settings.CACHES.get(settings.SESSION_CACHE_ALIAS, {}).get("BACKEND", "")
    if settings.SESSION_ENGINE.endswith(".cache") and cache.endswith((".LocMemCache", ".DummyCache")):
        kept = f"sessions are kept in {cache.rpartition('.')[2]}, which each process has to itself"
        raise SystemExit(f"{kept}: SESSION_ENGINE = 'django.contrib.sessions.backends.db' in project.overlay")


def main() -> None:
    pinned.settings()
    if prelude := os.environ.get("DJBENCH_PRELUDE"):
        import_module(prelude)
    import django

    django.setup()
    refuse_own_memory()
    print("\n" + json.dumps({login["name"]: cookies(login) for login in json.loads(os.environ["DJBENCH_LOGINS"])}))


if __name__ == "__main__":
    main()
