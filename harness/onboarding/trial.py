"""Every page that takes no parameter, asked on each of two servers: what it answers, how fast, whether both agree."""

import http.client
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

from harness.deployment import same_page
from harness.deployment.fleet import Deployed
from harness.scenario.request import Request

PAGE_S, ALL_S = 5.0, 90.0
"""Longest wait for one page, and for all of them."""

FIRST_S: Final = 30.0
"""Longest wait for the very first answer of a server, in which it imports what all pages need; it is not looked at."""

ANSWERS: Final = 3
"""Of each page on each server, to know what varies; the first, which imports and compiles, is one more."""

NEVER: Final = (
    "logout",
    "log-out",
    "signout",
    "sign-out",
    "delete",
    "__debug__",
    "i18n/setlang",
    "password_reset",
    "unsubscribe",
)
"""Parts of paths that are not asked: a GET of these may change something."""

MOST_PAGES: Final = 60

SAFE: Final = "/%:@!$&'()*+,;=~"
"""What a path has besides letters and digits; all else is sent by its bytes in UTF-8."""

SHOWN: Final = 3
"""Paths in a line of advice."""

RAISED: Final = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Warning|DoesNotExist|NotFound)\b.*")
"""The last line of a traceback."""

NO_TABLE: Final = re.compile(r"no such (table|column)|(relation|column) .* does not exist")
"""As SQLite and PostgreSQL say it."""

NOT_THERE: Final = re.compile(
    r"Connection ?refused|ConnectionError|Max retries|Name or service not known|Errno 111", re.I
)
"""Something that a page talks to."""

LARGE: Final = 2_000_000
"""Bytes; a page larger than this is a download."""


@dataclass(frozen=True)
class Tried:
    """One page, by server."""

    path: str
    view: str
    is_async: bool
    status: Mapping[str, int]  # server → status; 0: no answer
    ms: Mapping[str, float]  # the shortest that was seen
    bytes: int
    kind: str  # its content type
    to: str  # where it redirects
    equal: str  # empty: both servers give the same page; else what differs
    cause: str = ""  # of an answer of 500: the exception
    cpu_ms: float | None = None  # that an answer takes of the server's CPU; None: unknown
    why: str = ""  # it was chosen for a scenario

    @property
    def good(self) -> bool:
        """Whether it can be measured as it is."""
        return set(self.status.values()) == {200} and not self.equal and self.bytes <= LARGE


def advice(tried: Sequence[Tried], login_url: str, user: str | None) -> list[str]:
    """What pages that cannot be measured as they are lack, and where to put it."""
    found = []
    to_login = [one.path for one in tried if login_url and login_url in one.to]
    if to_login and user is None:
        found.append(f"{_pages(to_login)} behind a login: --user NAME asks them as somebody who is in the database")
    elif to_login:
        found.append(f"{_pages(to_login)} lead to the login for {user} too: may that user see them?")
    refused = [one.path for one in tried if 400 in one.status.values()]
    if refused and len(refused) == len(tried):
        found.append(
            f"{_pages(refused)} answered 400: name a host that the project serves as project.host, such as 'shop.example'"
        )
    broken = [one.path for one in tried if any(status >= 500 for status in one.status.values())]
    if broken:
        cause = next((one.cause for one in tried if one.cause), "no exception in the log")
        do = "commands of `prepare` can make what a page needs"
        if NOT_THERE.search(cause):
            do = (
                "a service that is not there: start it, let a variable name the run's own"
                " (`{database}`, `{cache}`, `{upstream}` in [project.env]), or do without it in the overlay"
            )
        if NO_TABLE.search(cause):
            do = "migrations that were not applied to this database? `python manage.py migrate`, as a command of `prepare`"
        found.append(f"{_pages(broken)} answered 500: {cause}: {do}")
    silent = [one.path for one in tried if 0 in one.status.values()]
    if silent:
        found.append(
            f"{_pages(silent)} did not answer within {PAGE_S:g} s: an endless stream, or a service that is not there"
        )
    varying = [one.path for one in tried if set(one.status.values()) == {200} and one.equal]
    if varying:
        found.append(f"{_pages(varying)} differ from answer to answer: `contains` and `ignore` say what counts")
    return found


def _pages(paths: Sequence[str]) -> str:
    """`/a/, /b/ and 3 more pages`."""
    more = len(paths) - SHOWN
    return f"{', '.join(paths[:SHOWN])} and {more} more pages" if more > 0 else ", ".join(paths)


