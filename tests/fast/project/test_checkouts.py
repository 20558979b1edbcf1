"""Two revisions of the measured project as arms of one run, and the gate over them."""

import subprocess
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.project import checkouts


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small git repository in place of this one."""
    root = tmp_path / "project"
    (root / "bench_project").mkdir(parents=True)
    (root / "bench_project" / "view.py").write_text("before\n")
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *checkouts.AS_NOBODY, *arguments], cwd=root, check=True)
    monkeypatch.setattr(checkouts, "ROOT", root)
    return root


def test_the_working_tree_is_a_revision_of_its_own_and_stays_as_it_is(repository: Path, tmp_path: Path) -> None:
    view = repository / "bench_project" / "view.py"
    view.write_text("after\n")
    told = checkouts.base("main")
    with checkouts.checked_out([told.sha, told.change], tmp_path / "trees") as places:
        texts = [(places[sha] / "bench_project" / "view.py").read_text() for sha in (told.sha, told.change)]
        assert texts == ["before\n", "after\n"]
    assert not (tmp_path / "trees").exists()
    assert view.read_text() == "after\n"
    listed = subprocess.run(["git", "worktree", "list"], cwd=repository, capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) == 1


def test_without_a_change_both_sides_are_the_same_commit(repository: Path) -> None:
    told = checkouts.base("HEAD")
    assert told.sha == told.change


def test_what_a_cut_off_run_left_is_cleared_away(repository: Path, tmp_path: Path) -> None:
    sha = checkouts.base("HEAD").sha
    left = checkouts.checked_out([sha], tmp_path / "trees")
    left.__enter__()  # and never left
    with checkouts.checked_out([sha], tmp_path / "trees") as places:
        assert (places[sha] / "bench_project").is_dir()


def test_a_file_that_git_does_not_know_is_told(repository: Path) -> None:
    (repository / "bench_project" / "new.py").write_text("")
    assert checkouts.untracked() == ["bench_project/new.py"]


@pytest.mark.parametrize(
    ("ref", "message"), [("nowhere", "--base: no such revision: 'nowhere'"), ("-x", "--base: expected")]
)
def test_a_revision_that_is_none_is_refused(repository: Path, ref: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        checkouts.base(ref)


def test_outside_a_repository_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkouts, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match=r"--base: no such revision|not a git repository"):
        checkouts.base("HEAD")


def test_a_project_that_came_with_the_wheel_has_no_revisions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkouts, "SHIPPED", checkouts.PROJECT.parent)
    with pytest.raises(UserError, match="was installed and has no revisions: expected a checkout"):
        checkouts.base("main")
