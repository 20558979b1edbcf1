"""A line chart as data: svg.py draws it without JavaScript, page.js with uPlot. Pure.

All lines of a chart share its x. Numbers are rounded to five digits, which keeps the page small.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from harness.analysis.analysis import Analysis
from harness.report import chart_style

Number = float | None

Tick = tuple[float, str]


@dataclass(frozen=True)
class Style:
    """How an arm is drawn: colour, marker and dash."""

    name: str
    colour: int  # index in chart_style.COLOURS
    mark: int  # index in chart_style.MARKERS
    dashed: bool  # a sync view
    control: bool = False  # not shown until it is asked for


@dataclass(frozen=True)
class Mark:
    """A point of its own, with an interval if there is one. Hollow: INVALID, or the objective was missed."""

    x: float
    y: float
    low: Number = None
    high: Number = None
    hollow: bool = False


@dataclass(frozen=True)
class Line:
    """One arm's line and marks."""

    arm: int  # place among the arms
    y: Sequence[Number]
    marks: Sequence[Mark] = ()


@dataclass(frozen=True)
class Reference:
    """A line across the chart: at this y, or at this x."""

    at: float
    label: str
    upright: bool = False
    arm: int | None = None  # whose colour it has


@dataclass(frozen=True)
class Chart:
    """One panel, and the selection that shows it."""

    group: str  # the endpoint
    what: str  # the figure
    x_label: str
    y_label: str
    x: Sequence[float]
    lines: Sequence[Line]
    x_ticks: Sequence[Tick] = ()  # where the axis has names of its own
    x_form: str = "number"  # or percentile, block: how page.js writes an x
    x_log: bool = False
    y_log: bool = True  # to begin with
    references: Sequence[Reference] = ()
    drawn: bool = True  # also as a picture without JavaScript


def styles(analysis: Analysis) -> list[Style]:
    """Every arm's, as in the pictures: a control has the colour of the arm it repeats."""
    arms = analysis.run.scenario.arms
    colours = chart_style.colours(arms)
    return [
        Style(
            arm.name,
            colours[arm.name],
            place % len(chart_style.MARKERS),
            not chart_style.is_async(analysis, arm.name),
            arm.control_of is not None,
        )
        for place, arm in enumerate(arms)
    ]


def as_json(charts: Iterable[Chart]) -> list[dict[str, Any]]:
    """Plain values for json.dumps, without NaN and without needless digits."""
    return [plain(asdict(chart)) for chart in charts]


def plain(value: Any) -> Any:
    """The same with every number finite and short."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return short(value) if isinstance(value, float) else value


def short(value: Number) -> Number:
    """Five significant digits; None for what is no number."""
    if value is None or not isfinite(value):
        return None
    found = float(f"{value:.5g}")
    return int(found) if found.is_integer() and abs(found) < 1e15 else found
