"""docs/gallery.md and the charts that there are; what plot_results.py says to whoever mistypes."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support.fakes import FakeLoad
from support.pictures import asked, run_of
from support.scenarios import TINY

import plot_results
from harness.location import ROOT
from harness.report.plots import charts, overlay, page_size

ONE = {"throughput": charts.CHARTS["throughput"]}

GALLERY = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("run"), TINY.replace("blocks = 6", "blocks = 1"), FakeLoad())


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shares `hello @ 4` of sync and async with the first, and nothing else."""
    text = TINY.replace("blocks = 6", "blocks = 1").replace("users = [8]", "users = [16]")
    path = run_of(tmp_path_factory.mktemp("other"), text, FakeLoad())
    head = path / "run.json"
    head.write_text(head.read_text().replace("3.11.0", "3.14.0"))
    return path


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_every_chart_is_in_the_gallery_and_every_entry_is_a_chart() -> None:
    entries = [name for line in re.findall(r"^## (.+)$", GALLERY, re.MULTILINE) for name in line.split(", ")]
    assert sorted(entries) == sorted([*charts.CHARTS, *overlay.CHARTS])


def test_every_entry_has_its_pitfall_and_pictures_come_from_the_reference() -> None:
    for entry in GALLERY.split("\n## ")[1:]:
        assert "*Pitfall:*" in entry, entry.split("\n")[0]
    for name, path in re.findall(r"!\[(.+?)\]\((.+?)\)", GALLERY):
        assert re.fullmatch(r"\.\./results/reference/(default|capacity)/[a-z_]+\.png", path), name
        assert Path(path).stem in charts.CHARTS


def test_all_formats_at_both_sizes_and_svg_is_the_same_each_time(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(folder: str, *kinds: str) -> Path:
        given = [str(run), "--out", str(tmp_path / folder), "--format", *kinds, "--size", "talk"]
        assert plot_results.main(given) == 0
        return tmp_path / folder

    with monkeypatch.context() as patch:
        patch.setitem(
            page_size.STYLE, "pdf.fonttype", 3
        )  # quick: to make a font of the letters used takes a second each
        every = drawn("every", "svg", "pdf")
    assert {"throughput-talk.svg", "throughput-talk.pdf"} <= {path.name for path in every.iterdir()}
    again = {path: every / path.name for path in drawn("again", "svg").iterdir()}
    monkeypatch.setattr(charts, "CHARTS", ONE)  # what writes a PNG and a PDF is the same for every chart
    first = drawn("one", "png", "pdf")
    again |= {path: first / path.name for path in drawn("two", "png", "pdf").iterdir()}
    assert {path.suffix for path in again} == {".svg", ".png", ".pdf"}
    for path, before in again.items():
        assert path.read_bytes() == before.read_bytes(), path.name
    svg = (every / "throughput-talk.svg").read_text(encoding="utf-8")
    assert ET.fromstring(svg).get("viewBox") == "0 0 960 540"
    assert ">What throughput does each deployment reach" in svg  # as text


def test_a_png_is_opaque_white(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.image import imread

    monkeypatch.setattr(charts, "CHARTS", ONE)
    assert plot_results.main([str(run), "--out", str(tmp_path)]) == 0
    pixels = imread(tmp_path / "throughput.png")
    assert pixels[0, 0, :3].tolist() == [1, 1, 1]
    assert pixels.shape[2] == 3 or (pixels[:, :, 3] == 1).all()


def test_compared_runs_are_named_by_what_differs_and_cells_of_one_are_told(
    run: Path, other: Path, tmp_path: Path
) -> None:
    assert plot_results.main(["--compare", str(run), str(other), "--out", str(tmp_path), "--format", "svg"]) == 0
    svg = " ".join(re.findall(r">([^<>]+)</text>", (tmp_path / "compare-latency.svg").read_text(encoding="utf-8")))
    assert f"A: {run.name} · Python 3.11.0" in svg
    assert f"B: {other.name} · Python 3.14.0" in svg
    assert re.search(r"all runs: [^:]*Test CPU[^:]*Django 5\.2", svg)
    assert "A: p50" in svg
    assert "B: p50" in svg
    assert "Only in A, not drawn: sync on wait ms=10 @ 8" in svg
    assert "Only in B, not drawn: sync on wait ms=10 @ 16" in svg


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (["{tmp}/nowhere"], 1, "not a run folder"),
        (["{run}", "--format", "gif"], 2, "invalid choice: 'gif'"),
        (["{run}", "--size", "wall"], 2, "invalid choice: 'wall'"),
        (["{run}", "{other}"], 2, "2 runs: draw one at a time, or all over each other with --compare"),
        (["--compare", "{run}"], 2, "--compare: expected two runs or more, got 1"),
        (["--compare", "{run}", "{run}"], 1, "the same run is given twice"),
        (["{run}", "--out", "{tmp}/file/below"], 1, "cannot be written: Not a directory; choose another folder"),
        ([], 2, "the following arguments are required: RUN"),
    ],
)
def test_a_mistake_is_answered_in_words(
    given: list[str], code: int, told: str, run: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    words = [one.format(run=run, other=other, tmp=tmp_path) for one in given]
    try:
        found = plot_results.main(words)
    except SystemExit as end:
        found = int(str(end.code))
    assert (found, True) == (code, told in said(capsys)), told


def test_runs_that_share_no_cell_are_refused_in_words(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alien = run_of(tmp_path, asked(2, "[[endpoints]]\nname = 'hello'\nusers = [4]\n"), FakeLoad())
    assert plot_results.main(["--compare", str(run), str(alien), "--out", str(tmp_path / "out")]) == 1
    told = said(capsys)
    assert "the runs share no cell (same arm, endpoint and level)" in told
    assert "sync · gthread×1 on hello @ 4" in told
    assert not (tmp_path / "out").exists()
