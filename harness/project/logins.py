"""What requests carry that no scenario names: cookies of a session that is made for somebody, the proof against CSRF, and that
they came by https, where the project believes a proxy.
"""

import json
import secrets
import string
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import UserError
from harness.project.target import NOWHERE, Target
from harness.scenario.project import Login
from harness.scenario.request import Request

Headers = tuple[tuple[str, str], ...]

MINTED_S: Final = 120.0

SECRET_LENGTH: Final = 32
"""Of a CSRF token that is not masked."""


@dataclass(frozen=True)
class Carried:
    """Headers of requests, made for a run."""

    logins: Mapping[str, Headers]  # of somebody
    every: Headers = ()  # of each
    unsafe: Headers = ()  # of what writes

    def by(self, page: Request) -> Headers:
        """Those of a request for this page."""
        own = self.unsafe if page.method != "GET" else ()
        return (*self.logins.get(page.login or "", ()), *self.every, *own)


NOBODY: Final = Carried({})


def carried(logins: Sequence[Login], target: Target, places: Mapping[str, str]) -> Carried:
    """What requests to this project carry. UserError for a user that is not there, or a form that lets nobody in."""
    if not target.facts:
        return NOBODY
    told = target.facts.get("simple", {})
    secret = "".join(secrets.choice(string.ascii_letters) for _ in range(SECRET_LENGTH))
    every, unsafe = proofs(told, target.asked.host, secret)
    return Carried(_minted(logins, target, places, secret if told.get("CSRF_USE_SESSIONS") else None), every, unsafe)


def proofs(told: Mapping[str, Any], host: str, secret: str) -> tuple[Headers, Headers]:
    """What every request carries, and what one that writes carries besides. `told`: the project's simple settings, as it
    describes them; `secret`: against CSRF.

    The cookie with the secret against CSRF is there from the beginning, as in a browser that has seen a form; what writes
    repeats it in a header. Where a proxy's word for https is believed (SECURE_PROXY_SSL_HEADER) it is given, and then what writes
    has to name its origin.
    """
    every = [("Cookie", f"{told.get('CSRF_COOKIE_NAME', 'csrftoken')}={secret}")]
    unsafe = [(_header(told.get("CSRF_HEADER_NAME", "HTTP_X_CSRFTOKEN")), secret)]
    if believed := told.get("SECURE_PROXY_SSL_HEADER"):
        every.append((_header(believed[0]), believed[1]))
        unsafe.append(("Origin", f"https://{host}"))
    return tuple(every), tuple(unsafe)


def _header(name: str) -> str:
    """As it is sent: `HTTP_X_FORWARDED_PROTO` is what Django makes of `X-Forwarded-Proto`."""
    return name.removeprefix("HTTP_").replace("_", "-").title()


def _minted(
    logins: Sequence[Login], target: Target, places: Mapping[str, str], secret: str | None
) -> dict[str, Headers]:
    """Login → headers. `secret`: against CSRF, where it is kept in sessions."""
    found = {login.name: tuple(login.headers.items()) for login in logins if login.headers}
    asked = [login for login in logins if not login.headers]
    if not asked:
        return found
    told = json.dumps([{"name": one.name, "user": one.user, "path": one.path, "form": one.form} for one in asked])
    own = {"DJBENCH_LOGINS": told, "DJBENCH_HOST": target.asked.host} | ({"DJBENCH_CSRF": secret} if secret else {})
    names = ", ".join(one.user or f"the form at {one.path}" for one in asked)
    try:
        ended = target.run([target.python, "-m", "djbench_injected.login"], {**NOWHERE, **places}, MINTED_S, own)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"login: no session for {names}: {error}") from None
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["no word"])[-1]
        advice = "is the user in the run's database? Let a command of project.prepare make it, or copy a database that has it"
        if "to the form" in last:
            advice = "are these the name and the password of somebody who is in the run's database?"
        told = last if "project.overlay" in last else f"{last}: {advice}"
        raise UserError(f"login: no session for {names}: {told}")
    cookies: dict[str, dict[str, str]] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found | {name: (("Cookie", _line(some)),) for name, some in cookies.items()}


def _line(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
