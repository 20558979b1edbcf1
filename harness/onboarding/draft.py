"""The files of `djbench init`: a scenario in which every guess says where it came from, and an overlay of settings. Pure."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from harness.onboarding.trial import Tried
from harness.project.discovery import Found, Guess
from harness.readiness.findings import is_allowed

SCENARIO, OVERLAY = "djbench.toml", "djbench_overlay.py"

FEW, MANY, FEWEST = 16, 64, 2
"""Users of a page that uses the CPU (more only queue up for it), of one that waits, and of one that is slow."""

QUEUE_MS: Final = 200.0
"""What an answer may take with the users of a page that uses the CPU: a slice lasts seven of it."""

SHOWN: Final = 20
"""Paths in a comment."""

WAITS: Final = 0.5
"""Of what a page takes: one that uses less CPU waits for something."""


def users(page: Tried) -> int:
    """How many load it without being in a queue most of the time."""
    slowest_ms = max(page.ms.values())
    if slowest_ms > FEW and page.cpu_ms is not None and page.cpu_ms < WAITS * slowest_ms:
        return MANY
    return max(FEWEST, min(FEW, int(QUEUE_MS / slowest_ms))) if slowest_ms else FEW


MOST_PAGES: Final = 3

TOOLBARS: Final = ("debug_toolbar", "silk")
"""Apps whose middleware changes pages, or writes down each request; without it they do neither."""


@dataclass(frozen=True)
class Line:
    """A setting that the overlay overrules, and why."""

    text: str
    why: str


def overlay_lines(facts: Mapping[str, Any], asked_at: str) -> list[Line]:
    """What has to be different to be measured, by what the project says of itself. `asked_at`: the host that requests name."""
    simple, found = facts.get("simple", {}), []
    if simple.get("DEBUG"):
        found.append(Line("DEBUG = False", "it was True"))
    hosts = simple.get("ALLOWED_HOSTS", [])
    if not is_allowed(asked_at, hosts):
        name = asked_at.partition(":")[0]
        found.append(Line(f"ALLOWED_HOSTS = {[*hosts, name]!r}", f"pages are asked at {name}"))
    if simple.get("SECURE_SSL_REDIRECT"):
        found.append(Line("SECURE_SSL_REDIRECT = False", "a redirect is no page"))
    if not facts.get("static", {}).get("collected", True):
        text = 'STATIC_ROOT = __file__.rpartition("/")[0] + "/static"'
        found.append(Line(text, "pages name files of a manifest that was not there; collected beside this file"))
    middleware = [one["path"] for one in facts.get("middleware", [])]
    for app in TOOLBARS:
        if any(path.startswith(f"{app}.") for path in middleware):
            text = f"MIDDLEWARE = [one for one in MIDDLEWARE if not one.startswith('{app}.')]  # noqa: F405"
            found.append(Line(text, f"{app} changes pages, or writes down each request"))
    return found


def overlay(settings: str, lines: Sequence[Line]) -> str:
    """The overlay module."""
    told = [f"{line.text}  # {line.why}" if "  #" not in line.text else f"{line.text} {line.why}" for line in lines]
    head = [
        '"""What is different from the project\'s own settings while it is measured; everything else is theirs."""',
        "",
        f"from {settings} import *  # noqa: F403",
        "",
    ]
    return "\n".join([*head, *(told or ["# nothing had to be"])]) + "\n"


def offered(tried: Sequence[Tried]) -> list[Tried]:
    """The pages that the scenario asks: the front page, the slowest, one that is JSON, one with an async view; each once."""
    good = [one for one in tried if one.good]
    if not good:
        return []
    wanted = {
        "the front page": next((one for one in good if one.path == "/"), None),
        "the slowest that can be measured as it is": max(good, key=lambda one: max(one.ms.values())),
        "the first that is JSON": next((one for one in good if one.kind == "application/json"), None),
        "the first with an async view": next((one for one in good if one.is_async), None),
    }
    found: dict[str, Tried] = {}
    for why, one in wanted.items():
        if one is not None:
            found.setdefault(name_of(one.path), replace(one, why=why))
    return list(found.values())[:MOST_PAGES]


