"""A folder of runs becomes one page: every claim with what was published, found and decided; what cannot be told is said."""

import shutil
from pathlib import Path

import pytest
from support.claimed import PAIR, run_of, with_claims
from support.fakes import FakeLoad
from support.latencies import slower_when_sync
from support.runs import fake_run
from support.scenarios import TINY

from harness.commands import publishing
from harness.errors import UserError
from harness.report import effects_catalogue
from harness.scenario import reader


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One finished run with claims, in a folder of its own."""
    text = with_claims(PAIR + 'published = "0.34×"\nby = ">= 1.5"', PAIR + 'by = ">= 3"')
    return run_of(tmp_path_factory.mktemp("made"), text, FakeLoad(slower_when_sync))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A folder with a copy of that run."""
    shutil.copytree(made, tmp_path / "runs" / "20260101T000000Z-tiny")
    return tmp_path / "runs"


def test_the_page_has_each_claim_with_what_was_published_what_was_found_and_the_verdict(folder: Path) -> None:
    assert publishing.publish_collection(folder) == 0
    page = (folder / "catalogue.md").read_text()
    first = next(line for line in page.splitlines() if line.startswith("| claim number 0"))
    assert "| 0.34× | throughput on hello @ 4 users: async 2.0" in first
    assert "higher than sync, claimed >= 1.5× better" in first
    assert first.endswith("| **supported** |")
    assert "2 claims in 1 scenarios: 1 supported, 1 refuted." in page
    assert (folder / "catalogue.csv").read_text().count("\n") == 3


def test_of_two_runs_of_a_scenario_the_newer_one_counts(folder: Path) -> None:
    shutil.copytree(folder / "20260101T000000Z-tiny", folder / "20260102T000000Z-tiny")
    assert [path.name for _, path, _ in effects_catalogue.newest(folder)] == ["20260102T000000Z-tiny"]


def test_a_finished_run_counts_before_a_newer_one_that_was_cut_off(folder: Path) -> None:
    cut = folder / "20260102T000000Z-tiny"
    shutil.copytree(folder / "20260101T000000Z-tiny", cut)
    (cut / "run.json").write_text((cut / "run.json").read_text().replace('"finished"', '"interrupted"'))
    assert [path.name for _, path, _ in effects_catalogue.newest(folder)] == ["20260101T000000Z-tiny"]
    shutil.rmtree(folder / "20260101T000000Z-tiny")
    assert "interrupted: less precise than planned" in effects_catalogue.read("tiny", cut).facts


def test_a_run_without_a_block_and_one_of_another_version_are_told_and_spoil_nothing(
    folder: Path, tmp_path: Path
) -> None:
    empty = fake_run(tmp_path / "other", reader.parse(TINY, "tiny.toml").model_copy(update={"blocks": 1}), FakeLoad())
    shutil.rmtree(empty / "blocks" / "000")
    head = (empty / "run.json").read_text().replace('"scenario": "tiny"', '"scenario": "empty"')
    (empty / "run.json").write_text(head)
    shutil.copytree(empty, folder / "20260103T000000Z-empty")
    (folder / "20260104T000000Z-old").mkdir()
    (folder / "20260104T000000Z-old" / "run.json").write_text('{"schema_version": 1}')
    assert publishing.publish_collection(folder) == 0
    page = (folder / "catalogue.md").read_text()
    assert "no finished block to report" in page
    assert "schema_version: expected" in page
    assert "2 claims in 3 scenarios: 1 supported, 1 refuted. No result: 20260104T000000Z-old, empty." in page


def test_a_folder_of_runs_is_told_from_a_run(folder: Path, tmp_path: Path) -> None:
    assert effects_catalogue.is_collection(folder)
    assert not effects_catalogue.is_collection(folder / "20260101T000000Z-tiny")
    assert not effects_catalogue.is_collection(tmp_path / "nothing")
    with pytest.raises(UserError, match="not a run folder"):
        publishing.publish(tmp_path / "nothing")
