"""Runs to draw, and what may be wrong with a picture."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
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


OPEN = "[load]\nmode = 'open'\n"


RATES = "[[endpoints]]\nname = 'wait'\nquery = { ms = 10 }\nrate = [50, 80, 400]\n"


CAPACITY = "[load]\nmode = 'capacity'\nobjective = 'p99 <= 60ms'\nstart_rate = 50\n"


SEARCHED = "[[endpoints]]\nname = 'hello'\n[[endpoints]]\nname = 'wait'\nquery = { ms = 10 }\n"


def drawn(found: Analysis, size: Paper) -> Iterator[tuple[str, Figure]]:
    """Every picture with its words in place. No dot of it is coloured: where words stand is what is looked at."""
    with mpl.rc_context(size.style):
        for name, pictures in charts.drawn(found, size):
            for picture in pictures:
                picture.draw_without_rendering()
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
