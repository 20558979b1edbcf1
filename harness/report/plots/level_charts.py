"""Throughput, latency and CPU, one panel per endpoint: lines if it has several levels, bars if it has one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.load_modes import CAPACITY, CLOSED, OPEN
from harness.registry.metrics import CPU, HIGHEST_RATE, P50, P99, Metric
from harness.report.chart_style import DUETS
from harness.report.plots import caption, drawing, page_size, ticks
from harness.report.plots.drawing import Mark, Marks, Subject
from harness.report.plots.page_size import Paper
from harness.report.plots.sheet import Sheet
from harness.samples import SAMPLES_NEEDED
from harness.statistics.intervals import FEWEST_FOR_MEDIAN

LONGEST_FIGURE: Final = ": p50 12 345, p99 12 345"  # beside a line's name

NAMES_MOST: Final = 0.46  # of a panel's share of the width, that row or line labels may take

AROUND: Final = 4.6  # lines of text around a panel's rows: title, tick labels, axis label

LEAST_LINES: Final = 9.0  # rows' worth of height that a panel of lines takes at least

VIEWS: Final = "Hatched or dashed: sync view."


@dataclass(frozen=True)
class Chart:
    """What is drawn for every endpoint."""

    question: str
    axis: str
    marks: Marks
    notes: Sequence[str]


def over_blocks(subject: Subject) -> str:
    """What marks and thin lines are; of few blocks a median has no interval."""
    beside = f" {DUETS}" if subject.analysis.has_duets else ""
    if subject.analysis.blocks >= FEWEST_FOR_MEDIAN:
        return f"Median over blocks; thin line: 95 % interval. {VIEWS}{beside}"
    few = f"it has an interval from {FEWEST_FOR_MEDIAN} blocks on, ratios have one before"
    return f"Median over blocks; {few}. {VIEWS}{beside}"


def throughput(subject: Subject) -> Iterator[Figure]:
    """Correct responses per second against the level; in a capacity search, the highest rate that met the objective."""
    metric, mode = subject.rate, subject.analysis.mode
    if metric is HIGHEST_RATE:
        objective = subject.analysis.run.scenario.load.objective
        asked = f"Up to which rate does each deployment meet {objective}?"
        notes = [
            f"Highest rate that met {objective}: that of the lowest block, so that every block held it. Hatched: sync view."
        ]
        axis = f"highest rate [req/s], {drawing.better(metric)}"
        return pictures(
            subject, Chart(caption.question(subject.analysis, CAPACITY, asked), axis, of_metric(metric), notes)
        )
    asked = "What throughput does each deployment reach?"
    notes = [over_blocks(subject)] + (
        ["Throughput equals the offered rate until a deployment is saturated."] if mode == OPEN else []
    )
    return pictures(
        subject, Chart(asked, f"{drawing.title(metric)}, {drawing.better(metric)}", of_metric(metric), notes)
    )


def latency(subject: Subject) -> Iterator[Figure]:
    """Median latency with a whisker to p99, against the level."""
    asked = caption.question(subject.analysis, OPEN, "What latency do users see?")
    notes = [
        "Mark or bar: median (p50). Thin line: up to p99, where there are at least"
        f" {SAMPLES_NEEDED[0.99]} samples. Hatched or dashed: sync view."
    ]
    return pictures(subject, Chart(asked, "latency [ms], lower is better", median_to_p99, notes))


def cpu_per_request(subject: Subject) -> Iterator[Figure]:
    """Server CPU per correct response, against the level."""
    asked = "How much server CPU time does a request use?"
    axis = f"{drawing.title(CPU)}, {drawing.better(CPU)}"
    return pictures(subject, Chart(asked, axis, of_metric(CPU), [over_blocks(subject)]))


def of_metric(metric: Metric) -> Marks:
    """The metric's value of each cell."""
    return lambda subject, cell: subject.mark(cell, metric)


def median_to_p99(subject: Subject, cell: Cell) -> Mark | None:
    """The median, with a whisker to p99 if there are enough samples."""
    p50, p99 = (subject.analysis.estimate(cell, metric) for metric in (P50, P99))
    if p50 is None:
        return None
    if p99 is None:
        return subject.styled(cell, p50.value, None, None, f"p50 {numbers.number(p50.value)}")
    label = f"p50 {numbers.number(p50.value)}, p99 {numbers.number(p99.value)}"
    return subject.styled(cell, p50.value, p50.value, p99.value, label)


@dataclass(frozen=True)
class Panel:
    """One endpoint's share of a picture."""

    endpoint: str
    cells: Sequence[Cell]
    wide: bool  # takes the whole width
    height: float

    @property
    def lines(self) -> bool:
        return len({cell.level for cell in self.cells}) > 1


def pictures(subject: Subject, chart: Chart) -> Iterator[Figure]:
    """As many as the panels of all endpoints need."""
    panels = list(_panels(subject, chart))
    for shelves in pages(subject.paper, list(_shelves(panels))):
        cells = [cell for shelf in shelves for panel in shelf for cell in panel.cells]
        words = subject.words(chart.question, cells, chart.notes)
        sheet = Sheet(subject.paper, words, [max(panel.height for panel in shelf) for shelf in shelves], 2)
        alone = len(shelves) == 1 and len(shelves[0]) == 1
        for row, shelf in enumerate(shelves):
            for column, panel in enumerate(shelf):
                whole = panel.wide or (alone and subject.paper.height is not None)
                axes = sheet.panel(row, None if whole else column)
                (_lines_panel if panel.lines else _bars_panel)(subject, sheet, axes, panel, chart)
        yield sheet.finish()


