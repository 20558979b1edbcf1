"""Two revisions of the measured project as arms of one run, and the gate over them."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.location import PROJECT
from harness.project import checkouts


def committed(root: Path) -> None:
    for arguments in (["add", "-A"], ["commit", "-qm", "more"]):
        subprocess.run(["git", *checkouts.AS_NOBODY, *arguments], cwd=root, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small git repository in place of this one."""
    root = tmp_path / "project"
    (root / "bench_project").mkdir(parents=True)
    (root / "bench_project" / "view.py").write_text("before\n")
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *checkouts.AS_NOBODY, *arguments], cwd=root, check=True)
    return root


def test_the_working_tree_is_a_revision_of_its_own_and_stays_as_it_is(repository: Path, tmp_path: Path) -> None:
    view = repository / "bench_project" / "view.py"
    view.write_text("after\n")
    told = checkouts.base("main", repository / "bench_project")
    with checkouts.checked_out([told.sha, told.change], tmp_path / "trees", view.parent) as places:
        texts = [(places[sha] / "view.py").read_text() for sha in (told.sha, told.change)]
        assert texts == ["before\n", "after\n"]
    assert not (tmp_path / "trees").exists()
    assert view.read_text() == "after\n"
    listed = subprocess.run(["git", "worktree", "list"], cwd=repository, capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) == 1


def test_without_a_change_both_sides_are_the_same_commit(repository: Path) -> None:
    told = checkouts.base("HEAD", repository)
    assert told.sha == told.change


def test_what_a_cut_off_run_left_is_cleared_away(repository: Path, tmp_path: Path) -> None:
    sha = checkouts.base("HEAD", repository).sha
    left = checkouts.checked_out([sha], tmp_path / "trees", repository / "bench_project")
    left.__enter__()  # and never left
    with checkouts.checked_out([sha], tmp_path / "trees", repository / "bench_project") as places:
        assert (places[sha] / "view.py").is_file()


def test_a_file_that_git_does_not_know_is_told(repository: Path) -> None:
    (repository / "bench_project" / "new.py").write_text("")
    assert checkouts.untracked(repository / "bench_project") == ["new.py"]


def test_what_git_does_not_track_is_copied_where_it_is_asked_for(repository: Path, tmp_path: Path) -> None:
    project = repository / "bench_project"
    (project / ".env").write_text("KEY=1\n")
    (project / "built" / "css").mkdir(parents=True)
    (project / "built" / "css" / "a.css").write_text("a")
    sha = checkouts.base("HEAD", project).sha
    with checkouts.checked_out([sha], tmp_path / "trees", project, [".env", "built"]) as places:
        assert (places[sha] / ".env").read_text() == "KEY=1\n"
        assert (places[sha] / "built" / "css" / "a.css").is_file()
    with (
        pytest.raises(UserError, match=r"project\.untracked: there is no .*nowhere"),
        checkouts.checked_out([sha], tmp_path / "trees", project, ["nowhere"]),
    ):
        pass
    assert not (tmp_path / "trees").exists()


@pytest.mark.parametrize(
    ("ref", "message"), [("nowhere", "--base: no such revision: 'nowhere'"), ("-x", "--base: expected")]
)
def test_a_revision_that_is_none_is_refused(repository: Path, ref: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        checkouts.base(ref, repository)


def test_outside_a_repository_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match=r"--base: .* is in no git repository"):
        checkouts.base("HEAD", tmp_path)


def test_a_project_that_came_with_the_wheel_has_no_revisions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkouts, "SHIPPED", PROJECT.parent)
    with pytest.raises(UserError, match="was installed and has no revisions: expected a checkout"):
        checkouts.base("main", PROJECT)


def test_a_base_that_needs_other_packages_needs_a_python_of_its_own(repository: Path, tmp_path: Path) -> None:
    project = repository / "bench_project"
    (project / "view.py").write_text("after\n")
    told = checkouts.base("main", project)
    assert checkouts.with_python(told, None, project, None) == told
    (repository / "requirements.txt").write_text("django==6.1\n")
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    told = checkouts.base("main", project)
    with pytest.raises(UserError, match=r"requirements\.txt: differs from main, .*--base-python"):
        checkouts.with_python(told, None, project, None)
    assert checkouts.with_python(told, Path(sys.executable), project, None).python == sys.executable
    assert checkouts.with_python(told, Path(sys.executable), project, sys.executable).python is None
    (repository / "requirements.txt").unlink()
    (repository / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "2"\ndependencies = []\n')
    committed(repository)
    (repository / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "3"\ndependencies = []\n')
    assert checkouts.with_python(checkouts.base("HEAD", project), None, project, None).python is None
    (repository / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "3"\ndependencies = ["django"]\n')
    with pytest.raises(UserError, match=r"pyproject\.toml: differs from HEAD"):
        checkouts.with_python(checkouts.base("HEAD", project), None, project, None)
    with pytest.raises(UserError, match="--base-python: there is no file"):
        checkouts.with_python(told, tmp_path / "nowhere", project, None)
