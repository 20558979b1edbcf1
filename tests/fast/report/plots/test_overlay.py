"""Several runs over each other, and what a chart says of cells that are INVALID or of which nothing was opened."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from support.fakes import FakeLoad
from support.pictures import CAPACITY, OPEN, RATES, SEARCHED, analysed, asked, drawn, extent, faults, in_place, words
from support.scenarios import TINY

from harness.analysis.analysis import Analysis
from harness.errors import UserError
from harness.plan.slices import Cell, Slice
from harness.report.chart_style import COLOURS
from harness.report.plots import overlay, page_size
from harness.report.plots.page_size import PAGE, PAPERS, Paper
from harness.samples import COLUMNS

ONE_BLOCK = TINY.replace("blocks = 6", "blocks = 1")


def taking(ms: float) -> FakeLoad:
    """Every request takes so long, or as long as it waits."""

    def latency(slice_: Slice, rng: random.Random) -> float:
        return max(ms, 1000 * slice_.least_s) * (1 + 0.02 * rng.random())

    return FakeLoad(latency)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Analysis]:
    """Monday's and Tuesday's run have the same cells; Wednesday's lacks one level, and has three blocks."""
    folder: Callable[[str], Path] = tmp_path_factory.mktemp
    later = ONE_BLOCK.replace("blocks = 1", "blocks = 3").replace("users = [8]", "users = [16]")
    texts = {"monday": (ONE_BLOCK, 10), "tuesday": (ONE_BLOCK, 20), "wednesday": (later, 40)}
    return [analysed(folder(day), text, taking(ms)) for day, (text, ms) in texts.items()]


def over_each_other(runs: list[Analysis], size: Paper, only: str = "") -> Iterator[tuple[str, Figure]]:
    return in_place(size, lambda: overlay.drawn(runs, size), only)


def told(picture: Figure) -> str:
    return " ".join(" ".join(text.get_text() for text in words(picture)).split())


@pytest.mark.parametrize("size", PAPERS.values(), ids=lambda size: size.name)
def test_three_runs_stand_in_the_same_panels_and_no_word_upon_another(three: list[Analysis], size: Paper) -> None:
    pictures = list(over_each_other(three, size))
    assert {name for name, _ in pictures} == set(overlay.CHARTS)
    assert [f"{name}: {fault}" for name, picture in pictures for fault in faults(picture)] == []
    assert all(text.get_fontsize() >= {"page": 7, "talk": 12}[size.name] for _, one in pictures for text in words(one))
    panels = [panel for name, one in pictures if name == "compare-latency" for panel in one.axes]
    hello = next(panel for panel in panels if panel.get_title("left").startswith("hello"))
    labels = [text.get_text() for text in hello.texts]
    assert [label[0] for label in labels] == list("ABC") * (len(labels) // 3)
    marks = [line for line in hello.lines if line.get_marker() not in ("", "None", None)]
    assert {line.get_color() for line in marks} == set(COLOURS[:3])
    for letter, ms in zip("ABC", (10.1, 20.2, 40.4), strict=True):
        values = [line.get_xdata()[0] for line in marks if line.get_color() == COLOURS["ABC".index(letter)]]
        assert values == pytest.approx([ms] * len(values), rel=0.02)  # each run's own figure, in its own colour


def test_a_run_is_named_by_what_differs_and_what_it_alone_has_is_said(three: list[Analysis]) -> None:
    [(_, picture)] = over_each_other(three, PAGE, "compare-throughput")
    facts = " ".join(picture.texts[1].get_text().split())
    same, a, b, c = (facts.partition(f"{letter}: ")[2] for letter in ("all runs", "A", "B", "C"))
    assert "Test CPU" in same.partition("A: ")[0]
    assert "Test CPU" not in a
    assert a.startswith(three[0].run.path.name)
    assert "n = 1 block" in b.partition("C: ")[0]
    assert "n = 3 blocks" in c
    assert "C: not measured" in told(picture)  # wait @ 8, which two of three have
    assert "Only in C, not drawn: sync on wait ms=10 @ 16" in told(picture)
    assert "missing where a run has too few blocks" in told(picture)


def test_only_a_run_with_enough_blocks_has_an_interval(tmp_path: Path) -> None:
    runs = [
        analysed(tmp_path / str(blocks), TINY.replace("blocks = 6", f"blocks = {blocks}"), taking(10))
        for blocks in (1, 6)
    ]
    [(_, picture)] = over_each_other(runs, PAGE, "compare-throughput")
    spread = {line.get_color() for panel in picture.axes for line in panel.lines if len(line.get_xdata()) == 2}
    assert spread == {COLOURS[1]}


def test_kinds_of_load_are_not_drawn_over_each_other(three: list[Analysis], tmp_path: Path) -> None:
    at_rates = analysed(tmp_path, asked(2, RATES, OPEN), taking(10))
    with pytest.raises(UserError, match=r"have different load modes: .* is closed loop, .* is open loop"):
        overlay.drawn([three[0], at_rates], PAGE)


def test_panels_of_one_endpoint_on_one_picture_have_one_scale(tmp_path: Path) -> None:
    """Eight arms of two runs have no room in one panel of a talk."""
    text = asked(8, "[[endpoints]]\nname = 'hello'\nusers = [4]\n")
    runs = [analysed(tmp_path / str(ms), text, taking(ms)) for ms in (10, 30)]
    parted = [one for _, one in over_each_other(runs, page_size.TALK) if len(one.axes) > 1]
    assert parted
    for picture in parted:
        assert len({panel.get_xlim() for panel in picture.axes}) == 1
        assert not list(faults(picture))


def test_a_rate_that_is_invalid_is_not_drawn_in_the_hockey_stick(tmp_path: Path) -> None:
    def late(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if slice_.cell.arm.endswith("×1"):
            rows[:, COLUMNS.index("sent_ns")] += 20_000_000
        return rows

    load = FakeLoad(lambda s, rng: 12.0 if s.cell.level < 300 else 90.0, late)
    found = analysed(tmp_path, asked(2, SEARCHED, CAPACITY), load)
    sticks = [one for _, one in drawn(found, PAGE, "hockey_stick")]
    assert sticks
    for picture in sticks:
        assert "INVALID, no rate: sync · gthread×1" in told(picture)
        for panel in picture.axes:
            assert len([line for line in panel.lines if line.get_linestyle() == ":"]) == 1  # the sound arm's


def test_connections_are_drawn_where_requests_open_them(tmp_path: Path) -> None:
    def opened(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if slice_.cell.arm == "sync":
            rows[:, COLUMNS.index("reused")] = 0
        return rows

    kept = analysed(tmp_path / "kept", ONE_BLOCK, FakeLoad())
    found = analysed(tmp_path / "opened", ONE_BLOCK, FakeLoad(spoil=opened))
    assert not list(drawn(kept, PAGE, "connections_per_request"))
    [(_, picture)] = drawn(found, PAGE, "connections_per_request")
    assert found.rows(Cell("sync", "hello", 4))["connections_per_request"].tolist() == [1.0]
    assert "How many TCP connections are opened per request?" in told(picture)
    assert not list(faults(picture))
    assert not list(drawn(found, PAGE, "sessions_per_request"))  # nobody counts them here
    assert all(extent(text).width > 0 for text in words(picture))
