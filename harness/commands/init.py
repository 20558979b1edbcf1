"""`djbench init`: a scenario for the Django project in this folder, with every page tried and every guess explained."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.commands.options import verb
from harness.errors import UserError
from harness.formatting import listing
from harness.onboarding import draft, trial
from harness.onboarding.first_start import started, target_of
from harness.onboarding.trial import Tried
from harness.project import discovery, ready
from harness.project.discovery import Found, Guess
from harness.project.target import Target
from harness.scenario.project import Project
from harness.system import processes

SHOWN = 40
"""Pages in the table."""


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
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="a variable that its settings need")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="write nothing")] = False,
) -> None:
    """Write a scenario for the Django project in this folder: it is started on WSGI and on ASGI, and each of its pages asked."""
    found = discovery.discover(folder)
    if settings is not None:
        found = replace(found, settings=Guess(settings, "--settings"))
    at = Guess(python, "--python") if python else found.python
    if at is None:
        raise UserError(
            f"{found.folder}: no environment found (.venv, venv, env), and none is active: give its Python as --python"
        )
    place = into or _beside(found.folder)
    if not dry_run and (place / draft.SCENARIO).exists():
        raise UserError(f"{place / draft.SCENARIO}: is there already: remove it, or write elsewhere with --into")
    variables = _variables(env or [])
    _tell(found, at)
    given = Given(user, variables, database, prepare or [])
    text, overlay, tried, login_url = _tried(found, at, given, place)
    print()
    shown = sorted(tried, key=lambda one: not one.good)[:SHOWN]
    for line in listing.lines([_row(one) for one in [None, *shown]], None):
        print(line.rstrip())
    for line in trial.advice(tried, login_url, user):
        print(f"! {line}")
    if dry_run:
        print(f"\n{place / draft.OVERLAY}:\n{overlay}\n{place / draft.SCENARIO}:\n{text}")
        return
    place.mkdir(parents=True, exist_ok=True)
    (place / draft.OVERLAY).write_text(overlay, encoding="utf-8")
    (place / draft.SCENARIO).write_text(text, encoding="utf-8")
    print(f"\nwritten: {place / draft.SCENARIO}, {place / draft.OVERLAY}")
    print(f"next: cd {os.path.relpath(place)} && djbench run {draft.SCENARIO}")


@dataclass(frozen=True)
class Given:
    """What the command line says beside where the project is."""

    user: str | None
    variables: dict[str, str]
    database: str | None
    prepare: Sequence[str]


def _tried(found: Found, python: Guess, given: Given, place: Path) -> tuple[str, str, list[Tried], str]:
    """The scenario, the overlay, what the pages answered, and where the login is."""
    plain = Project(
        dir=str(found.folder),
        python=python.value,
        settings=found.settings.value,
        wsgi=found.wsgi.value if found.wsgi else None,
        asgi=found.asgi.value if found.asgi else None,
        env=given.variables,
    )
    print("reading the project …", flush=True)
    facts = ready.described(plain).facts
    lines = draft.overlay_lines(facts)
    for line in lines:
        print(f"  overlay: {line.text.partition('  #')[0]}  ({line.why})")
    database, prepare = _database(found, facts, given)
    overlay = draft.overlay(found.settings.value, lines)
    with processes.scratch("djbench-overlay-") as scratch:
        file = scratch / draft.OVERLAY
        file.write_text(overlay, encoding="utf-8")
        asked = plain.model_copy(
            update={
                "overlay": str(file),
                "database": database.value if database else None,
                "prepare": [one.value for one in prepare],
            }
        )
        tried = _pages(target_of(asked), given.user)
    drafted = draft.Draft(found, python, database, prepare, draft.offered(tried), given.user, given.variables)
    return drafted.text(place), overlay, tried, str(facts.get("simple", {}).get("LOGIN_URL", ""))


def _pages(target: Target, user: str | None) -> list[Tried]:
    asked = trial.candidates(target.facts.get("pages", []))
    print(f"starting it on gunicorn (WSGI) and uvicorn (ASGI), asking {len(asked)} pages …", flush=True)
    found = []
    with started(target, user) as (servers, headers):
        for one in trial.each(asked, servers, headers):
            found.append(one)
            print(f"  {len(found)}/{len(asked)} {one.path}", flush=True)
    if len(found) < len(asked):
        print(f"! {len(asked) - len(found)} pages were not asked: {trial.ALL_S:g} s were over")
    return found


def _database(found: Found, facts: Mapping[str, Any], given: Given) -> tuple[Guess | None, list[Guess]]:
    """What the run's database is a copy of, or which commands fill an empty one."""
    one = facts["databases"].get("default")
    further = [Guess(line, "--prepare") for line in given.prepare]
    if not one:
        return None, further
    if given.database is not None:
        return Guess(_whole(given.database), "--database"), further
    file = Path(found.folder, one["name"])
    if "sqlite" in one["engine"] and file.is_file() and file.stat().st_size:
        return Guess(str(file), "copied for each run, never written"), further
    why = f"an empty database for each run, instead of {one['name'] or 'none'} ({one['engine'].rpartition('.')[2]})"
    return None, [Guess("python manage.py migrate --noinput", why), *further]


def _whole(database: str) -> str:
    """A file from wherever; a URL as it is."""
    return database if "://" in database else str(Path(database).absolute())


def _variables(given: Sequence[str]) -> dict[str, str]:
    for one in given:
        if "=" not in one or not one.partition("=")[0].isidentifier():
            raise UserError(f"--env: expected NAME=VALUE, got {one!r}")
    return {name: value for name, _, value in (one.partition("=") for one in given)}


def _beside(folder: Path) -> Path:
    """Outside of the project's repository: beside it."""
    top = next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)
    return top.parent / f"{top.name}-bench"


def _tell(found: Found, python: Guess) -> None:
    rows = [
        ("project", str(found.folder), ""),
        ("settings", found.settings.value, found.settings.why),
        ("WSGI", found.wsgi.value if found.wsgi else "made by djbench", found.wsgi.why if found.wsgi else "none found"),
        ("ASGI", found.asgi.value if found.asgi else "made by djbench", found.asgi.why if found.asgi else "none found"),
        ("Python", python.value, python.why),
    ]
    print("\n".join(listing.lines([(f"  {name}", value, why) for name, value, why in rows], None)))
    for other in found.others:
        print(f"  also there: settings {other.value} ({other.why}): --settings {other.value}")
    for file in found.env_files:
        print(f"  also there: {file.name}, which is not read: --env, or env_file in the scenario")


def _row(one: Tried | None) -> tuple[str, ...]:
    if one is None:
        return ("page", "status", "WSGI", "ASGI", "view", "")
    status = " / ".join(dict.fromkeys(str(code or "none") for code in one.status.values()))
    times = [f"{one.ms[name]:.1f} ms" if one.status[name] else "–" for name in ("WSGI", "ASGI")]
    told = one.cause or one.equal.partition("\n")[0] or (f"to {one.to}" if one.to else "equal")
    return (one.path, status, *times, "async" if one.is_async else "sync", told[:90])
