"""Every picture can be read alone: nothing is cut off, nothing stands on something else, and the facts stand on it."""

import random
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from support.fakes import FakeLoad, FakeStage
from support.pictures import (
    CAPACITY,
    LONG,
    OPEN,
    RATES,
    SEARCHED,
    SLACK_PX,
    analysed,
    asked,
    drawn,
    extent,
    faults,
    words,
)
from support.scenarios import TINY

from harness.plan.slices import Slice
from harness.report.plots import page_size, sheet
from harness.report.plots.layout import Margins
from harness.report.plots.page_size import PAGE, PAPERS, TALK, Paper

Pictures = dict[Paper, list[tuple[str, Figure]]]


def extreme(slice_: Slice, rng: random.Random) -> float:
    """From four milliseconds to two seconds, by arm."""
    place = sum(map(ord, slice_.cell.arm)) % 5
    return max(1000 * slice_.least_s, 4.0 * 4.0**place) * (1 + rng.random())


def failing(slice_: Slice, rows: np.ndarray) -> np.ndarray:
    if slice_.cell.arm.endswith(("2", "4")):
        rows[:, 7] = 1
    return rows


ONE = "[[endpoints]]\nname = 'hello'\nusers = [4]\n"


MANY = (
    ONE
    + "[[endpoints]]\nname = 'wait'\nquery = { ms = 10 }\nusers = [1, 8, 64]\n"
    + ("[[endpoints]]\nname = 'wait'\nquery = { ms = 20 }\nusers = [8]\n")
)


FEW = ONE + "[[endpoints]]\nname = 'wait'\nquery = { ms = 10 }\nusers = [1, 16]\n"


RUNS = {
    "two": (asked(2, ONE), FakeLoad()),
    "eight, many levels, extreme": (asked(8, MANY), FakeLoad(extreme)),
    "four, long names, some invalid": (asked(4, FEW, long=True), FakeLoad(extreme, failing)),
    "open, long names": (asked(3, RATES, OPEN, long=True), FakeLoad(extreme)),
    "searched": (asked(3, SEARCHED, CAPACITY), FakeLoad(lambda s, rng: 12.0 if s.cell.level < 300 else 90.0)),
}


@pytest.fixture(scope="module", params=RUNS)
def pictures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """The pictures of one of RUNS at each size, drawn once for all tests of it."""
    found = analysed(tmp_path_factory.mktemp("run"), *RUNS[request.param])
    return {size: list(drawn(found, size)) for size in PAPERS.values()}


@pytest.mark.parametrize("size", PAPERS.values(), ids=lambda size: size.name)
def test_no_word_is_cut_off_or_stands_upon_another(pictures: Pictures, size: Paper) -> None:
    assert {name for name, _ in pictures[size]} >= {"throughput", "latency", "ratios"}
    assert [f"{name}: {fault}" for name, picture in pictures[size] for fault in faults(picture)] == []


@pytest.mark.parametrize("size", PAPERS.values(), ids=lambda size: size.name)
def test_type_and_paper_are_as_large_as_promised(pictures: Pictures, size: Paper) -> None:
    least = {"page": 7, "talk": 12}[size.name]
    for name, picture in pictures[size]:
        assert min(text.get_fontsize() for text in words(picture)) >= least, name
        assert picture.get_figwidth() == pytest.approx({"page": 6.9, "talk": 40 / 3}[size.name])
        assert size is PAGE or picture.get_figheight() == pytest.approx(7.5)


def test_the_question_and_beneath_it_the_facts_stand_on_every_picture(pictures: Pictures) -> None:
    for size in (PAGE, TALK):
        for _, picture in pictures[size]:
            question, facts = (" ".join(text.get_text().split("\n")) for text in picture.texts[:2])
            assert question.endswith("?")
            assert picture.texts[0].get_fontweight() == "bold"
            for fact in ("Test CPU", "2 cores", "Python 3.11.0", "Django 5.2", "n = 1 block", "loop", "20"):
                assert fact in facts
            assert extent(picture.texts[0]).y0 >= extent(picture.texts[1]).y1 - SLACK_PX


def test_every_picture_says_which_way_is_better(pictures: Pictures) -> None:
    for name, picture in pictures[PAGE]:
        assert "better" in " ".join(text.get_text() for text in words(picture)), name


@pytest.mark.parametrize("pictures", ["four, long names, some invalid"], indirect=True)
def test_an_invalid_cell_is_drawn_hollow_named_and_its_reason_told(pictures: Pictures) -> None:
    for name, picture in pictures[PAGE]:
        told = " ".join(" ".join(text.get_text() for text in words(picture)).split())
        assert "INVALID" in told, name
        assert "INVALID, drawn hollow:" in told, name
        assert "requests failed" in told, name


def test_the_check_itself_sees_a_word_at_the_edge_and_one_upon_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = analysed(tmp_path, *RUNS["open, long names"])
    monkeypatch.setattr(sheet.Sheet, "_margins", lambda *_: Margins(0, 0, 0, 0))
    assert any("cut off" in fault for _, picture in drawn(found, PAGE) for fault in faults(picture))
    monkeypatch.undo()
    monkeypatch.setattr(sheet.Sheet, "_spread", lambda *_: None)
    assert any("on each other" in fault for _, picture in drawn(found, PAGE) for fault in faults(picture))


def test_a_width_is_measured_as_it_is_drawn() -> None:
    for size in (7, 12, 25):
        for text in ("sync · gthread×256: p50 1 628, p99 2 031", "wwwww iiiii", LONG):
            picture = Figure(dpi=200)
            shown = Text(0, 0, text, fontsize=size, figure=picture, parse_math=False).get_window_extent(
                drawing_renderer(picture)
            )
            assert shown.width / 200 == pytest.approx(page_size.width(text, size), rel=0.05)
            assert shown.width / 200 <= page_size.width(text, size) + 0.02


def drawing_renderer(picture: Figure) -> object:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    return FigureCanvasAgg(picture).get_renderer()


def test_a_cell_that_nobody_loaded_is_named_and_not_drawn(tmp_path: Path) -> None:
    found = analysed(
        tmp_path, TINY.replace("blocks = 6", "blocks = 1"), FakeLoad(), FakeStage({("sync", "hello"): "HTTP 500"})
    )
    for name, picture in drawn(found, PAGE):
        assert not list(faults(picture)), name
