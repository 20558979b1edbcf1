"""Runs to draw, and what may be wrong with a picture."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox
from support.fakes import FakeLoad, FakeStage
from support.runs import fake_run

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.report.plots import charts
from harness.report.plots.page_size import Paper
from harness.scenario import reader

SLACK_PX = 1.0


LONG = "gthread $x_1$ WWW Unaussprechlichkeitenverzeichnis of 812"


def asked(arms: int, endpoints: str, load: str = "", long: bool = False, blocks: int = 1) -> str:
    """A scenario of so many arms, the next four of them compared to the first."""
    names = [f"{LONG} {place}" if long else f"sync · gthread×{2**place}" for place in range(arms)]
    pairs = ", ".join(f"{{ arm = '{name}', over = '{names[0]}' }}" for name in names[1:5])
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


OPEN = "[load]\nmode = 'open'\n"


RATES = "[[endpoints]]\nname = 'wait'\nquery = { ms = 10 }\nrate = [50, 80, 400]\n"


CAPACITY = "[load]\nmode = 'capacity'\nobjective = 'p99 <= 60ms'\nstart_rate = 50\n"


SEARCHED = "[[endpoints]]\nname = 'hello'\n[[endpoints]]\nname = 'wait'\nquery = { ms = 10 }\n"


Charts = Iterable[tuple[str, Iterable[Figure]]]


def drawn(found: Analysis, size: Paper, only: str = "") -> Iterator[tuple[str, Figure]]:
    """Every picture of every chart, or of one, with its words in place."""
    return in_place(size, lambda: charts.drawn(found, size), only)


def in_place(size: Paper, draw: Callable[[], Charts], only: str = "") -> Iterator[tuple[str, Figure]]:
    """Pictures with their words in place. No dot of them is coloured: where words stand is what is looked at."""
    with mpl.rc_context(size.style), pytest.MonkeyPatch.context() as patch:
        patch.setattr(RendererAgg, "get_text_width_height_descent", measured_once)
        for name, pictures in draw():
            if name == (only or name):
                for picture in pictures:
                    only_words(picture)
                    yield name, picture


def only_words(picture: Figure) -> None:
    """Bring the words to their places; lines and bars are not drawn, of which no place of a word depends."""
    marks = [mark for axes in picture.axes for mark in (*axes.lines, *axes.patches, *axes.collections)]
    ties = [text.arrow_patch for axes in picture.axes for text in axes.texts if isinstance(text, Annotation)]
    shown = [artist for artist in (*marks, *ties) if artist is not None]
    for artist in shown:
        artist.set_visible(False)
    picture.draw_without_rendering()
    for artist in shown:
        artist.set_visible(True)


def measured_once(renderer: RendererAgg, text: str, font: FontProperties, math: bool) -> tuple[float, float, float]:
    """How wide and high a text is: the same words stand on many pictures, and each of them would measure them anew."""
    return measured(text, font, math, renderer.dpi)


@cache
def measured(text: str, font: FontProperties, math: bool, dpi: float) -> tuple[float, float, float]:
    return MEASURE(of_resolution(dpi), text, font, math)  # type: ignore[no-any-return]


@cache
def of_resolution(dpi: float) -> RendererAgg:
    return RendererAgg(1, 1, dpi)  # type: ignore[no-untyped-call]


MEASURE: Any = RendererAgg.get_text_width_height_descent


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
    corners = [(text, *box.extents.tolist()) for text, box in boxes.items()]
    for (one, left, low, right, high), (other, west, south, east, north) in combinations(corners, 2):
        if min(right, east) - max(left, west) > 2 * SLACK_PX < min(high, north) - max(low, south):
            yield f"on each other: {one.get_text()!r} and {other.get_text()!r}"


def words(picture: Figure) -> list[Text]:
    """The texts that are seen."""
    unseen = {text for axes in picture.axes for text in hidden(axes)}
    found = picture.findobj(lambda artist: isinstance(artist, Text) and artist not in unseen)
    return [text for text in found if isinstance(text, Text) and text.get_text().strip() and text.get_visible()]


def hidden(axes: Axes) -> Iterator[Text]:
    """Ticks out of view, and those of rows that another panel names, keep their texts."""
    for axis, place in ((axes.xaxis, 0), (axes.yaxis, 1)):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            yield tick.label2
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if not tick.label1.get_visible() or not low <= tick.label1.get_position()[place] <= high:
                yield tick.label1


def extent(text: Text) -> Bbox:
    """The words alone, without the line that ties them to a point."""
    return Text.get_window_extent(text)
