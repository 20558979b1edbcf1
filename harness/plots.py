"""Figures in, pictures out: each chart is a short function returning a matplotlib Figure. Pure but for `save_all`.

INVALID cells are drawn hollow. What charts are made of stands in drawing.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from harness import drawing, figures, hockey, sections
from harness.analysis import Analysis
from harness.metrics import CPU, HIGHEST_RATE, METRICS, THROUGHPUT, Metric
from harness.modes import CLOSED
from harness.plan import Cell

BY_COLUMN: Final = {metric.column: metric for metric in METRICS}


@dataclass(frozen=True)
class Mark:
    """One cell's place in a chart."""

    cell: Cell
    value: float
    low: float | None
    high: float | None
    label: str


Marks = Callable[[Analysis, Cell], Mark | None]


def save_all(analysis: Analysis, folder: Path, kind: str) -> list[str]:
    """Draw every chart into the folder as NAME.kind; returns the file names."""
    charts = CHARTS if analysis.curve.empty else {**CHARTS, "hockey_stick": hockey.stick}
    with plt.rc_context(drawing.STYLE):
        for name, draw in charts.items():
            figure = draw(analysis)
            figure.savefig(folder / f"{name}.{kind}", metadata={"Date": None} if kind == "svg" else None)
            plt.close(figure)
    return [f"{name}.{kind}" for name in charts]


def ratios(analysis: Analysis) -> Figure:
    """Every compared pair on every cell: ratio with interval, the line at 1, the A/A floor as a band."""
    metrics = [_rate(analysis), BY_COLUMN["p50_ms"], CPU]
    valid = sections.valid_comparisons(analysis, drawing.lost(analysis))
    asked = {(c.endpoint, c.level) for c in analysis.compared}
    keys = [
        key
        for key in dict.fromkeys((cell.endpoint, cell.level) for cell in analysis.cells)
        if key in asked or not asked
    ]
    pairs = [(pair.arm, pair.over) for pair in analysis.run.scenario.pairs]
    size = (16.0, 1.5 + len(keys) * (0.25 + 0.24 * len(pairs)))
    figure, axes = drawing.figure(
        analysis, "Which arm serves its users better, and by how much?", size, len(metrics), len(metrics), True
    )
    for metric, panel in zip(metrics, axes, strict=True):
        for row, (endpoint, level) in enumerate(keys):
            drawing.floor_band(panel, row, analysis.floor(endpoint, level, metric))
        for compared in valid:
            if compared.metric is metric:
                place = pairs.index((compared.arm, compared.over))
                row = keys.index((compared.endpoint, compared.level))
                drawing.ratio_mark(panel, row + (place - (len(pairs) - 1) / 2) * 0.8 / len(pairs), compared, place)
        drawing.ratio_axis(panel, metric)
    axes[0].set_yticks(range(len(keys)), [figures.cell(analysis.mode, *key) for key in keys])
    axes[0].set_ylim(len(keys) - 0.45, -0.55)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=drawing.COLOURS[i % 8], marker=drawing.MARKERS[i % 8], label=f"{arm} / {over}")
        for i, (arm, over) in enumerate(pairs)
    ]
    if analysis.floors:
        handles.append(Patch(color="0.85", label="A/A floor: so much do two equal arms differ"))
    figure.legend(handles=handles, loc="outside right upper")
    return figure


def throughput(analysis: Analysis) -> Figure:
    """Correct responses per second against the level; in a search for capacity, the highest rate that kept the promise."""
    metric = _rate(analysis)
    question = "How many correct responses per second?   (more is better)"
    if metric is HIGHEST_RATE:
        question = f"Up to which rate does an arm keep {analysis.run.scenario.load.objective}?   (more is better)"
    return _by_level(analysis, question, _named(metric), _value_of(metric))


def latency(analysis: Analysis) -> Figure:
    """Median latency with a whisker up to p99, against the level."""
    question = "How long does a user wait? Mark or bar: median; whisker: up to p99   (less is better)"
    return _by_level(analysis, question, "latency [ms]", _median_to_p99)


def cpu_per_request(analysis: Analysis) -> Figure:
    """Server CPU per correct response, against the level."""
    question = "What does a request cost the server's CPU?   (less is better)"
    return _by_level(analysis, question, _named(CPU), _value_of(CPU))


