"""Two revisions of the measured project as arms of one run, and the gate over them."""

import random
import subprocess
from pathlib import Path

import pytest
from conftest import FakeLoad, fake_run, tiny

from harness.analysis import analysis, frames
from harness.commands import publishing
from harness.errors import UserError
from harness.plan import ab
from harness.plan.slices import Slice
from harness.project import checkouts
from harness.report import sections
from harness.report.plots import charts
from harness.scenario.model import Base, Scenario
from harness.verdicts import regression_gate, validity

BASE = Base(ref="main", sha="a" * 40, change="b" * 40)


def doubled(**changes: object) -> Scenario:
    return ab.doubled(tiny(**changes), BASE)


def slower(by: float) -> FakeLoad:
    """A load generator that finds the change slower by this fraction."""

    def latency_ms(slice_: Slice, rng: random.Random) -> float:
        factor = 1 + by if "the change" in slice_.cell.arm else 1.0
        return 13 * factor * (1 + 0.02 * rng.random())

    return FakeLoad(latency_ms)


def test_every_arm_is_there_at_both_revisions_and_the_first_once_more_as_control() -> None:
    arms = {arm.name: (arm.revision, arm.control_of) for arm in doubled().arms}
    assert arms == {
        "sync @ main": (BASE.sha, None),
        "sync @ the change": (BASE.change, None),
        "async @ main": (BASE.sha, None),
        "async @ the change": (BASE.change, None),
        "sync @ main (control)": (BASE.sha, "sync @ main"),
    }


def test_the_change_is_compared_with_the_base_arm_by_arm() -> None:
    pairs = [(pair.arm, pair.over) for pair in doubled().pairs]
    assert pairs == [("sync @ the change", "sync @ main"), ("async @ the change", "async @ main")]


def test_an_endpoint_that_only_some_arms_are_asked_for_stays_so() -> None:
    only_async = [endpoint.model_copy(update={"arms": ["async"]}) for endpoint in tiny().endpoints]
    asked = doubled(endpoints=only_async)
    assert {arm.name for arm in asked.arms_of(asked.endpoints[0])} == {"async @ main", "async @ the change"}


def test_a_long_revision_is_named_by_its_first_ten_letters() -> None:
    name = ab.doubled(tiny(), BASE.model_copy(update={"ref": "c" * 40})).arms[0].name
    assert name == f"sync @ {'c' * 10}"


def run_of(tmp_path: Path, load: FakeLoad) -> Path:
    return fake_run(tmp_path, doubled(), load)


def test_a_stored_run_of_a_change_is_read_as_what_it_was(tmp_path: Path) -> None:
    assert frames.open_run(run_of(tmp_path, FakeLoad())).scenario == doubled()


@pytest.mark.parametrize(("by", "code"), [(0.0, 0), (0.2, 4), (-0.2, 0)])
def test_the_gate_fails_on_a_regression_and_on_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: float, code: int
) -> None:
    monkeypatch.setattr(charts, "save_all", lambda *_: [])
    run = run_of(tmp_path, slower(by))
    assert publishing.publish_change(run, 0.05) == code
    assert publishing.publish_change(run, None) == 0
    assert publishing.publish_change(run, 0.5) == 0  # by less than that


def test_what_is_worse_is_named(tmp_path: Path) -> None:
    result, reasons = validity.sound(analysis.analyse(frames.open_run(run_of(tmp_path, slower(0.2)))))
    compared = sections.valid_comparisons(result, validity.invalid_cells(reasons))
    worse = regression_gate.regressed_arms(result, compared, 0.05)
    assert {one.arm for one in worse} == {"sync @ the change", "async @ the change"}
    assert "throughput" in {one.metric.key for one in worse}


def test_a_gate_with_nothing_to_compare_does_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "save_all", lambda *_: [])
    monkeypatch.setattr(sections, "valid_comparisons", lambda *_: [])
    assert publishing.publish_change(run_of(tmp_path, FakeLoad()), 0.05) == 4


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
