"""What the repository publishes: a folder without raw samples, and a README whose figures are those of that folder."""

import json
import re
import shutil
from pathlib import Path

import pytest
from support.claimed import PAIR, run_of, with_claims
from support.fakes import FakeLoad
from support.latencies import slower_when_sync
from support.report import without_pictures

from harness.errors import UserError
from harness.location import ROOT
from tools import readme, reference

PUBLISHED = ROOT / reference.TARGET


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One finished run with claims."""
    text = with_claims(PAIR + 'published = "0.34×"\nby = ">= 1.5"')
    return run_of(tmp_path_factory.mktemp("made"), text, FakeLoad(slower_when_sync))


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    """A folder with a finished run of every main scenario."""
    for name in reference.SCENARIOS:
        copied(made, tmp_path / "runs", name)
    return tmp_path / "runs"


def copied(run: Path, folder: Path, scenario: str) -> Path:
    target = folder / f"20260101T000000Z-{scenario}"
    shutil.copytree(run, target)
    head = json.loads((target / "run.json").read_text())
    (target / "run.json").write_text(json.dumps(head | {"scenario": scenario}))
    return target


def test_the_reference_has_reports_tables_pictures_and_machines_and_no_raw_samples(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pictures(monkeypatch)
    copied(next(runs.iterdir()), tmp_path / "effects", "an_effect")
    reference.publish_reference(runs, tmp_path / "effects", tmp_path / "reference")
    there = {str(file.relative_to(tmp_path / "reference")) for file in (tmp_path / "reference").rglob("*")}
    for name in reference.SCENARIOS:
        assert {
            f"{name}/{file}" for file in ("report.md", "report.txt", "cells.csv", "machine.json", "ratios.png")
        } <= there
    assert {"effects/catalogue.md", "effects/catalogue.csv", "effects/an_effect/report.md"} <= there
    assert not any(name.endswith(".parquet") for name in there)
    assert not any(name.startswith("effects/") and name.endswith(".png") for name in there)
    assert "(an_effect/report.md)" in (tmp_path / "reference" / "effects" / "catalogue.md").read_text()
    machine = json.loads((tmp_path / "reference" / "default" / "machine.json").read_text())
    assert machine["machine"]["cpu"] == "Test CPU"
    assert machine["blocks"] == 6


def test_a_scenario_without_a_finished_run_is_named_before_anything_is_replaced(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "kept").touch()
    head = runs / "20260101T000000Z-capacity" / "run.json"
    head.write_text(head.read_text().replace('"finished"', '"interrupted"'))
    with pytest.raises(
        UserError, match=r"capacity: interrupted, and a reference has whole runs; `djbench run --resume"
    ):
        reference.publish_reference(runs, runs, tmp_path / "reference")
    shutil.rmtree(head.parent)
    with pytest.raises(UserError, match=r"no run of capacity; `djbench run scenarios/capacity.toml --results"):
        reference.publish_reference(runs, runs, tmp_path / "reference")
    assert (tmp_path / "reference" / "kept").exists()


def test_readme_says_what_the_reference_says() -> None:
    text = (ROOT / readme.README).read_text()
    assert readme.filled(text, PUBLISHED) == text, (
        "README.md drifted: python -m tools.readme fills it from the reference"
    )
    assert {name for _, name, _ in readme.PASSAGE.findall(text)} == set(readme.PASSAGES)


def test_a_changed_figure_is_a_drift_in_both_directions(tmp_path: Path) -> None:
    text = (ROOT / readme.README).read_text()
    shutil.copytree(PUBLISHED, tmp_path / "reference")
    sheet = tmp_path / "reference" / "default" / "comparisons.csv"
    first = next(line for line in sheet.read_text().splitlines() if f",{readme.THROUGHPUT.column}," in line)
    changed = ",".join([*first.split(",")[:5], "77.7", *first.split(",")[6:]])
    sheet.write_text(sheet.read_text().replace(first, changed))
    assert "77.7×" in readme.filled(text, tmp_path / "reference")
    figure = re.search(r"\d\.\d\d× \[", text)
    assert figure
    by_hand = text.replace(figure[0], "9.99× [", 1)
    assert readme.filled(by_hand, PUBLISHED) != by_hand


def test_an_empty_passage_is_filled_and_what_stands_between_two_stays() -> None:
    empty = "<!-- reference: claims -->\n<!-- /reference -->\nbetween\n<!-- reference: claims -->\nold\n<!-- /reference -->\n"
    once = readme.filled(empty, PUBLISHED)
    assert once.count("between") == 1
    assert once.count("the tutorial's statements") == 2
    assert "old" not in once.splitlines()
    assert readme.filled(once, PUBLISHED) == once


def test_a_marker_that_is_none_and_a_reference_that_is_incomplete_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="anwser: expected one of answer, capacity, claims, output"):
        readme.filled("<!-- reference: anwser -->\n\n<!-- /reference -->", PUBLISHED)
    with pytest.raises(UserError, match=r"cannot be read: .*`make reference` writes it"):
        readme.filled("<!-- reference: answer -->\n\n<!-- /reference -->", tmp_path)


def test_every_figure_between_markers_and_no_ratio_outside_of_them() -> None:
    """A ratio with an interval is a measured figure, and those are generated."""
    outside = readme.PASSAGE.sub("", (ROOT / readme.README).read_text())
    assert not re.search(r"\d× \[|\[\d[\d.]*, \d", outside)


def test_readme_is_short_and_names_what_is_there() -> None:
    text = (ROOT / readme.README).read_text()
    assert len(text.splitlines()) <= 150
    for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        assert (ROOT / link).exists(), link
