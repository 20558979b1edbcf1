"""A scenario file in, a checked Scenario out; or one message per problem."""

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from harness.errors import UserError
from harness.location import SCENARIOS
from harness.scenario import error_messages, path_list, validation
from harness.scenario.arm import Arm
from harness.scenario.blocks import Rule
from harness.scenario.claims import Claim
from harness.scenario.database import Database
from harness.scenario.endpoint import Endpoint
from harness.scenario.model import Comparison, Load, Scenario
from harness.scenario.project import Login, Project

KEYS: Final = {
    "": list(Scenario.model_fields),
    "blocks": list(Rule.model_fields),
    "arms": list(Arm.model_fields),
    "endpoints": [field.alias or name for name, field in Endpoint.model_fields.items() if not field.exclude],
    "load": list(Load.model_fields),
    "project": list(Project.model_fields),
    "login": list(Login.model_fields),
    "database": list(Database.model_fields),
    "comparisons": list(Comparison.model_fields),
    "claims": list(Claim.model_fields),
}

Listed = dict[str, dict[str, int]]
"""The files of paths that a scenario names → path → how often it is in there."""


def shipped() -> dict[str, Path]:
    """The scenarios that come with the harness, by name: `default`, `effects/memory`."""
    return {str(path.relative_to(SCENARIOS).with_suffix("")): path for path in sorted(SCENARIOS.rglob("*.toml"))}


def load(path: Path, folder: Path | None = None, listed: Listed | None = None) -> Scenario:
    """The scenario in this file, or the shipped one of this name. `folder`: where places in it begin, if not at its own;
    `listed`: what its files of paths held when it was run, if not what they hold now.

    Raises UserError with one line per problem: file, key path, expected, got.
    """
    folder = folder or path.resolve().parent
    asked = located(parse(read_text(path), str(path)), folder)
    return with_paths(
        asked, {name: path_list.read(folder / name) for name in asked.lists} if listed is None else listed
    )


def with_paths(asked: Scenario, listed: Listed) -> Scenario:
    """The same, with each endpoint knowing the paths that stand in its file."""
    changed = [
        one.model_copy(update={"listed": listed.get(one.paths_from, {})}) if one.paths_from else one
        for one in asked.endpoints
    ]
    return with_pages(asked.model_copy(update={"endpoints": changed}))


def with_pages(asked: Scenario) -> Scenario:
    """The same, with each mix of a user's own project knowing its pages."""
    if asked.project is None:
        return asked
    known = {endpoint.name: endpoint for endpoint in asked.endpoints if endpoint.is_own}
    mixed = [
        endpoint.model_copy(update={"pages": {name: known[name] for name in endpoint.mix if name in known}})
        for endpoint in asked.endpoints
    ]
    return asked.model_copy(update={"endpoints": mixed})


def located(asked: Scenario, folder: Path) -> Scenario:
    """The same, with the places that it names as they are from anywhere: in the file they are given from this folder."""
    arms = [arm.model_copy(update=_absolute(folder, overlay=arm.overlay)) for arm in asked.arms]
    changed: dict[str, Any] = {"arms": arms}
    if asked.project is not None:
        given = asked.project
        places = {"dir": given.dir, "overlay": given.overlay, "env_file": given.env_file}
        if given.python is not None and "/" in given.python:
            places["python"] = given.python
        if given.database is not None and "://" not in given.database:
            places["database"] = given.database
        changed["project"] = given.model_copy(update=_absolute(folder, **places))
    if asked.project is not None or any(arm.overlay for arm in arms):
        changed["folder"] = str(folder)
    return asked.model_copy(update=changed)


def _absolute(folder: Path, **places: str | None) -> dict[str, str]:
    """Links stay: the Python of an environment is one, and leads out of it."""
    return {key: os.path.abspath(folder / place) for key, place in places.items() if place is not None}  # noqa: PTH100


def read_text(path: Path) -> str:
    """The text of this file, or of the shipped scenario of this name; UserError if there is neither."""
    try:
        return _file(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        near = get_close_matches(path.stem, [p.stem for p in path.parent.glob("*.toml")], n=1)
        hint = f"; did you mean {path.parent / near[0]}.toml?" if near else _meant(path.stem)
        raise UserError(f"{path}: no such scenario file{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def _file(path: Path) -> Path:
    """What has the suffix of a scenario file, or is one, is a path; anything else is a name."""
    if path.suffix == ".toml" or path.is_file():
        return path
    known = shipped()
    if str(path) not in known:
        expected = f"expected a file, or one of {', '.join(known)}"
        raise UserError(f"{path}: no such scenario{_meant(path.name)}\n{expected}")
    return known[str(path)]


def _meant(stem: str) -> str:
    """`; did you mean effects/memory?` if the last part of a shipped scenario's name is near."""
    by_stem = {path.stem: name for name, path in shipped().items()}
    near = get_close_matches(stem, by_stem, n=1)
    return f"; did you mean {by_stem[near[0]]}?" if near else ""


def parse(text: str, source: str) -> Scenario:
    """The scenario in this TOML text; `source` names it in messages."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{source}: invalid TOML: {error}") from None
    try:
        asked = with_pages(Scenario.model_validate(tables))
    except ValidationError as error:
        raise UserError("\n".join(f"{source}: {line}" for line in error_messages.lines(error, KEYS))) from None
    if found := list(validation.problems(asked)):
        raise UserError("\n".join(f"{source}: {line}" for line in found))
    return asked
