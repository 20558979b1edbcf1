"""What requests of somebody carry: cookies of a session that is made for them, or the headers that a scenario gives."""

import json
import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.errors import UserError
from harness.project.target import Target
from harness.scenario.project import Login

Headers = tuple[tuple[str, str], ...]

MINTED_S: Final = 120.0

SECRET_LENGTH: Final = 32
"""Of a CSRF token that is not masked."""


def minted(logins: Sequence[Login], target: Target, places: Mapping[str, str]) -> dict[str, Headers]:
    """Login → headers. UserError for a user that is not there, or what else stops it."""
    users = {login.name: login.user for login in logins if login.user is not None}
    found = {login.name: tuple(login.headers.items()) for login in logins if login.headers}
    if not users:
        return found
    command = [target.python, "-m", "djbench_injected.login", *dict.fromkeys(users.values())]
    ended = target.run(command, places, MINTED_S)
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["no word"])[-1]
        advice = "is the user in the run's database? Let a command of project.prepare make it, or copy a database that has it"
        raise UserError(f"login: no session for {', '.join(users.values())}: {last}: {advice}")
    cookies: dict[str, dict[str, str]] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found | {name: (("Cookie", _line(cookies[user])),) for name, user in users.items()}


def unsafe(told: Mapping[str, Any]) -> Headers:
    """What a request that writes carries, so that Django's CSRF check lets it through: the same secret as cookie and as header.
    `told`: the project's simple settings, as it describes them."""
    token = "".join(secrets.choice(string.ascii_letters) for _ in range(SECRET_LENGTH))
    header = str(told.get("CSRF_HEADER_NAME", "HTTP_X_CSRFTOKEN")).removeprefix("HTTP_").replace("_", "-").title()
    return (("Cookie", f"{told.get('CSRF_COOKIE_NAME', 'csrftoken')}={token}"), (header, token))


def _line(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
