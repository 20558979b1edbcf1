"""Every picture can be read alone: nothing is cut off, nothing stands on something else, and the facts stand on it."""

import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from conftest import TINY, FakeLoad, FakeStage, fake_run
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.plan.slices import Slice
from harness.report.plots import charts, page_size, sheet
from harness.report.plots.layout import Margins
from harness.report.plots.page_size import PAGE, PAPERS, TALK, Paper
from harness.scenario import reader

SLACK_PX = 1.0
Pictures = list[tuple[str, Figure]]
LONG = "gthread $x_1$ WWW Unaussprechlichkeitenverzeichnis of 812"


def asked(arms: int, endpoints: str, load: str = "", long: bool = False, blocks: int = 1) -> str:
    """A scenario of so many arms, each compared to the first."""
    names = [f"{LONG} {place}" if long else f"sync · gthread×{2**place}" for place in range(arms)]
    pairs = ", ".join(f"{{ arm = '{name}', over = '{names[0]}' }}" for name in names[1:])
    made = [
        f"[[arms]]\nname = '{name}'\nserver = '{'uvicorn' if place % 2 else 'gunicorn-gthread'}'\n"
        f"view = '{'async' if place % 2 else 'sync'}'\n" + ("" if place % 2 else "threads = 8\n")
        for place, name in enumerate(names)
    ]
    head = f"question = 'Can it be read?'\nblocks = {blocks}\ncomparisons = [{pairs}]\n"
    return "\n".join([head, load, *made, endpoints])


def run_of(folder: Path, text: str, load: FakeLoad, stage: FakeStage | None = None) -> Path:
    """A run of this scenario."""
    path = fake_run(folder, reader.parse(text, "asked.toml"), load, stage)
    (path / "scenario.toml").write_text(text)
    return path


def analysed(folder: Path, text: str, load: FakeLoad, stage: FakeStage | None = None) -> Analysis:
    """The same, analysed."""
    return analysis.analyse(frames.open_run(run_of(folder, text, load, stage)))


def extreme(slice_: Slice, rng: random.Random) -> float:
    """From four milliseconds to two seconds, by arm."""
    place = sum(map(ord, slice_.cell.arm)) % 5
    return max(1000 * slice_.least_s, 4.0 * 4.0**place) * (1 + rng.random())


def failing(slice_: Slice, rows: np.ndarray) -> np.ndarray:
    if slice_.cell.arm.endswith(("2", "4")):
        rows[:, 7] = 1
    return rows


ONE = "[[endpoints]]\nname = 'hello'\nusers = [4]\n"
MANY = ONE + "[[endpoints]]\nname = 'wait'\nquery = { ms = 10 }\nusers = [1, 4, 16, 64]\n" + "".join(
    f"[[endpoints]]\nname = 'wait'\nquery = {{ ms = {ms} }}\nusers = [8]\n" for ms in (20, 30)
)  # fmt: skip
OPEN = "[load]\nmode = 'open'\n"
RATES = "[[endpoints]]\nname = 'wait'\nquery = { ms = 10 }\nrate = [50, 80, 400]\n"
CAPACITY = "[load]\nmode = 'capacity'\nobjective = 'p99 <= 60ms'\nstart_rate = 50\n"
SEARCHED = "[[endpoints]]\nname = 'hello'\n[[endpoints]]\nname = 'wait'\nquery = { ms = 10 }\n"

RUNS = {
    "two": (asked(2, ONE), FakeLoad()),
    "eight, many levels, extreme": (asked(8, MANY), FakeLoad(extreme)),
    "five, long names": (asked(5, MANY, long=True), FakeLoad(extreme)),
    "six, some invalid": (asked(6, MANY), FakeLoad(extreme, failing)),
    "open, long names": (asked(3, RATES, OPEN, long=True), FakeLoad(extreme)),
    "searched": (asked(3, SEARCHED, CAPACITY), FakeLoad(lambda s, rng: 12.0 if s.cell.level < 300 else 90.0)),
}


