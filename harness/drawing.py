"""What charts are made of: a figure with its question and facts, marks, axes, colours. For plots.py.

Colours are Okabe and Ito's, which colour-blind people can tell apart; sync is hatched or dashed and async plain,
and every arm has its own marker, so that a print in grey can be read.
"""

from typing import Any, Final

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from harness import checks, figures, intervals
from harness.analysis import Analysis
from harness.comparison import Compared
from harness.metrics import Metric
from harness.plan import Cell
from harness.samples import SAMPLES_NEEDED

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B")
MARKERS: Final = "osD^vPX*"
PERCENTILES: Final = (0.50, 0.90, 0.99, 0.999, 0.9999)
LABEL: Final[Any] = {
    "facecolor": "white",
    "edgecolor": "none",
    "pad": 0.4,
    "alpha": 0.85,
}  # a label is not crossed by a line
WIDE: Final = 100  # an axis from one end to the other: more, and only powers of ten have room for their names
TAIL_SAMPLES: Final = 6.6  # a curve ends where fewer samples than this lie beyond: the rule of SAMPLES_NEEDED
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


def figure(
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


def percentile_line(analysis: Analysis, panel: Axes, cell: Cell) -> None:
    sample = analysis.latencies.get(cell, np.empty(0))
    if len(sample) < SAMPLES_NEEDED[0.50]:
        return
    beyond = np.geomspace(1.0, min(1.0, TAIL_SAMPLES / len(sample)), 200)[1:]
    style = line_style(analysis, cell.arm) | {"markevery": 40, "ms": 5}
    panel.plot(beyond, intervals.quantiles_of_sorted(sample, 1 - beyond), **style)


def percentile_axis(panel: Axes) -> None:
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


def floor_band(panel: Axes, row: int, floor: float | None) -> None:
    if floor is not None:
        panel.fill_betweenx([row - 0.46, row + 0.46], 1 / (1 + floor), 1 + floor, color="0.85", lw=0, zorder=0)


def ratio_mark(panel: Axes, place: float, compared: Compared, index: int) -> None:
    ratio, colour = compared.ratio, COLOURS[index % 8]
    low, high = ratio.low or ratio.value, ratio.high or ratio.value
    panel.plot([low, high], [place, place], color=colour, lw=1.6)
    panel.plot([ratio.value], [place], color=colour, marker=MARKERS[index % 8], ms=5)
    note(panel, high, place, f"{figures.number(ratio.value)}×", size=7)


def ratio_axis(panel: Axes, metric: Metric) -> None:
    panel.axvline(1, color="black", lw=1)
    panel.set_xscale("log")
    panel.margins(x=0.2)
    low, high = panel.get_xlim()
    panel.set_xlim(min(low, 0.8), max(high, 1.25))
    steps = (1, 2, 5) if high / low < WIDE else (1,)
    panel.xaxis.set_major_locator(FixedLocator([a * 10.0**e for e in range(-4, 5) for a in steps]))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.xaxis.set_minor_locator(NullLocator())
    panel.grid(axis="y", visible=False)
    panel.set_title(f"{metric.title}   {'better ▶' if metric.higher_is_better else '◀ better'}")
    panel.set_xlabel("ratio, log scale; geometric mean, 95 % interval")


def note(panel: Axes, x: float, y: float, text: str, colour: str = "black", size: int = 8) -> None:
    """A few words to the right of a point."""
    panel.annotate(
        text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=size, color=colour, bbox=LABEL
    )  # fmt: skip


def spread_notes(panel: Axes, edge: float) -> None:
    """Push the labels at the right of a line chart apart, each with a thin line from `edge` at its own value."""
    low, high = panel.get_ylim()
    apart, lowest = (high - low) / 12, low
    for note in sorted(panel.texts, key=lambda note: note.xy[1]):  # type: ignore[attr-defined]
        x, y = note.xy  # type: ignore[attr-defined]
        lowest = max(y, lowest)
        panel.plot([edge, x], [y, lowest], color="0.6", lw=0.6)
        note.xy = (x, lowest)  # type: ignore[attr-defined]
        lowest += apart


def line_style(analysis: Analysis, arm: str) -> dict[str, Any]:
    names = [a.name for a in analysis.run.scenario.arms]
    return {
        "color": colour(analysis, arm),
        "marker": MARKERS[names.index(arm) % 8],
        "ls": "-" if is_async(analysis, arm) else "--",
        "lw": 1.6,
    }


def colour(analysis: Analysis, arm: str) -> str:
    """An arm's colour; a control has that of the arm it repeats."""
    names = [a.name for a in analysis.run.scenario.arms]
    return COLOURS[names.index(analysis.run.scenario.arm(arm).control_of or arm) % len(COLOURS)]


def is_async(analysis: Analysis, arm: str) -> bool:
    return bool(analysis.run.scenario.arm(arm).view == "async")


def lost(analysis: Analysis) -> set[Cell]:
    return checks.invalid_cells(checks.check(analysis))
