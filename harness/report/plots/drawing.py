"""What charts share: an arm's colour and marker; bars, points and lines; and how a cell is drawn.

Colours are Okabe and Ito's, which colour-blind readers can tell apart. Sync views are hatched or dashed, async views plain,
and every arm has its own marker, so that charts are readable in greyscale.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.plan.slices import Cell, Level
from harness.registry.metrics import HIGHEST_RATE, THROUGHPUT, Metric
from harness.report.chart_style import COLOURS, MARKERS, colours, is_async
from harness.report.plots import caption
from harness.report.plots.page_size import Paper
from harness.report.plots.sheet import Sheet, Words
from harness.scenario.arm import Arm
from harness.verdicts import validity
from harness.verdicts.validity import Reason

NO_COLOUR: Final = "#737373"

DARK: Final = 0.22  # luminance up to which small text is readable on white


@dataclass(frozen=True)
class Mark:
    """A value with its interval, and how it is drawn."""

    value: float
    low: float | None
    high: float | None
    label: str
    colour: str = NO_COLOUR
    hollow: bool = False
    hatch: str = ""
    marker: str = "o"

    @property
    def end(self) -> float:
        """The furthest that is drawn."""
        return max(self.value, self.high if self.high is not None else self.value)


@dataclass(frozen=True)
class Subject:
    """A run to be drawn, at one paper size."""

    analysis: Analysis
    reasons: Sequence[Reason]
    paper: Paper

    @classmethod
    def of(cls, analysis: Analysis, paper: Paper) -> Self:
        return cls(*validity.sound(analysis), paper)

    @cached_property
    def lost(self) -> set[Cell]:
        """The INVALID cells."""
        return validity.invalid_cells(list(self.reasons))

    @property
    def arms(self) -> list[Arm]:
        return self.analysis.run.scenario.arms

    @property
    def groups(self) -> list[tuple[str, Level]]:
        """(endpoint, level), in the scenario's order."""
        return list(dict.fromkeys((cell.endpoint, cell.level) for cell in self.analysis.cells))

    @property
    def rate(self) -> Metric:
        """Throughput, or in a capacity search the highest rate."""
        return HIGHEST_RATE if HIGHEST_RATE in self.analysis.metrics else THROUGHPUT

    def cells(self, endpoint: str, level: Level | None = None) -> list[Cell]:
        """The cells of an endpoint, at one level or at all levels; without those of controls, which are in the noise floor."""
        found = (cell for cell in self.shown if cell.endpoint == endpoint)
        return [cell for cell in found if level is None or cell.level == level]

    @property
    def shown(self) -> list[Cell]:
        """All cells but those of controls."""
        controls = {arm.name for arm in self.arms if arm.control_of is not None}
        return [cell for cell in self.analysis.cells if cell.arm not in controls]

    def words(
        self, question: str, cells: Sequence[Cell], notes: Sequence[str], invalid: str = "INVALID, drawn hollow"
    ) -> Words:
        """The text around a picture of these cells; `invalid`: how the chart marks INVALID cells."""
        drawn = {cell.arm for cell in cells}
        facts = caption.facts(self.analysis, [arm for arm in self.arms if arm.name in drawn])
        return Words(question, facts, [*notes, *caption.missing(self.analysis, self.reasons, cells, invalid)])

    def mark(self, cell: Cell, metric: Metric) -> Mark | None:
        """The cell's value in its arm's style."""
        found = self.analysis.estimate(cell, metric)
        if found is None:
            return None
        return self.styled(cell, found.value, found.low, found.high, numbers.number(found.value))

    def styled(self, cell: Cell, value: float, low: float | None, high: float | None, label: str) -> Mark:
        hatch = "" if self.is_async(cell.arm) else "////"
        return Mark(value, low, high, label, self.colour(cell.arm), cell in self.lost, hatch, self.marker(cell.arm))

    def colour(self, arm: str) -> str:
        """An arm's colour; a control has that of the arm it repeats."""
        return COLOURS[colours(self.arms)[arm]]

    def marker(self, arm: str) -> str:
        """Its marker: colour and marker together are unique for up to 64 arms."""
        place = [one.name for one in self.arms].index(arm)
        return MARKERS[(place + place // len(COLOURS)) % len(MARKERS)]

    def is_async(self, arm: str) -> bool:
        return is_async(self.analysis, arm)

    def line(self, arm: str) -> dict[str, Any]:
        """Matplotlib keyword arguments for an arm's line."""
        return {
            "color": self.colour(arm),
            "marker": self.marker(arm),
            "ls": "-" if self.is_async(arm) else "--",
            "lw": 1.4 * self.paper.scale,
            "ms": 4 * self.paper.scale,
        }


Marks = Callable[[Subject, Cell], Mark | None]


def bar(sheet: Sheet, panel: Axes, row: float, mark: Mark, height: float = 0.72) -> None:
    """A bar from 0 with its interval and value; hollow and labelled for an INVALID cell."""
    scale = sheet.paper.scale
    face: dict[str, Any] = (
        {"facecolor": "none", "edgecolor": mark.colour, "ls": "--", "lw": scale}
        if mark.hollow
        else {"facecolor": mark.colour, "edgecolor": "white", "hatch": mark.hatch, "lw": 0}
    )
    panel.barh(row, mark.value, height=height, **face)
    if mark.low is not None and mark.high is not None:
        ends: dict[str, Any] = {"color": "black", "lw": scale, "marker": "|", "ms": 5 * scale}
        panel.plot([mark.low, mark.high], [row, row], **ends)
    sheet.end(panel, mark.end, row, _named(mark))


def point(sheet: Sheet, panel: Axes, row: float, mark: Mark) -> None:
    """A point with its interval and value; hollow and labelled for an INVALID cell."""
    scale = sheet.paper.scale
    face = "white" if mark.hollow else mark.colour
    if mark.low is not None and mark.high is not None:
        panel.plot([mark.low, mark.high], [row, row], color=mark.colour, lw=1.6 * scale, solid_capstyle="butt")
    panel.plot([mark.value], [row], marker=mark.marker, ms=5 * scale, color=mark.colour, markerfacecolor=face, ls="")
    sheet.end(panel, mark.end, row, _named(mark), ink(mark.colour))


def _named(mark: Mark) -> str:
    return f"INVALID ({mark.label})" if mark.hollow else mark.label


def ink(colour: str) -> str:
    """The colour, darkened until small text in it is readable on white."""
    red, green, blue = to_rgb(colour)
    while 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 > DARK:
        red, green, blue = 0.92 * red, 0.92 * green, 0.92 * blue
    return str(to_hex((red, green, blue)))


def title(metric: Metric) -> str:
    """A metric with its unit: `p50 [ms]`."""
    return f"{metric.title} [{metric.unit}]" if metric.unit else metric.title


def better(metric: Metric) -> str:
    return "higher is better" if metric.higher_is_better else "lower is better"
