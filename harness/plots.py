"""Figures in, pictures out: each chart is a short function returning a matplotlib Figure. Pure but for `save_all`.

Colours are Okabe and Ito's, which colour-blind people can tell apart; sync is hatched or dashed and async plain,
and every arm has its own marker, so that a print in grey can be read. INVALID cells are drawn hollow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from harness import checks, figures, report
from harness.analysis import Analysis, Compared
from harness.metrics import METRICS, SAMPLES_NEEDED, Metric
from harness.plan import Cell

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B")
MARKERS: Final = "osD^vPX*"
PERCENTILES: Final = (0.50, 0.90, 0.99, 0.999, 0.9999)
TAIL_SAMPLES: Final = 6.6  # a curve ends where fewer samples than this lie beyond: the rule of SAMPLES_NEEDED
BY_COLUMN: Final = {metric.column: metric for metric in METRICS}
STYLE: Final[Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "grid.alpha": 0.3,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "savefig.dpi": 150,
    "svg.hashsalt": "bench",
}


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
    with plt.rc_context(STYLE):
        for name, draw in CHARTS.items():
            figure = draw(analysis)
            figure.savefig(folder / f"{name}.{kind}", metadata={"Date": None} if kind == "svg" else None)
            plt.close(figure)
    return [f"{name}.{kind}" for name in CHARTS]


def ratios(analysis: Analysis) -> Figure:
    """Every compared pair on every cell: ratio with interval, the line at 1, the A/A floor as a band."""
    metrics = [BY_COLUMN[column] for column in ("throughput_rps", "p50_ms", "cpu_ms_per_request")]
    valid = report.valid_comparisons(analysis, _lost(analysis))
    keys = list(dict.fromkeys((cell.endpoint, cell.users) for cell in analysis.cells))
    pairs = [(pair.arm, pair.over) for pair in analysis.run.scenario.pairs]
    size = (16.0, 1.5 + len(keys) * (0.25 + 0.24 * len(pairs)))
    figure, axes = _figure(
        analysis, "Which arm serves its users better, and by how much?", size, len(metrics), len(metrics), True
    )
    for metric, panel in zip(metrics, axes, strict=True):
        for row, (endpoint, users) in enumerate(keys):
            _floor_band(panel, row, analysis.floor(endpoint, users, metric))
        for compared in valid:
            if compared.metric is metric:
                place = pairs.index((compared.arm, compared.over))
                row = keys.index((compared.endpoint, compared.users))
                _ratio_mark(panel, row + (place - (len(pairs) - 1) / 2) * 0.8 / len(pairs), compared, place)
        _ratio_axis(panel, metric)
    axes[0].set_yticks(range(len(keys)), [f"{endpoint} @ {users}" for endpoint, users in keys])
    axes[0].set_ylim(len(keys) - 0.45, -0.55)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=COLOURS[i % 8], marker=MARKERS[i % 8], label=f"{arm} / {over}")
        for i, (arm, over) in enumerate(pairs)
    ]
    if analysis.floors:
        handles.append(Patch(color="0.85", label="A/A floor: so much do two equal arms differ"))
    figure.legend(handles=handles, loc="outside right upper")
    return figure


def throughput(analysis: Analysis) -> Figure:
    """Correct responses per second against users."""
    metric = BY_COLUMN["throughput_rps"]
    return _by_users(analysis, "How many correct responses per second?   (more is better)", metric, _value_of(metric))


def latency(analysis: Analysis) -> Figure:
    """Median latency with a whisker up to p99, against users."""
    return _by_users(analysis, "How long does a user wait?   (less is better)", BY_COLUMN["p50_ms"], _median_to_p99)


def cpu_per_request(analysis: Analysis) -> Figure:
    """Server CPU per correct response, against users."""
    metric = BY_COLUMN["cpu_ms_per_request"]
    return _by_users(
        analysis, "What does a request cost the server's CPU?   (less is better)", metric, _value_of(metric)
    )


def percentile_curves(analysis: Analysis) -> Figure:
    """Latency against percentile on a log(1 − p) axis: the tail gets as much room as the middle."""
    groups = list(dict.fromkeys((cell.endpoint, cell.users) for cell in analysis.cells))
    lost, columns = _lost(analysis), min(3, len(groups))
    lines = -(-len(groups) // columns)
    question = "Where is the tail? Latency by percentile   (lower is better)"
    figure, axes = _figure(analysis, question, (4.6 * columns + 2.4, 3.1 * lines + 0.8), len(groups), columns)
    for panel, (endpoint, users) in zip(axes, groups, strict=True):
        for cell in analysis.cells:
            if (cell.endpoint, cell.users) == (endpoint, users) and cell not in lost:
                _percentile_line(analysis, panel, cell)
        panel.set_title(f"{endpoint} @ {users} users")
        _percentile_axis(panel)
    handles = [Line2D([], [], label=arm.name, **_line_style(analysis, arm.name)) for arm in analysis.run.scenario.arms]
    figure.legend(handles=handles, loc="outside right upper")
    return figure


def memory_and_threads(analysis: Analysis) -> Figure:
    """Resident memory and threads of each arm, the largest over its cells."""
    arms = [arm.name for arm in analysis.run.scenario.arms]
    question = "What does an arm hold while it serves? Largest over its cells   (less is better)"
    figure, axes = _figure(analysis, question, (13.0, 1.4 + 0.4 * len(arms)), 2, 2, True)
    for panel, column in zip(axes, ("rss_mib", "threads"), strict=True):
        marks = [(float(place), mark) for place, arm in enumerate(arms) if (mark := _largest(analysis, arm, column))]
        _bars(analysis, panel, marks)
        unit = BY_COLUMN[column].unit
        panel.set_xlabel(f"{BY_COLUMN[column].title} [{unit}]" if unit else BY_COLUMN[column].title)
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


def _by_users(analysis: Analysis, question: str, metric: Metric, marks: Marks) -> Figure:
    endpoints = list(dict.fromkeys(cell.endpoint for cell in analysis.cells))
    columns = min(2, len(endpoints))
    lines = -(-len(endpoints) // columns)
    arms = len(analysis.run.scenario.arms)
    size = (6.8 * columns, 0.9 + lines * max(2.4, 1.0 + 0.32 * arms))
    figure, axes = _figure(analysis, question, size, len(endpoints), columns)
    for panel, endpoint in zip(axes, endpoints, strict=True):
        cells = [cell for cell in analysis.cells if cell.endpoint == endpoint]
        if len({cell.users for cell in cells}) > 1:
            _lines_panel(analysis, panel, cells, marks)
            panel.set_ylabel(f"{metric.title} [{metric.unit}]")
        else:
            _bars_panel(analysis, panel, cells, marks)
            panel.set_xlabel(f"{metric.title} [{metric.unit}]")
    return figure


def _bars_panel(analysis: Analysis, panel: Axes, cells: list[Cell], marks: Marks) -> None:
    lost = _lost(analysis)
    placed = [(float(place), mark) for place, cell in enumerate(cells) if (mark := marks(analysis, cell))]
    _bars(analysis, panel, placed)
    drawn = {mark.cell for _, mark in placed}
    for place, cell in enumerate(cells):
        if cell not in drawn:
            _note(panel, 0.0, place, "INVALID" if cell in lost else "n too small")
    panel.set_yticks(range(len(cells)), [cell.arm for cell in cells])
    panel.invert_yaxis()
    panel.set_title(f"{cells[0].endpoint} @ {cells[0].users} users")


def _bars(analysis: Analysis, panel: Axes, marks: Sequence[tuple[float, Mark]]) -> None:
    lost = _lost(analysis)
    for place, mark in marks:
        colour, hollow = _colour(analysis, mark.cell.arm), mark.cell in lost
        hatch = "" if _is_async(analysis, mark.cell.arm) else "///"
        face: dict[str, Any] = (
            {"color": "none", "edgecolor": colour} if hollow else {"color": colour, "edgecolor": "white"}
        )
        panel.barh(place, mark.value, height=0.7, hatch=hatch, **face)
        end = mark.value
        if mark.low is not None and mark.high is not None:
            panel.plot([mark.low, mark.high], [place, place], color="black", lw=1.3, marker="|", ms=7)
            end = max(end, mark.high)
        _note(panel, end, place, f"INVALID ({mark.label})" if hollow else mark.label)
    panel.grid(axis="y", visible=False)
    panel.margins(x=0.3)
    panel.set_xlim(left=0)


def _lines_panel(analysis: Analysis, panel: Axes, cells: list[Cell], marks: Marks) -> None:
    lost, levels = _lost(analysis), sorted({cell.users for cell in cells})
    arms = [arm.name for arm in analysis.run.scenario.arms]
    for index, arm in enumerate(arms):
        drawn = [mark for cell in cells if cell.arm == arm and (mark := marks(analysis, cell))]
        dodge = 1 + 0.012 * (index - (len(arms) - 1) / 2)
        style = _line_style(analysis, arm)
        sound = [mark for mark in drawn if mark.cell not in lost]
        panel.plot([mark.cell.users * dodge for mark in sound], [mark.value for mark in sound], **style)
        for mark in drawn:
            x = mark.cell.users * dodge
            if mark.cell in lost:
                panel.plot([x], [mark.value], **style | {"ls": "", "markerfacecolor": "none"})
            elif mark.low is not None and mark.high is not None:
                panel.plot([x, x], [mark.low, mark.high], color=style["color"], lw=1, marker="_", ms=6)
        if sound:
            _note(panel, levels[-1] * 1.06, sound[-1].value, arm, style["color"])
    panel.set_xscale("log")
    panel.set_xlim(levels[0] / 1.2, levels[-1] * (levels[-1] / levels[0]) ** 0.75)
    panel.set_ylim(bottom=0)
    panel.xaxis.set_major_locator(FixedLocator(levels))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("users")
    panel.set_title(cells[0].endpoint)
    _spread_notes(panel)


# marks: what is drawn of a cell


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
        return Mark(cell, p50.value, None, None, f"p50 {figures.number(p50.value)} (too few samples for p99)")
    label = f"p50 {figures.number(p50.value)}, p99 {figures.number(p99.value)}"
    return Mark(cell, p50.value, p50.value, p99.value, label)


def _largest(analysis: Analysis, arm: str, column: str) -> Mark | None:
    rows = analysis.per_block
    values = rows[rows.arm == arm].groupby("block")[column].max().dropna()
    if not len(values):
        return None
    middle = float(values.median())
    return Mark(Cell(arm, "", 0), middle, float(values.min()), float(values.max()), figures.number(middle))


# the parts of a chart


def _figure(
    analysis: Analysis, question: str, size: tuple[float, float], panels: int, columns: int, share: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure with its question on top and machine, versions and n below; `panels` panels in rows of `columns`."""
    lines = -(-panels // columns)
    figure, grid = plt.subplots(lines, columns, figsize=size, layout="constrained", squeeze=False, sharey=share)
    machine = analysis.run.head["machine"]
    version = f"Python {machine['python']}, Django {machine['packages']['django']}"
    below = f"{analysis.run.head['scenario']} · n = {analysis.blocks} blocks · {version} · {machine['cpu']}"
    figure.suptitle(question, x=0.01, ha="left", weight="bold")
    figure.supxlabel(below, x=0.01, ha="left", fontsize=8, color="0.35")
    axes = list(grid.flat)
    for spare in axes[panels:]:
        spare.remove()
    return figure, axes[:panels]


def _percentile_line(analysis: Analysis, panel: Axes, cell: Cell) -> None:
    sample = analysis.latencies.get(cell, np.empty(0))
    if len(sample) < SAMPLES_NEEDED[0.50]:
        return
    beyond = np.geomspace(1.0, min(1.0, TAIL_SAMPLES / len(sample)), 200)[1:]
    style = _line_style(analysis, cell.arm) | {"markevery": 40, "ms": 5}
    panel.plot(beyond, np.quantile(sample, 1 - beyond), **style)


def _percentile_axis(panel: Axes) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.invert_xaxis()
    panel.xaxis.set_major_locator(FixedLocator([1 - p for p in PERCENTILES]))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * (1 - x):.5g}"))
    panel.xaxis.set_minor_locator(NullLocator())
    low, high = panel.get_ylim()
    if high / low < 3:  # so that a flat curve looks flat, and the axis has a number on it
        panel.set_ylim(low / 1.5, high * 1.5)
    panel.yaxis.set_major_locator(FixedLocator([a * 10**e for e in range(-1, 6) for a in (1, 2, 5)]))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.yaxis.set_minor_locator(NullLocator())
    panel.set_ylabel("latency [ms]")
    panel.set_xlabel("percentile [%]")


