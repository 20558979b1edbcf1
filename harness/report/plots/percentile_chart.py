"""Latency percentiles on a log(1 − p) axis, which spreads out the tail. One panel per endpoint and level."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from harness.formatting import numbers
from harness.plan.slices import Cell, Level
from harness.report.chart_style import PERCENTILES, TAIL_SAMPLES
from harness.report.plots import drawing, page_size, ticks
from harness.report.plots.drawing import Subject
from harness.report.plots.level_charts import NAMES_MOST, names_room
from harness.report.plots.page_size import Paper
from harness.report.plots.sheet import Sheet
from harness.samples import SAMPLES_NEEDED
from harness.statistics import intervals

QUESTION: Final = "How long is the latency tail?"

NOTES: Final = (
    "Share of requests completed within each latency (99 %: one in 100 takes longer). Lower is better. Samples of all blocks"
    " pooled; a curve ends where fewer than seven samples lie beyond it. Dashed: sync view.",
)

POINTS: Final = 60

LEAST_HEIGHT: Final = 11.0  # of a panel, in rows

AROUND: Final = 4.6

FLAT: Final = 3.0  # the latency axis spans at least this factor, so that flat curves look flat

COLUMNS: Final = {"page": 2, "talk": 2}


def percentile_curves(subject: Subject) -> Iterator[Figure]:
    """Pictures of all endpoints and levels that have enough samples."""
    size = subject.paper
    longest = max((page_size.width(arm.name, size.small) for arm in subject.arms), default=0.0)
    columns = COLUMNS[size.name] if longest <= NAMES_MOST * size.width / 2 else 1
    shown = [group for group in subject.groups if any(_drawn(subject, group))]
    height = _height(subject, columns)
    lines = max(1, int(size.room / height)) if size.height is not None else max(1, len(shown))
    for place in range(0, len(shown), lines * columns):
        yield _picture(subject, shown[place : place + lines * columns], columns, height)


def _picture(subject: Subject, groups: list[tuple[str, Level]], columns: int, height: float) -> Figure:
    columns = min(columns, len(groups)) if subject.paper.height is not None else columns
    cells = [cell for group in groups for cell in subject.cells(*group)]
    sheet = Sheet(subject.paper, subject.words(QUESTION, cells, NOTES), [height] * -(-len(groups) // columns), columns)
    for place, group in enumerate(groups):
        panel = sheet.panel(place // columns, place % columns)
        for cell in _drawn(subject, group):
            _line(subject, sheet, panel, cell, columns)
        _axes(panel, sheet.paper)
        sheet.title(panel, numbers.pushed(subject.analysis.mode, *group))
    return sheet.finish()


def _height(subject: Subject, columns: int) -> float:
    """Height of a panel: room for its line labels, and a minimum."""
    size = subject.paper
    room = names_room(size, columns > 1)
    names = sum(page_size.count(page_size.wrapped(arm.name, room, size.small)) for arm in subject.arms)
    return (max(LEAST_HEIGHT, 1.05 * names) + AROUND) * size.row


def _drawn(subject: Subject, group: tuple[str, Level]) -> list[Cell]:
    """The cells with a curve; INVALID cells have none and are listed in a note."""
    least = SAMPLES_NEEDED[0.50]
    samples = subject.analysis.latencies
    return [c for c in subject.cells(*group) if c not in subject.lost and len(samples.get(c, ())) >= least]


def _line(subject: Subject, sheet: Sheet, panel: Axes, cell: Cell, columns: int) -> None:
    sample = subject.analysis.latencies[cell]
    beyond = np.geomspace(1.0, min(1.0, TAIL_SAMPLES / len(sample)), POINTS)[1:]
    found = intervals.quantiles_of_sorted(sample, 1 - beyond)
    panel.plot(beyond, found, **subject.line(cell.arm) | {"markevery": POINTS // 5})
    room = names_room(sheet.paper, columns > 1)
    name = page_size.wrapped(cell.arm, room, sheet.paper.small)
    sheet.side(panel, (float(beyond[-1]), float(found[-1])), name, drawing.ink(subject.colour(cell.arm)))


def _axes(panel: Axes, size: Paper) -> None:
    ticks.logarithmic(panel.yaxis, "y")
    panel.set_xscale("log")
    panel.invert_xaxis()
    panel.xaxis.set_major_locator(FixedLocator([1 - p for p in PERCENTILES]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * (1 - x):.5g}"))
    low, high = panel.get_ylim()
    if high / low < FLAT:
        middle = (low * high) ** 0.5
        panel.set_ylim(middle / FLAT**0.5, middle * FLAT**0.5)
    panel.set_ylabel("latency [ms]")
    panel.set_xlabel("percentile [%]")
