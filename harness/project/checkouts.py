"""Revisions of this project, checked out beside each other under `with`, so that two of them can be served in the same blocks."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harness.errors import UserError
from harness.location import PROJECT, ROOT, SHIPPED
from harness.scenario.model import Base

AS_NOBODY: Final = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")  # a stash has an author


def base(ref: str) -> Base:
    """The revision to compare with, and the working tree as a commit of its own (files that git does not track are left out).

    Raises UserError if this is not a git repository, or has no such revision.
    """
    if PROJECT.is_relative_to(SHIPPED):
        raise UserError(f"--base: {PROJECT} was installed and has no revisions: expected a checkout of the repository")
    if ref.startswith("-"):
        raise UserError(f"--base: expected a revision, got {ref!r}")
    sha = _git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", why=f"--base: no such revision: {ref!r}")
    why = "the working tree cannot be read by git"
    change = _git(*AS_NOBODY, "stash", "create", why=why) or _git("rev-parse", "HEAD", why=why)
    return Base(ref=ref, sha=sha, change=change)


def untracked() -> list[str]:
    """Files of the measured project that git does not know: they are in neither revision."""
    found = _git("ls-files", "--others", "--exclude-standard", "bench_project", why="git cannot list files")
    return found.splitlines()


@contextmanager
def checked_out(revisions: Sequence[str], folder: Path) -> Iterator[dict[str, Path]]:
    """Revision → where it is; `folder` is emptied before and removed afterwards, whatever happens."""
    _discard(folder)
    try:
        for revision in revisions:
            why = f"revision {revision} cannot be checked out"
            _git("worktree", "add", "--quiet", "--detach", str((folder / revision).resolve()), revision, why=why)
        yield {revision: folder / revision for revision in revisions}
    finally:
        _discard(folder)


def _discard(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
        _git("worktree", "prune", why="git worktree prune failed")


def _git(*arguments: str, why: str) -> str:
    """What git says; UserError with `why` and git's own words if it fails."""
    try:
        ended = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        raise UserError(f"{why}: git is not installed") from None
    if ended.returncode:
        raise UserError(f"{why}{f': {ended.stderr.strip()}' if ended.stderr.strip() else ''}")
    return ended.stdout.strip()