def _floor_band(panel: Axes, row: int, floor: float | None) -> None:
    if floor is not None:
        panel.fill_betweenx([row - 0.46, row + 0.46], 1 / (1 + floor), 1 + floor, color="0.85", lw=0, zorder=0)


def _ratio_mark(panel: Axes, place: float, compared: Compared, index: int) -> None:
    ratio, colour = compared.ratio, COLOURS[index % 8]
    low, high = ratio.low or ratio.value, ratio.high or ratio.value
    panel.plot([low, high], [place, place], color=colour, lw=1.6)
    panel.plot([ratio.value], [place], color=colour, marker=MARKERS[index % 8], ms=5)
    _note(panel, high, place, f"{figures.number(ratio.value)}×", size=7)


def _ratio_axis(panel: Axes, metric: Metric) -> None:
    panel.axvline(1, color="black", lw=1)
    panel.set_xscale("log")
    panel.margins(x=0.2)
    low, high = panel.get_xlim()
    panel.set_xlim(min(low, 0.8), max(high, 1.25))
    panel.xaxis.set_major_locator(FixedLocator([a * 10**e for e in range(-3, 4) for a in (1, 2, 5)]))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.xaxis.set_minor_locator(NullLocator())
    panel.grid(axis="y", visible=False)
    panel.set_title(f"{metric.title}   {'better ▶' if metric.higher_is_better else '◀ better'}")
    panel.set_xlabel("ratio, log scale; geometric mean, 95 % interval")