def percentile_curves(analysis: Analysis) -> Figure:
    """Latency against percentile on a log(1 − p) axis: the tail gets as much room as the middle."""
    groups = list(dict.fromkeys((cell.endpoint, cell.level) for cell in analysis.cells))
    lost, columns = drawing.lost(analysis), min(3, len(groups))
    lines = -(-len(groups) // columns)
    question = "Where is the tail? Latency by percentile   (lower is better)"
    figure, axes = drawing.figure(analysis, question, (4.6 * columns + 2.4, 3.1 * lines + 0.8), len(groups), columns)
    for panel, (endpoint, level) in zip(axes, groups, strict=True):
        for cell in analysis.cells:
            if (cell.endpoint, cell.level) == (endpoint, level) and cell not in lost:
                drawing.percentile_line(analysis, panel, cell)
        panel.set_title(figures.pushed(analysis.mode, endpoint, level))
        drawing.percentile_axis(panel)
    handles = [
        Line2D([], [], label=arm.name, **drawing.line_style(analysis, arm.name)) for arm in analysis.run.scenario.arms
    ]
    figure.legend(handles=handles, loc="outside right upper")
    return figure


def memory_and_threads(analysis: Analysis) -> Figure:
    """Resident memory and threads of each arm, the largest over its cells."""
    arms = [arm.name for arm in analysis.run.scenario.arms]
    question = (
        "What does an arm hold? Largest over its cells; pools left by one endpoint count in the next   (less is better)"
    )
    figure, axes = drawing.figure(analysis, question, (13.0, 1.4 + 0.4 * len(arms)), 2, 2, True)
    for panel, column in zip(axes, ("rss_mib", "threads"), strict=True):
        marks = [(float(place), mark) for place, arm in enumerate(arms) if (mark := _largest(analysis, arm, column))]
        _bars(analysis, panel, marks)
        panel.set_xlabel(_named(BY_COLUMN[column]))
    axes[0].set_yticks(range(len(arms)), arms)
    axes[0].invert_yaxis()
    return figure


CHARTS: Final[dict[str, Callable[[Analysis], Figure]]] = {
    "ratios": ratios,
    "throughput": throughput,
    "latency": latency,
    "percentile_curves": percentile_curves,
    "cpu_per_request": cpu_per_request,
    "memory_and_threads": memory_and_threads,
}


# one panel per endpoint: lines where it has several levels, bars where it has one


def _by_level(analysis: Analysis, question: str, axis: str, marks: Marks) -> Figure:
    drawn = [cell for cell in analysis.cells if analysis.whole(cell) == cell or marks(analysis, cell)]
    endpoints = list(dict.fromkeys(cell.endpoint for cell in drawn))  # the parts of a mix have no CPU of their own
    columns = min(2, len(endpoints))
    lines = -(-len(endpoints) // columns)
    arms = len(analysis.run.scenario.arms)
    size = (6.8 * columns, 0.9 + lines * max(2.4, 1.0 + 0.32 * arms))
    figure, axes = drawing.figure(analysis, question, size, len(endpoints), columns)
    for panel, endpoint in zip(axes, endpoints, strict=True):
        cells = [cell for cell in analysis.cells if cell.endpoint == endpoint]
        if len({cell.level for cell in cells}) > 1:
            _lines_panel(analysis, panel, cells, marks)
            panel.set_ylabel(axis)
        else:
            _bars_panel(analysis, panel, cells, marks)
            panel.set_xlabel(axis)
    return figure


def _bars_panel(analysis: Analysis, panel: Axes, cells: list[Cell], marks: Marks) -> None:
    lost = drawing.lost(analysis)
    placed = [(float(place), mark) for place, cell in enumerate(cells) if (mark := marks(analysis, cell))]
    _bars(analysis, panel, placed)
    drawn = {mark.cell for _, mark in placed}
    for place, cell in enumerate(cells):
        if cell not in drawn:
            drawing.note(panel, 0.0, place, "INVALID" if cell in lost else "n too small")
    panel.set_yticks(range(len(cells)), [cell.arm for cell in cells])
    panel.set_ylim(len(cells) - 0.4, -0.6)
    panel.set_title(figures.pushed(analysis.mode, cells[0].endpoint, cells[0].level))


def _bars(analysis: Analysis, panel: Axes, marks: Sequence[tuple[float, Mark]]) -> None:
    lost = drawing.lost(analysis)
    for place, mark in marks:
        colour, hollow = drawing.colour(analysis, mark.cell.arm), mark.cell in lost
        hatch = "" if drawing.is_async(analysis, mark.cell.arm) else "///"
        face: dict[str, Any] = (
            {"color": "none", "edgecolor": colour} if hollow else {"color": colour, "edgecolor": "white"}
        )
        panel.barh(place, mark.value, height=0.7, hatch=hatch, **face)
        end = mark.value
        if mark.low is not None and mark.high is not None:
            panel.plot([mark.low, mark.high], [place, place], color="black", lw=1.3, marker="|", ms=7)
            end = max(end, mark.high)
        drawing.note(panel, end, place, f"INVALID ({mark.label})" if hollow else mark.label)
    panel.grid(axis="y", visible=False)
    panel.margins(x=0.3)
    panel.set_xlim(left=0)


def _lines_panel(analysis: Analysis, panel: Axes, cells: list[Cell], marks: Marks) -> None:
    lost, levels = drawing.lost(analysis), sorted({cell.level for cell in cells})
    arms = [arm.name for arm in analysis.run.scenario.arms]
    for index, arm in enumerate(arms):
        drawn = [mark for cell in cells if cell.arm == arm and (mark := marks(analysis, cell))]
        dodge = 1 + 0.012 * (index - (len(arms) - 1) / 2)
        style = drawing.line_style(analysis, arm)
        sound = [mark for mark in drawn if mark.cell not in lost]
        panel.plot([mark.cell.level * dodge for mark in sound], [mark.value for mark in sound], **style)
        for mark in drawn:
            x = mark.cell.level * dodge
            if mark.cell in lost:
                panel.plot([x], [mark.value], **style | {"ls": "", "markerfacecolor": "none"})
            elif mark.low is not None and mark.high is not None:
                panel.plot([x, x], [mark.low, mark.high], color=style["color"], lw=1, marker="_", ms=6)
        if sound:
            drawing.note(panel, levels[-1] * 1.12, sound[-1].value, f"{arm}: {sound[-1].label}", style["color"])
    panel.set_xscale("log")
    panel.set_xlim(levels[0] / 1.2, levels[-1] * (levels[-1] / levels[0]) ** 1.15)
    panel.set_ylim(bottom=0)
    panel.xaxis.set_major_locator(FixedLocator(levels))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("users" if analysis.mode == CLOSED else "offered rate [1/s]")
    panel.set_title(cells[0].endpoint)
    drawing.spread_notes(panel, levels[-1] * 1.05)


# marks: what is drawn of a cell


def _rate(analysis: Analysis) -> Metric:
    return HIGHEST_RATE if HIGHEST_RATE in analysis.metrics else THROUGHPUT


def _named(metric: Metric) -> str:
    return f"{metric.title} [{metric.unit}]" if metric.unit else metric.title


def _value_of(metric: Metric) -> Marks:
    def mark(analysis: Analysis, cell: Cell) -> Mark | None:
        found = analysis.estimate(cell, metric)
        return Mark(cell, found.value, found.low, found.high, figures.number(found.value)) if found else None

    return mark


def _median_to_p99(analysis: Analysis, cell: Cell) -> Mark | None:
    p50, p99 = (analysis.estimate(cell, BY_COLUMN[column]) for column in ("p50_ms", "p99_ms"))
    if p50 is None:
        return None
    if p99 is None:
        return Mark(cell, p50.value, None, None, f"p50 {figures.number(p50.value)} (p99: n too small)")
    label = f"p50 {figures.number(p50.value)}, p99 {figures.number(p99.value)}"
    return Mark(cell, p50.value, p50.value, p99.value, label)


def _largest(analysis: Analysis, arm: str, column: str) -> Mark | None:
    rows = analysis.per_block
    values = rows[rows.arm == arm].groupby("block")[column].max().dropna()
    if not len(values):
        return None
    middle = float(values.median())
    return Mark(Cell(arm, "", 0), middle, float(values.min()), float(values.max()), figures.number(middle))
