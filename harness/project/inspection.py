"""What a project's own Python says of it (injected/djbench_injected/describe.py), or why it cannot."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any, Final

from harness.errors import UserError
from harness.project.target import NOWHERE, Target, kind_of
from harness.scenario.project import DATABASE_AT

DESCRIBED_S: Final = 120.0

DRIVERS: Final = ("psycopg", "psycopg2", "psycopg2-binary")

NO_SERVER: Final = "postgres://djbench@127.0.0.1/djbench"
NO_FILE: Final = "sqlite:////nowhere/djbench.sqlite3"
"""What its variables name while it describes itself: nothing connects to it, or makes it."""

PYTHON, DJANGO = (3, 10), (4, 2)
"""The oldest that are measured."""


def described(target: Target) -> dict[str, Any]:
    """All that it tells of itself, none of its databases touched. UserError with what stopped it, and what to do.

    One that takes its database from a variable, and has a driver for PostgreSQL, is told of such a one: apps may depend on it.
    """
    by_variable = any(DATABASE_AT in text for text in target.asked.env.values())
    if not by_variable:
        return _told(target, {})
    if target.asked.database is not None and "://" not in target.asked.database:
        return _told(target, {"database": NO_FILE})
    try:
        told = _told(target, {"database": NO_FILE})
    except UserError:
        return _told(target, {"database": NO_SERVER})
    return _told(target, {"database": NO_SERVER}) if any(name in told.get("versions", {}) for name in DRIVERS) else told


def _told(target: Target, places: Mapping[str, str]) -> dict[str, Any]:
    command = [target.python, "-m", "djbench_injected.describe"]
    try:
        ended = target.run(command, {**NOWHERE, **places}, DESCRIBED_S, {"DJBENCH_ASIDE": "1"})
    except FileNotFoundError:
        raise UserError(
            f"project.python: there is no {target.python}: name the Python of the project's environment"
        ) from None
    except OSError as error:
        raise UserError(f"project.python: {target.python} cannot be run in {target.folder}: {error}") from None
    except subprocess.TimeoutExpired:
        raise UserError(
            f"project: not loaded after {DESCRIBED_S:g} s in {target.folder}: does it wait for a service while it is imported?"
        ) from None
    if ended.returncode == 0 and ended.stdout.strip():
        told: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
        return told
    raise UserError(_why(target, ended))


def _why(target: Target, ended: "subprocess.CompletedProcess[str]") -> str:
    """What stopped it: the last lines of its traceback, where in the project that was, and what mostly helps."""
    lines = [line for line in ended.stderr.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else f"exit code {ended.returncode} without a word"
    if not any(line.startswith("Traceback") for line in lines):
        last = f"it ended itself with exit code {ended.returncode}" + (f", saying: {last}" if lines else "")
    place = next(
        (line.strip() for line in reversed(lines) if line.strip().startswith('File "') and _own(target, line)), ""
    )
    where = f"\n  at {place}" if place else ""
    what = f"project: {target.asked.settings} could not be loaded by {target.python} in {target.folder}"
    return f"{what}:\n  {last}{where}\n{_advice(last, target)}"


def _own(target: Target, line: str) -> bool:
    return str(target.folder) in line and "site-packages" not in line


def _advice(last: str, target: Target) -> str:
    """What to do, by the last line."""
    if "No module named 'django'" in last or "No module named 'asgiref'" in last:
        return f"{target.python} has no Django: name the Python of the project's own environment (.venv/bin/python)"
    if "cannot import name" in last:
        return (
            f"a package in that environment is of another version than expected: is {target.python} the project's own?"
        )
    if "No module named" in last or "ImportError" in last:
        where = "project.python the one of this project, project.dir the folder of its manage.py, project.path complete"
        return f"a module is missing in that environment; or is {where}?"
    if "SyntaxError" in last or "TypeError: unsupported operand" in last:
        return f"is {target.python} at least Python {PYTHON[0]}.{PYTHON[1]}?"
    if any(word in last for word in ("KeyError", "ImproperlyConfigured", "UndefinedValue", "not set", "environment")):
        return (
            "a variable may be missing: put it into [project.env] (init, doctor: --env NAME=VALUE),"
            " or name the file that has it as project.env_file"
        )
    if "exit code" in last:
        return (
            "its settings end the process: put what they look for into [project.env], or overrule it in project.overlay"
        )
    return "the settings have to load before anything can be measured: try the same with `manage.py check` there"


def refuse_too_old(told: dict[str, Any]) -> None:
    """UserError for a Python or a Django that is too old to be measured."""
    for name, oldest in (("python", PYTHON), ("django", DJANGO)):
        got = tuple(int(part) for part in str(told[name]).split(".")[:2] if part.isdigit())
        if got < oldest:
            expected = ".".join(map(str, oldest))
            raise UserError(
                f"project: expected {name.capitalize()} {expected} or newer, got {told[name]} ({told['executable']})"
            )


def refuse_databases(target: Target) -> None:
    """UserError for a database of which a run cannot have one of its own: the project's would be written."""
    if why := target.facts.get("unknown", {}).get("databases"):
        raise UserError(f"project: its databases could not be read, so that a run cannot have its own: {why}")
    if target.further and not target.has_database:
        names = ", ".join(target.further)
        raise UserError(
            f"project: it has databases ({names}), and no default one, whose copy a run's own would be: name one in"
            " project.overlay, such as `DATABASES['default'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'default'}`"
        )
    engine = target.engine
    if engine not in ("auto", "postgres", "sqlite"):
        raise UserError(
            f"project: its default database is {engine}: only PostgreSQL and SQLite can be made for a run;"
            " where its pages do not depend on it, name one of these in project.overlay as DATABASES['default']"
        )
    for alias in target.further:
        other = kind_of(str(target.facts["databases"][alias]["engine"]))
        if other != engine:
            raise UserError(
                f"project: its database {alias!r} is {other}, and the default one {engine}: those of a run are of one kind;"
                f" say in project.overlay what it is to be, such as `DATABASES[{alias!r}] = DATABASES['default']`"
            )