def _note(panel: Axes, x: float, y: float, text: str, colour: str = "black", size: int = 8) -> None:
    """A few words to the right of a point."""
    panel.annotate(
        text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=size, color=colour
    )  # fmt: skip


def _spread_notes(panel: Axes) -> None:
    """Push the labels at the right of a line chart apart, so that none covers another."""
    low, high = panel.get_ylim()
    apart, lowest = (high - low) / 13, low
    for note in sorted(panel.texts, key=lambda note: note.xy[1]):  # type: ignore[attr-defined]
        x, y = note.xy  # type: ignore[attr-defined]
        lowest = max(y, lowest)
        note.xy = (x, lowest)  # type: ignore[attr-defined]
        lowest += apart


def _line_style(analysis: Analysis, arm: str) -> dict[str, Any]:
    names = [a.name for a in analysis.run.scenario.arms]
    return {
        "color": _colour(analysis, arm),
        "marker": MARKERS[names.index(arm) % 8],
        "ls": "-" if _is_async(analysis, arm) else "--",
        "lw": 1.6,
    }


def _colour(analysis: Analysis, arm: str) -> str:
    """An arm's colour; a control has that of the arm it repeats."""
    names = [a.name for a in analysis.run.scenario.arms]
    return COLOURS[names.index(analysis.run.scenario.arm(arm).control_of or arm) % len(COLOURS)]


def _is_async(analysis: Analysis, arm: str) -> bool:
    return bool(analysis.run.scenario.arm(arm).view == "async")


def _lost(analysis: Analysis) -> set[Cell]:
    return checks.invalid_cells(checks.check(analysis))