@dataclass(frozen=True)
class Draft:
    """What is known of a project, and written into its scenario."""

    found: Found
    database: Guess | None
    prepare: Sequence[Guess]
    pages: Sequence[Tried]
    user: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    writes: bool = False  # the database changed while pages were asked
    others: Sequence[Tried] = ()  # all that can be measured
    host: str = ""  # that pages are asked at, if it was given
    env_file: str | None = None
    path: Sequence[str] = ()  # further folders of modules

    def text(self, place: Path | None = None) -> str:
        """The scenario. `place`: the folder that it is for, from which it names what is near; without, whole paths."""
        return "\n".join((self if place is None else self._for(place))._lines())

    def _for(self, place: Path) -> "Draft":
        return replace(
            self,
            found=replace(
                self.found,
                folder=Path(near(self.found.folder, place)),
                python=replace(self.found.python, value=near(Path(self.found.python.value), place)),
            ),
            database=self.database and _nearer(self.database, place),
            env_file=self.env_file and near(Path(self.env_file), place),
        )

    def _lines(self) -> Iterator[str]:
        more = any(users(page) > FEW for page in self.pages)  # only then more threads than FEW have something to do
        threads = ", by more threads" if more else ""
        yield f'question = "Are these pages served better by an ASGI server{threads}, or as they are?"'
        yield 'time = "5m"'
        yield "blocks = 4"
        yield "comparisons = ["
        yield '    { arm = "uvicorn", over = "gunicorn · gthread×16" },'
        if more:
            yield '    { arm = "gunicorn · gthread×64", over = "gunicorn · gthread×16" },'
        yield "]"
        yield ""
        yield from _project(self.found, self.database, self.prepare)
        if self.host:
            yield _key("host", self.host, "--host")
        if self.path:
            yield f"path = {json.dumps(list(self.path))}  # --path"
        if self.env_file is not None:
            yield _key("env_file", self.env_file, "--env-file")
        if self.env:
            yield ""
            yield "[project.env]"
            yield from (f"{name} = {json.dumps(value)}" for name, value in self.env.items())
        if self.user is not None:
            yield from ("", "[[login]]", 'name = "user"', f"user = {json.dumps(self.user)}")
        yield from _arms(more)
        for number, page in enumerate(self.pages):
            yield from _endpoint(number, page, self.user, self.writes)
        others = [one.path for one in self.others if one.path not in {page.path for page in self.pages}]
        if others:
            yield ""
            yield f"# Others that can be measured as they are: {', '.join(others[:SHOWN])}"
        if not self.pages:
            yield ""
            yield "# No page answered 200, and the same on both servers: name one that does"
            yield "[[endpoints]]"
            yield 'name = "front page"'
            yield 'path = "/"'
            yield f"users = [{FEW}]"
        yield ""


def near(path: Path, place: Path) -> str:
    """From this folder where it is in the same one above, so that both can be moved together; else as it is."""
    at = place.resolve()
    return os.path.relpath(path, at) if path.is_relative_to(at.parent) else str(path)


def _nearer(database: Guess, place: Path) -> Guess:
    if "://" in database.value:
        return database
    return replace(database, value=near(Path(database.value), place))


def _project(found: Found, database: Guess | None, prepare: Sequence[Guess]) -> Iterator[str]:
    yield "[project]"
    yield _key("dir", str(found.folder), "the folder of manage.py")
    yield _key("python", found.python.value, found.python.why)
    yield _key("settings", found.settings.value, found.settings.why)
    for other in found.others:
        yield f"# settings = {json.dumps(other.value)}  # also there: {other.why}"
    yield _key("overlay", OVERLAY, "what had to be different, each with its reason")
    for interface, guess in (("wsgi", found.wsgi), ("asgi", found.asgi)):
        if guess is not None:
            yield _key(interface, guess.value, guess.why)
        else:
            yield f"# {interface}: none was found; djbench makes one of Django's own"
    if database is not None:
        yield _key("database", database.value, database.why)
    if prepare:
        commands = ", ".join(json.dumps(one.value) for one in prepare)
        yield f"prepare = [{commands}]  # {'; '.join(dict.fromkeys(one.why for one in prepare))}"
    for file in found.env_files:
        yield f"# env_file = {json.dumps(str(file))}  # there, and not read unless you say so"


def _arms(more: bool) -> Iterator[str]:
    for name, server, threads in (
        ("gunicorn · gthread×16", "gunicorn-gthread", FEW),
        *([("gunicorn · gthread×64", "gunicorn-gthread", MANY)] if more else []),
        ("uvicorn", "uvicorn", 0),
    ):
        yield ""
        yield "[[arms]]"
        yield f"name = {json.dumps(name, ensure_ascii=False)}"
        yield f"server = {json.dumps(server)}"
        if threads:
            yield f"threads = {threads}"
    yield ""
    yield "[[arms]]"
    yield 'name = "uvicorn (control)"'
    yield 'server = "uvicorn"'
    yield 'control_of = "uvicorn"'


def _endpoint(number: int, page: Tried, user: str | None, writes: bool) -> Iterator[str]:
    slowest = max(page.ms.values())
    yield ""
    kind = "an async" if page.is_async else "a sync"
    chosen = f", {page.why}" if page.why else ""
    yield f"# {page.view}, {kind} view{chosen}; {slowest:.0f} ms for one request at a time"
    yield "[[endpoints]]"
    yield f"name = {json.dumps(name_of(page.path), ensure_ascii=False)}"
    yield f"path = {json.dumps(page.path)}"
    if user is not None:
        yield 'login = "user"'
    if writes:
        yield "writes = true  # the database changed while pages were asked: each arm gets one of its own"
    yield f"users = [{users(page)}]"
    if number:
        more = '"gunicorn · gthread×64", ' if users(page) > FEW else ""
        yield f'arms = ["gunicorn · gthread×16", {more}"uvicorn"]'


def name_of(path: str) -> str:
    """A name for a page: a scenario's names have no slash."""
    words = path.partition("?")[0].strip("/").replace("/", " · ")
    return f"page {words}"[:60] if words else "front page"


def _key(name: str, value: str, why: str) -> str:
    return f"{name} = {json.dumps(value)}  # {why}"