def candidates(pages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Pages without parameters that a GET does not change, each path once: the front page first, an admin's last. The front page
    is asked whatever the patterns say: where a CMS serves it, it is one of a pattern for all."""
    found: dict[str, Mapping[str, Any]] = {}
    if not any(page["path"] == "/" for page in pages):
        found["/"] = {"path": "/", "parameters": False, "methods": None}
    for page in pages:
        answers_get = page["methods"] is None or "get" in page["methods"]
        if not page["parameters"] and answers_get and not any(part in page["path"].lower() for part in NEVER):
            path = quote(page["path"], safe=SAFE)
            found.setdefault(path, {**page, "path": path})
    first = sorted(found.values(), key=lambda page: (page["path"] != "/", "/admin/" in page["path"]))
    return first[:MOST_PAGES]


def each(
    pages: Sequence[Mapping[str, Any]],
    servers: Mapping[str, Deployed],
    headers: Sequence[tuple[str, str]] = (),
) -> Iterator[Tried]:
    """The pages, asked one after the other, until the time for all of them is over."""
    for deployed in servers.values() if pages else ():
        with suppress(OSError, http.client.HTTPException):
            deployed.response(pages[0]["path"], headers=headers, timeout_s=FIRST_S)
    until = time.monotonic() + ALL_S
    for page in pages:
        if time.monotonic() > until:
            return
        yield _tried(page, servers, headers)


def _tried(page: Mapping[str, Any], servers: Mapping[str, Deployed], headers: Sequence[tuple[str, str]]) -> Tried:
    status, ms, answers, kind, to = dict[str, int](), dict[str, float](), dict[str, Any](), "", ""
    read = {name: deployed.child.log.stat().st_size for name, deployed in servers.items()}
    cpu_ms = dict[str, float]()
    for name, deployed in servers.items():
        asked = _asked(deployed, page["path"], headers)
        first, before_ns = list(islice(asked, 1)), deployed.cpu_ns()
        further, after_ns = list(asked), deployed.cpu_ns()
        told = [*first, *further]
        if further and before_ns is not None and after_ns is not None:
            cpu_ms[name] = (after_ns - before_ns) / 1e6 / len(further)
        good = [one for one in told if one is not None]
        status[name] = good[-1].status if good else 0
        ms[name] = min((one.ms for one in good[1:] or good), default=0.0)
        answers[name] = [(one.status, one.body) for one in good[1:] or good] if good else "no answer within 5 s"
        if good:
            kind, to = good[-1].kind, good[-1].to
    view = next(iter(servers.values())).view(page["path"]) if "view" not in page else page
    size = max((len(body) for told in answers.values() if not isinstance(told, str) for _, body in told), default=0)
    failed = next((name for name, code in status.items() if code >= 500), None)
    cause = "" if failed is None else _cause(servers[failed], read[failed])
    return Tried(
        page["path"],
        view["view"],
        view["async"],
        status,
        ms,
        size,
        kind,
        to,
        _unequal(status, answers),
        cause,
        max(cpu_ms.values(), default=None),
    )


def _cause(deployed: Deployed, read: int) -> str:
    """The last exception that the arm's log names, from this byte on."""
    with deployed.child.log.open("rb") as file:
        file.seek(read)
        lines = file.read().decode("utf-8", "replace").splitlines()
    return next((line[:200] for line in reversed(lines) if RAISED.match(line)), "")


def _unequal(status: Mapping[str, int], answers: Mapping[str, Any]) -> str:
    """What differs between the servers; a page that needs `contains` says so."""
    if len(set(status.values())) > 1:
        return "another status"
    asked = Request(path="/", status=sorted(set(status.values())) if min(status.values()) >= 200 else [200])
    faults = same_page.settle(asked, answers).faults
    return next(iter(faults.values()), "").removeprefix("verification: ")


@dataclass(frozen=True)
class Answer:
    """One answer."""

    status: int
    body: bytes
    ms: float
    kind: str
    to: str


def _asked(deployed: Deployed, path: str, headers: Sequence[tuple[str, str]]) -> Iterator[Answer | None]:
    for _ in range(1 + ANSWERS):
        begun = time.perf_counter()
        try:
            status, told, body = deployed.response(path, headers=headers, timeout_s=PAGE_S)
        except (OSError, http.client.HTTPException):
            yield None
            return
        took_ms = 1000 * (time.perf_counter() - begun)
        yield Answer(status, body, took_ms, told.get("content-type", "").partition(";")[0], told.get("location", ""))
        if status != 200:
            return