def _panels(subject: Subject, chart: Chart) -> Iterator[Panel]:
    """Panels with several levels first: they take the whole width."""
    size = subject.paper
    drawn = [c for c in subject.shown if subject.analysis.whole(c) == c or chart.marks(subject, c)]
    told = {cell.endpoint for cell in drawn if chart.marks(subject, cell) or cell in subject.lost}
    longest = max((page_size.width(arm.name, size.small) for arm in subject.arms), default=0.0)
    narrow = longest <= NAMES_MOST * size.width / 2
    found = []
    for endpoint in dict.fromkeys(cell.endpoint for cell in drawn):
        cells = [cell for cell in drawn if cell.endpoint == endpoint]
        if endpoint not in told:
            continue
        several = len({cell.level for cell in cells}) > 1
        longer = LONGEST_FIGURE if several else ""
        rows = sum(
            _names_lines(size, cell.arm + longer, narrow and not several)
            for cell in cells
            if cell.level == cells[0].level
        )
        height = (max(rows, LEAST_LINES if several else 0) + AROUND) * size.row
        found.append(Panel(endpoint, cells, several or not narrow, height))
    yield from sorted(found, key=lambda panel: not panel.lines)


def _names_lines(size: Paper, name: str, narrow: bool) -> int:
    return page_size.count(page_size.wrapped(name, names_room(size, narrow), size.small))


def names_room(size: Paper, narrow: bool) -> float:
    """How wide labels at the left of a panel may be."""
    return NAMES_MOST * size.width / (2 if narrow else 1)


def _shelves(panels: Sequence[Panel]) -> Iterator[list[Panel]]:
    """Panels side by side: one that is wide, or two that are not."""
    for wide, some in groupby(panels, key=lambda panel: panel.wide):
        group = list(some)
        step = 1 if wide else 2
        yield from (group[place : place + step] for place in range(0, len(group), step))


def pages(size: Paper, shelves: Sequence[list[Panel]]) -> Iterator[list[list[Panel]]]:
    """As many shelves to a picture as it has room for, and one at least."""
    page: list[list[Panel]] = []
    for shelf in shelves:
        used = sum(max(panel.height for panel in one) for one in page)
        if page and used + max(panel.height for panel in shelf) > size.room:
            yield page
            page = []
        page.append(shelf)
    if page:
        yield page


def _bars_panel(subject: Subject, sheet: Sheet, axes: Axes, panel: Panel, chart: Chart) -> None:
    for row, cell in enumerate(panel.cells):
        mark = chart.marks(subject, cell)
        if mark is not None:
            drawing.bar(sheet, axes, row, mark)
        else:
            sheet.end(axes, 0.0, row, "INVALID" if cell in subject.lost else "too few samples")
    narrow = not panel.wide
    sheet.name_rows(axes, [cell.arm for cell in panel.cells], names_room(subject.paper, narrow))
    axes.set_ylim(len(panel.cells) - 0.5, -0.5)
    axes.set_xlim(left=0)
    ticks.linear(axes.xaxis)
    axes.set_xlabel(chart.axis)
    sheet.title(axes, numbers.pushed(subject.analysis.mode, panel.endpoint, panel.cells[0].level))


def _lines_panel(subject: Subject, sheet: Sheet, axes: Axes, panel: Panel, chart: Chart) -> None:
    levels = sorted({cell.level for cell in panel.cells})
    arms = [arm.name for arm in subject.arms if any(cell.arm == arm.name for cell in panel.cells)]
    apart = (levels[-1] / levels[0]) ** (0.012 / max(1, len(arms) - 1) * 2)
    for index, arm in enumerate(arms):
        own = [cell for cell in panel.cells if cell.arm == arm]
        drawn = [(cell, mark) for cell in own if (mark := chart.marks(subject, cell))]
        shift, style = apart ** (index - (len(arms) - 1) / 2), subject.line(arm)
        sound = [(cell.level * shift, mark.value) for cell, mark in drawn if not mark.hollow]
        axes.plot([x for x, _ in sound], [y for _, y in sound], **style)
        for cell, mark in drawn:
            x = cell.level * shift
            if mark.hollow:
                axes.plot([x], [mark.value], **style | {"ls": "", "markerfacecolor": "white"})
            elif mark.low is not None and mark.high is not None:
                ends = {
                    "color": style["color"],
                    "lw": subject.paper.scale,
                    "marker": "_",
                    "ms": 4 * subject.paper.scale,
                }
                axes.plot([x, x], [mark.low, mark.high], **ends)
        if drawn:
            cell, mark = drawn[-1]
            told = f"{arm}: {'INVALID' if mark.hollow else mark.label}"
            room = names_room(subject.paper, False)
            told = page_size.wrapped(told, room, subject.paper.small)
            sheet.side(axes, (cell.level * shift, mark.value), told, drawing.ink(style["color"]))
    axes.set_xscale("log")
    axes.set_xlim(levels[0] / 1.06, levels[-1] * 1.06)
    axes.set_ylim(bottom=0)
    ticks.at(axes.xaxis, levels)
    ticks.linear(axes.yaxis)
    axes.set_xlabel("users" if subject.analysis.mode == CLOSED else "offered rate [1/s]")
    axes.set_ylabel(chart.axis)
    sheet.title(axes, panel.endpoint)
