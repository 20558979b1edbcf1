"""The project of a scenario, ready to be started: described by itself, new enough, and with servers."""

import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.location import PROJECT
from harness.project import checkouts, discovery, inspection, requirements, server_cache
from harness.project.target import Target, own_keys
from harness.scenario.arm import Arm
from harness.scenario.project import Project


def of(asked: Project | None, arms: Sequence[Arm] = ()) -> Target:
    """The project, with what these arms need; without one, the demo, which has everything in this environment.

    Raises UserError with what is missing, and how to get it.
    """
    if asked is None:
        requirements.refuse_missing(arms)
        return demo()
    target = described(asked)
    inspection.refuse_databases(target)
    return replace(target, servers=server_cache.folder_for(target.facts, arms), keys=own_keys())


@cache
def demo() -> Target:
    """The project that comes with the harness, by the table that lies in it."""
    table = tomllib.loads((PROJECT / "djbench.toml").read_text(encoding="utf-8"))["project"]
    return Target(Project(**table), PROJECT, sys.executable)


def folder_of(asked: Project | None) -> Path:
    """Where a scenario's project is."""
    return PROJECT if asked is None else Path(asked.dir)


EFFECTIVE = ("DEBUG", "ALLOWED_HOSTS", "SESSION_ENGINE", "SECURE_SSL_REDIRECT", "USE_TZ")
"""Settings that a report shows, as they were when it was measured."""


def summary(target: Target) -> dict[str, Any]:
    """What run.json says of a user's own project; nothing of the demo, whose code is the harness's own."""
    facts = target.facts
    if not facts:
        return {}
    middleware = [one["path"].rpartition(".")[2] for one in facts.get("middleware", []) if one["used"]]
    databases = facts.get("databases", {}).get("default", {})
    settings = {name: str(facts["simple"][name]) for name in EFFECTIVE if name in facts.get("simple", {})}
    return {
        "name": target.folder.name,
        "folder": str(target.folder),
        "revision": checkouts.revision(target.folder),
        "settings": target.asked.settings,
        "python": facts["python"],
        "django": facts["django"],
        "servers": dict(facts.get("versions", {})) | server_cache.versions(target.servers),
        "effective": settings
        | {
            "middleware": ", ".join(middleware) or "none",
            "CONN_MAX_AGE": str(databases.get("conn_max_age", 0)),
            "ATOMIC_REQUESTS": str(databases.get("atomic_requests", False)),
            "database pool": str(databases.get("pool", False)),
        },
    }


def described(asked: Project) -> Target:
    """A user's own project, as it describes itself."""
    target = located(asked)
    facts = inspection.described(target)
    inspection.refuse_too_old(facts)
    return replace(target, facts=facts)


def refuse_namesake(overlay: Path, folder: Path) -> None:
    """UserError for an overlay that is called as one of the project's own modules: only one of both could be imported."""
    own = [folder / overlay.name, folder / overlay.stem / "__init__.py"]
    if there := [path for path in own if path.is_file() and not path.samefile(overlay)]:
        raise UserError(f"project.overlay: {overlay.name} is called as {there[0]} is: give it another name")


def located(asked: Project) -> Target:
    """Where it is, and by which Python it runs. UserError if that is not there."""
    folder = Path(asked.dir)
    if not folder.is_dir():
        raise UserError(f"project.dir: there is no folder {folder}")
    if asked.overlay is not None and not Path(asked.overlay).is_file():
        raise UserError(f"project.overlay: there is no file {asked.overlay}")
    if asked.overlay is not None:
        refuse_namesake(Path(asked.overlay), folder)
    python = asked.python
    if python is None:
        guess = discovery.python_of(folder)
        if guess is None:
            raise UserError(
                f"project.python: no environment in {folder} or above (.venv, venv, env), and none is active: name its Python"
            )
        python = guess.value
    overlay = None if asked.overlay is None else Path(asked.overlay)
    return Target(asked, folder, python, overlay=overlay, bytecode=server_cache.root() / "bytecode")