@pytest.fixture(scope="module", params=RUNS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[Paper, Pictures]:
    """The pictures of a run at every size, drawn once for all tests."""
    found = analysed(tmp_path_factory.mktemp("run"), *RUNS[request.param])
    return {size: list(drawn(found, size)) for size in PAPERS.values()}


def drawn(found: Analysis, size: Paper) -> Iterator[tuple[str, Figure]]:
    with mpl.rc_context(size.style):
        for name, pictures in charts.drawn(found, size):
            for picture in pictures:
                picture.canvas.draw()
                yield name, picture


def faults(picture: Figure) -> Iterator[str]:
    """Texts that are cut at an edge, and labels that stand upon each other."""
    boxes = {text: Bbox(extent(text).get_points()) for text in words(picture)}
    for text, box in boxes.items():
        if (
            box.x0 < -SLACK_PX
            or box.y0 < -SLACK_PX
            or box.x1 > picture.bbox.x1 + SLACK_PX
            or box.y1 > picture.bbox.y1 + SLACK_PX
        ):
            yield f"cut off: {text.get_text()!r}"
    for (one, box), (other, under) in combinations(boxes.items(), 2):
        if min(box.x1, under.x1) - max(box.x0, under.x0) > 2 * SLACK_PX < min(box.y1, under.y1) - max(box.y0, under.y0):
            yield f"on each other: {one.get_text()!r} and {other.get_text()!r}"


def words(picture: Figure) -> list[Text]:
    return [text for text in picture.findobj(Text) if text.get_text().strip() and text.get_visible() and is_seen(text)]


def is_seen(text: Text) -> bool:
    """Ticks out of view, and those of rows that another panel names, keep their texts."""
    axes = text.axes
    if not isinstance(axes, Axes):
        return True
    for axis, place in ((axes.xaxis, 0), (axes.yaxis, 1)):
        ticks = {id(tick.label1): tick for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]}
        twins = {id(tick.label2) for tick in axis.get_major_ticks()}
        if id(text) in ticks:
            low, high = sorted(axis.get_view_interval())
            return bool(ticks[id(text)].label1.get_visible() and low <= text.get_position()[place] <= high)
        if id(text) in twins:
            return False
    return True


def extent(text: Text) -> Bbox:
    """The words alone, without the line that ties them to a point."""
    return Text.get_window_extent(text)


@pytest.mark.parametrize("size", PAPERS.values(), ids=lambda size: size.name)
def test_no_word_is_cut_off_or_stands_upon_another(run: dict[Paper, Pictures], size: Paper) -> None:
    pictures = run[size]
    assert {name for name, _ in pictures} >= {"throughput", "latency", "ratios"}
    assert [f"{name}: {fault}" for name, picture in pictures for fault in faults(picture)] == []


@pytest.mark.parametrize("size", PAPERS.values(), ids=lambda size: size.name)
def test_type_and_paper_are_as_large_as_promised(run: dict[Paper, Pictures], size: Paper) -> None:
    least = {"page": 7, "talk": 12}[size.name]
    for name, picture in run[size]:
        assert min(text.get_fontsize() for text in words(picture)) >= least, name
        assert picture.get_figwidth() == pytest.approx({"page": 6.9, "talk": 40 / 3}[size.name])
        assert size is PAGE or picture.get_figheight() == pytest.approx(7.5)


def test_the_question_and_beneath_it_the_facts_stand_on_every_picture(run: dict[Paper, Pictures]) -> None:
    for size in (PAGE, TALK):
        for _, picture in run[size]:
            question, facts = (" ".join(text.get_text().split("\n")) for text in picture.texts[:2])
            assert question.endswith("?")
            assert picture.texts[0].get_fontweight() == "bold"
            for fact in ("Test CPU", "2 cores", "Python 3.11.0", "Django 5.2", "n = 1 block", "loop", "20"):
                assert fact in facts
            assert extent(picture.texts[0]).y0 >= extent(picture.texts[1]).y1 - SLACK_PX


def test_every_picture_says_which_way_is_better(run: dict[Paper, Pictures]) -> None:
    for name, picture in run[PAGE]:
        assert "better" in " ".join(text.get_text() for text in words(picture)), name


def test_an_invalid_cell_is_drawn_hollow_named_and_its_reason_told(tmp_path: Path) -> None:
    found = analysed(tmp_path, *RUNS["six, some invalid"])
    for name, picture in drawn(found, PAGE):
        told = " ".join(" ".join(text.get_text() for text in words(picture)).split())
        assert "INVALID" in told, name
        assert "INVALID, drawn hollow:" in told, name
        assert "requests failed" in told, name


def test_the_check_itself_sees_a_word_at_the_edge_and_one_upon_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = analysed(tmp_path, *RUNS["eight, many levels, extreme"])
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
