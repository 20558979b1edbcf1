"""Revisions of a project, checked out beside each other under `with`, so that two of them can be served in the same blocks."""

import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from harness.errors import UserError
from harness.location import SHIPPED
from harness.scenario.model import Base

AS_NOBODY: Final = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")  # a stash has an author

REQUIREMENTS: Final = ("requirements*.txt", "requirements/*.txt", "poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock")
"""Files that say which packages a revision needs, in the project's folder and at the top of its repository; of pyproject.toml
only what it depends on."""


def base(ref: str, project: Path) -> Base:
    """The revision to compare with, and the working tree as a commit of its own (files that git does not track are left out).

    `project`: its folder. Raises UserError if that is in no git repository, or it has no such revision.
    """
    if project.is_relative_to(SHIPPED):
        raise UserError(f"--base: {project} was installed and has no revisions: expected a checkout of the repository")
    if ref.startswith("-"):
        raise UserError(f"--base: expected a revision, got {ref!r}")
    why = f"--base: no such revision: {ref!r}"
    sha = _git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", at=top(project), why=why)
    why = "the working tree cannot be read by git"
    made = _git(*AS_NOBODY, "stash", "create", at=project, why=why)
    return Base(ref=ref, sha=sha, change=made or _git("rev-parse", "HEAD", at=project, why=why))


def with_python(given: Base, python: Path | None, project: Path, own: str | None) -> Base:
    """The base with an environment of its own, if that is not the project's (`own`). UserError where the two need different
    packages, and none was named."""
    if python is not None:
        if not python.is_file():
            raise UserError(f"--base-python: there is no file {python}")
        named = os.path.abspath(python)  # noqa: PTH100  a link stays one
        return given if named == own else given.model_copy(update={"python": named})
    changed = _packages_changed(given, project)
    if changed:
        raise UserError(
            f"--base: {', '.join(changed)}: differs from {given.ref}, so that one environment may not do for both:"
            " name the Python of one that has what the base needs as --base-python, or the project's own, if it does for both"
        )
    return given


def _packages_changed(given: Base, project: Path) -> list[str]:
    """Which files say of the two that they need different packages."""
    repository, why = top(project), "git cannot compare the two"
    inside = project.resolve().relative_to(repository.resolve())
    folders = dict.fromkeys([Path(), inside])
    paths = [f":(top,glob){folder / name}" for folder in folders for name in REQUIREMENTS]
    changed = _git("diff", "--name-only", given.sha, given.change, "--", *paths, at=repository, why=why).splitlines()
    for file in (folder / "pyproject.toml" for folder in folders):
        if _dependencies(given.sha, file, repository) != _dependencies(given.change, file, repository):
            changed.append(str(file))
    return changed


def _dependencies(revision: str, file: Path, repository: Path) -> Any:
    """What this pyproject.toml depends on at a revision; None where there is none, or none that can be read."""
    try:
        told = tomllib.loads(_git("show", f"{revision}:{file}", at=repository, why=""))
    except (UserError, tomllib.TOMLDecodeError):
        return None
    project, poetry = told.get("project", {}), told.get("tool", {}).get("poetry", {})
    wanted = (project.get("dependencies"), project.get("requires-python"), told.get("dependency-groups"))
    return (*wanted, project.get("optional-dependencies"), poetry.get("dependencies"), poetry.get("group"))


def top(project: Path) -> Path:
    """The folder of the repository that it is in; UserError if it is in none."""
    why = f"--base: {project} is in no git repository"
    return Path(_git("rev-parse", "--show-toplevel", at=project, why=why))


def revision(project: Path) -> str:
    """The commit that it is at, with a word where the working tree has changes; empty outside of a repository."""
    try:
        sha = _git("rev-parse", "--short", "HEAD", at=project, why="")
        changed = _git("status", "--porcelain", "--untracked-files=no", at=project, why="")
    except UserError:
        return ""
    return f"{sha} with changes" if changed else sha


def untracked(project: Path) -> list[str]:
    """Files of the measured project that git does not know: they are in neither revision."""
    why = "git cannot list files"
    return _git("ls-files", "--others", "--exclude-standard", ".", at=project, why=why).splitlines()


@contextmanager
def checked_out(
    revisions: Sequence[str], folder: Path, project: Path, also: Sequence[str] = ()
) -> Iterator[dict[str, Path]]:
    """Revision → where the project is in it; `folder` is emptied before and removed afterwards, whatever happens.

    `also`: paths in the project that git does not track, and that are copied into each.
    """
    repository = top(project)
    inside = project.resolve().relative_to(repository.resolve())
    _discard(folder, repository)
    try:
        for revision in revisions:
            why = f"revision {revision} cannot be checked out"
            place = str((folder / revision).resolve())
            _git("worktree", "add", "--quiet", "--detach", place, revision, at=repository, why=why)
            for path in also:
                _copy(project / path, folder / revision / inside / path)
        yield {revision: (folder / revision / inside).resolve() for revision in revisions}
    finally:
        _discard(folder, repository)


def _copy(source: Path, target: Path) -> None:
    """What git does not track and a checkout cannot do without. UserError if it is not there."""
    if not source.exists():
        raise UserError(f"project.untracked: there is no {source}")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _discard(folder: Path, repository: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
        _git("worktree", "prune", at=repository, why="git worktree prune failed")


def _git(*arguments: str, at: Path, why: str) -> str:
    """What git says there; UserError with `why` and git's own words if it fails."""
    try:
        ended = subprocess.run(["git", *arguments], cwd=at, capture_output=True, text=True)
    except FileNotFoundError:
        raise UserError(f"{why}: git is not installed") from None
    if ended.returncode:
        raise UserError(f"{why}{f': {ended.stderr.strip()}' if ended.stderr.strip() else ''}")
    return ended.stdout.strip()
