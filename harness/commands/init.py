"""`djbench init`: a scenario for the Django project in this folder, with every page tried and every guess explained."""

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.commands.options import Folders, Variables, VariablesFile, absolute, variables, verb
from harness.errors import UserError
from harness.formatting import listing
from harness.onboarding import draft, trial
from harness.onboarding.first_start import started
from harness.onboarding.trial import Tried
from harness.project import discovery, ready
from harness.project.discovery import Found, Guess
from harness.project.target import Target, kind_of
from harness.scenario.arm import Arm
from harness.scenario.project import HOST, Login
from harness.scenario.request import Request
from harness.system import processes

SHOWN = 40
"""Pages in the table."""

TRIED = (Arm(name="WSGI", server="gunicorn-gthread", threads=4), Arm(name="ASGI", server="uvicorn"))
"""On what each page is asked."""


@verb(epilog="example: djbench init --user alice")
def init(
    folder: Annotated[Path, typer.Option("--dir", help="the project, if it is not in this folder")] = Path(),
    into: Annotated[
        Path | None, typer.Option(help="where to write; by default beside the project's repository")
    ] = None,
    python: Annotated[str | None, typer.Option(help="the Python of the project's environment")] = None,
    settings: Annotated[str | None, typer.Option(help="its settings module, if manage.py names another")] = None,
    user: Annotated[
        str | None, typer.Option(help="pages are asked as this user, who has to be in its database")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="what each run's database is a copy of: a file of SQLite, or postgres://user@host/name"),
    ] = None,
    prepare: Annotated[
        list[str] | None,
        typer.Option(metavar="COMMAND", help="a command that fills it, such as 'python manage.py loaddata demo'"),
    ] = None,
    env: Variables = None,
    env_file: VariablesFile = None,
    path: Folders = None,
    host: Annotated[
        str | None, typer.Option(help="under which pages are asked, where the project serves several sites")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="write nothing")] = False,
) -> None:
    """Write a scenario for the Django project in this folder: it is started on WSGI and on ASGI, and each of its pages asked."""
    found = discovery.discover(folder, python, settings)
    place = into or _beside(found.folder)
    if not dry_run and (place / draft.SCENARIO).exists():
        raise UserError(f"{place / draft.SCENARIO}: is there already: remove it, or write elsewhere with --into")
    if not dry_run:
        _refuse_unwritable(place)
    given = Given(user, variables(env), absolute(env_file), path or [], database, prepare or [], checked(host))
    _print_found(found)
    files = _tried(found, given, place)
    if dry_run:
        print("".join(f"\n{place / name}:\n{text}" for name, text in files.items()))
        return
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / name).write_text(text, encoding="utf-8")
    print(f"\nwritten: {', '.join(str(place / name) for name in files)}")
    print(f"next: cd {os.path.relpath(place)} && djbench run {draft.SCENARIO}")


def _refuse_unwritable(place: Path) -> None:
    """UserError if nothing can be written there: before every page is tried, not afterwards."""
    there = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(f"{there}: nothing can be written there: write elsewhere with --into")


@dataclass(frozen=True)
class Given:
    """What the command line says beside where the project is."""

    user: str | None
    variables: dict[str, str]
    env_file: str | None
    path: Sequence[str]
    database: str | None
    prepare: Sequence[str]
    host: str | None


def checked(host: str | None) -> str | None:
    """A host as requests name it. UserError for a URL."""
    if host is not None and not re.fullmatch(HOST, host):
        raise UserError(f"--host: expected a name such as shop.example, or shop.example:8000, got {host!r}")
    return host


def _tried(found: Found, given: Given, place: Path) -> dict[str, str]:
    """The files to write, by name; what the pages answered is printed."""
    print("reading the project …", flush=True)
    plain = found.project(given.variables, given.path, given.env_file)
    if given.host is not None:
        plain = plain.model_copy(update={"host": given.host})
    facts = ready.described(plain).facts
    lines = draft.overlay_lines(facts, plain.host)
    for line in lines:
        print(f"  overlay: {line.text.partition('  #')[0]}  ({line.why})")
    database, prepare = _database(found, facts, given)
    if any(line.text.startswith("STATIC_ROOT") for line in lines):
        prepare = [
            *prepare,
            Guess("python manage.py collectstatic --noinput", "into the folder that the overlay names"),
        ]
    overlay = draft.overlay(found.settings.value, lines)
    with processes.scratch("djbench-overlay-") as scratch:
        file = scratch / draft.OVERLAY
        file.write_text(overlay, encoding="utf-8")
        filled = {"database": database.value if database else None, "prepare": [one.value for one in prepare]}
        tried, writes = _pages(ready.of(plain.model_copy(update={"overlay": str(file), **filled}), TRIED), given.user)
    _print_pages(tried, str(facts.get("simple", {}).get("LOGIN_URL", "")), given.user)
    drafted = draft.Draft(
        found,
        database,
        prepare,
        draft.offered(tried),
        given.user,
        given.variables,
        writes,
        [one for one in tried if one.good],
        given.host or "",
        given.env_file,
        given.path,
    )
    return {draft.OVERLAY: overlay, draft.SCENARIO: drafted.text(place)}


def _pages(target: Target, user: str | None) -> tuple[list[Tried], bool]:
    """The pages, and whether a database that is a file changed while they were asked."""
    asked = trial.candidates(target.facts.get("pages", []))
    most = f", the first {trial.MOST_PAGES} without parameters" if len(asked) == trial.MOST_PAGES else ""
    print(f"starting it on gunicorn (WSGI) and uvicorn (ASGI), asking {len(asked)} pages{most} …", flush=True)
    found = []
    login = [Login(name="user", user=user)] if user else []
    with started(target, TRIED, login) as up:
        before = _content(up.backends.places["database"])
        for one in trial.each(asked, up.deployed, up.carried.by(Request(path="/", login="user"))):
            found.append(one)
            print(f"  {len(found)}/{len(asked)} {one.path}", flush=True)
        writes = _content(up.backends.places["database"]) != before
    if len(found) < len(asked):
        print(f"! {len(asked) - len(found)} pages were not asked: {trial.ALL_S:g} s were over")
    return found, writes


def _content(url: str) -> bytes | None:
    """Of a database that is a file; None of any other."""
    file = Path(url.removeprefix("sqlite:///"))
    return file.read_bytes() if url.startswith("sqlite:///") and file.is_file() else None


def _database(found: Found, facts: Mapping[str, Any], given: Given) -> tuple[Guess | None, list[Guess]]:
    """What the run's database is a copy of, or which commands fill an empty one."""
    several = facts.get("databases", {})
    asked = [Guess(line, "--prepare") for line in given.prepare]
    if not (one := several.get("default")):
        return None, asked
    further = [
        Guess(f"python manage.py migrate --noinput --database {shlex.quote(alias)}", _instead(other))
        for alias, other in several.items()
        if alias != "default" and not other["replica"] and not _is_there(found, other)
    ]
    if given.database is not None:
        return Guess(_whole(given.database), "--database"), [*further, *asked]
    if _is_there(found, one):
        file = Path(found.folder, one["name"])
        return Guess(str(file), "copied for each run, never written"), [*further, *asked]
    return None, [Guess("python manage.py migrate --noinput", _instead(one)), *further, *asked]


def _is_there(found: Found, database: Mapping[str, Any]) -> bool:
    """Whether it is a file with something in it, which is copied."""
    file = Path(found.folder, database["name"])
    return kind_of(database["engine"]) == "sqlite" and file.is_file() and file.stat().st_size > 0


def _instead(database: Mapping[str, Any]) -> str:
    engine = database["engine"].rpartition(".")[2]
    return f"an empty database for each run, instead of {database['name'] or 'none'} ({engine})"


def _whole(database: str) -> str:
    """A file from wherever; a URL as it is."""
    return database if "://" in database else str(Path(database).absolute())


def _beside(folder: Path) -> Path:
    """Outside of the project's repository: beside it."""
    top = next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)
    return top.parent / f"{top.name}-bench"


def _print_found(found: Found) -> None:
    rows = [
        ("project", str(found.folder), ""),
        ("settings", found.settings.value, found.settings.why),
        ("WSGI", found.wsgi.value if found.wsgi else "made by djbench", found.wsgi.why if found.wsgi else "none found"),
        ("ASGI", found.asgi.value if found.asgi else "made by djbench", found.asgi.why if found.asgi else "none found"),
        ("Python", found.python.value, found.python.why),
    ]
    print("\n".join(listing.lines([(f"  {name}", value, why) for name, value, why in rows], None)))
    for other in found.others:
        print(f"  also there: settings {other.value} ({other.why}): --settings {other.value}")
    for file in found.env_files:
        print(f"  also there: {file.name}, which is not read: --env-file {os.path.relpath(file)}")


def _print_pages(tried: Sequence[Tried], login_url: str, user: str | None) -> None:
    """Those that can be measured first, and what the others lack."""
    shown = sorted(tried, key=lambda one: not one.good)[:SHOWN]
    rows = [("page", "status", "WSGI", "ASGI", "view", ""), *map(_row, shown)]
    print("\n" + "\n".join(line.rstrip() for line in listing.lines(rows, None)))
    if len(tried) > SHOWN:
        print(f"… and {len(tried) - SHOWN} more pages")
    for line in trial.advice(tried, login_url, user):
        print(f"! {line}")


def _row(one: Tried) -> tuple[str, ...]:
    status = " / ".join(dict.fromkeys(str(code or "none") for code in one.status.values()))
    times = [f"{one.ms[name]:.1f} ms" if one.status[name] else "–" for name in ("WSGI", "ASGI")]
    told = one.cause or one.equal.partition("\n")[0] or (f"to {one.to}" if one.to else "equal")
    return (one.path, status, *times, "async" if one.is_async else "sync", told[:90])
