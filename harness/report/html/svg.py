"""A chart as SVG: for print and for readers without JavaScript. Colours are CSS classes, so that they follow the theme.

Text is escaped by Markup.format.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import floor, log10
from typing import Final

from markupsafe import Markup

from harness.formatting import numbers
from harness.report.html.line_chart import Chart, Line, Mark, Number, Style, Tick

WIDTH, HEIGHT = 640, 260

LEFT, RIGHT, TOP, BOTTOM = 62, 150, 12, 40

LABELS_APART: Final = 14

LONGEST_NAME: Final = 24

LEADS: Final = ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,))
"""Digits that a logarithmic axis may name, from the finest on; as page.js."""

MOST_TICKS: Final = 8

MARKS: Final = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    "M-3.5-3.5h7v7h-7z",
    "M0-5L4.5 0L0 5L-4.5 0z",
    "M0-4.5L4.5 3.5h-9z",
    "M0 4.5L4.5-3.5h-9z",
    "M-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
    "M-4.5-2L-2-4.5L0-2.5L2-4.5L4.5-2L2.5 0L4.5 2L2 4.5L0 2.5L-2 4.5L-4.5 2L-2.5 0z",
    "M0-5L1.5-1.5L5-1.5L2.2.8L3.2 4.5L0 2.2L-3.2 4.5L-2.2.8L-5-1.5L-1.5-1.5z",
)
"""As chart_style.MARKERS: circle, square, diamond, triangles up and down, plus, cross, star. page.js uses the same paths."""


@dataclass(frozen=True)
class Scale:
    """From a value to a place in pixels."""

    low: float
    high: float
    first: float
    last: float
    log: bool

    def __call__(self, value: float) -> float:
        low, high, at = (log10(one) if self.log else one for one in (self.low, self.high, value))
        return self.first + (self.last - self.first) * (at - low) / (high - low)


def draw(chart: Chart, styles: Sequence[Style], number: str) -> Markup:
    """The chart without controls, with title and description for screen readers. `number`: an id unique in the page."""
    chart = replace(
        chart,
        lines=[one for one in chart.lines if not styles[one.arm].control],
        references=[one for one in chart.references if one.arm is None or not styles[one.arm].control],
    )
    x, y = _x_scale(chart), _y_scale(chart)
    title = Markup("{}: {}").format(chart.group, chart.what)
    parts = [
        Markup(
            '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="t{} d{}"><title id="t{}">{}</title>'
        ).format(WIDTH, HEIGHT, number, number, number, title),
        Markup('<desc id="d{}">{}</desc>').format(number, _described(chart, styles)),
        *_axes(chart, x, y),
        *_references(chart, styles, x, y),
        *(part for line in chart.lines for part in _line(chart, line, styles[line.arm], x, y)),
        *_names(chart, styles, y),
        Markup("</svg>"),
    ]
    return Markup("").join(parts)


def ticks(low: float, high: float, log: bool) -> list[Tick]:
    """Round numbers within the axis, few enough to have room."""
    if log:
        found = next(
            some for leads in LEADS if len(some := _leading(leads, low, high)) <= MOST_TICKS or len(leads) == 1
        )
    else:
        step = _step((high - low) / 5)
        found = [place * step for place in range(int(low / step), int(high / step) + 1) if place * step >= low]
    return [(one, f"{one:,.10g}".replace(",", numbers.THIN_SPACE)) for one in found]


def _leading(leads: Sequence[float], low: float, high: float) -> list[float]:
    found = [lead * 10.0**e for e in range(-4, 8) for lead in leads]
    return [one for one in found if low <= one <= high]


def _floor(value: float) -> int:
    return floor(log10(value) + 1e-9)


def _step(rough: float) -> float:
    size = 10.0 ** _floor(rough)
    return next(a * size for a in (1, 2, 5, 10) if a * size >= rough)


def _values(chart: Chart) -> list[float]:
    lines = [one for line in chart.lines for one in line.y]
    marks = [one for line in chart.lines for mark in line.marks for one in (mark.y, mark.low, mark.high)]
    across = [one.at for one in chart.references if not one.upright]
    return [one for one in (*lines, *marks, *across) if one is not None and (one > 0 or not chart.y_log)]


def _y_scale(chart: Chart) -> Scale:
    values = _values(chart) or [1.0]
    low, high = min(values), max(values)
    if chart.y_log:
        low, high = (low / 1.15, high * 1.15) if high / low > 3 else (low / 1.6, high * 1.6)
    else:
        low, high = min(0.0, low), high * 1.05 or 1.0
    return Scale(low, high, HEIGHT - BOTTOM, TOP, chart.y_log)


def _x_scale(chart: Chart) -> Scale:
    low, high = min(chart.x), max(chart.x)
    uprights = [one.at for one in chart.references if one.upright and one.arm is not None]
    low, high = min([low, *uprights]), max([high, *uprights])
    if chart.x_form == "block":
        low, high = 0.0, float(int(high) + 1)
    elif chart.x_log:
        low, high = low / 1.1, high * 1.1
    return Scale(low, high if high > low else low + 1, LEFT, WIDTH - RIGHT, chart.x_log)


def _axes(chart: Chart, x: Scale, y: Scale) -> Iterator[Markup]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for at, label in ticks(y.low, y.high, y.log):
        yield Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(LEFT, y(at), right)
        yield Markup('<text x="{}" y="{:.1f}" class="e">{}</text>').format(LEFT - 6, y(at) + 4, label)
    for at, label in chart.x_ticks or ticks(x.low, x.high, x.log):
        yield Markup('<text x="{:.1f}" y="{}" class="m">{}</text>').format(x(at), bottom + 16, label)
    yield Markup('<path class="axis" d="M{} {}V{}H{}"/>').format(LEFT, TOP, bottom, right)
    yield Markup('<text x="{}" y="{}" class="m">{}</text>').format((LEFT + right) / 2, HEIGHT - 6, chart.x_label)
    middle = (TOP + bottom) / 2
    yield Markup('<text class="m" transform="translate(13 {})rotate(-90)">{}</text>').format(middle, chart.y_label)


def _references(chart: Chart, styles: Sequence[Style], x: Scale, y: Scale) -> Iterator[Markup]:
    for one in chart.references:
        colour = "" if one.arm is None else f" c{styles[one.arm].colour}"
        if one.upright and x.low <= one.at <= x.high:
            yield Markup('<path class="ref{}" d="M{:.1f} {}V{}"/>').format(colour, x(one.at), TOP, HEIGHT - BOTTOM)
        elif not one.upright:
            yield Markup('<path class="ref" d="M{} {:.1f}H{}"/>').format(LEFT, y(one.at), WIDTH - RIGHT)
            yield Markup('<text x="{}" y="{:.1f}">{}</text>').format(LEFT + 4, y(one.at) - 4, one.label)


def _line(chart: Chart, line: Line, style: Style, x: Scale, y: Scale) -> Iterator[Markup]:
    known = [
        (x(at), None if value is None or (y.log and value <= 0) else y(value))
        for at, value in zip(chart.x, line.y, strict=True)
    ]
    ends = {x(one.at) for one in chart.references if one.upright and chart.x_form == "block"}
    path = _path(known, ends)
    dash = " dash" if style.dashed else ""
    if path:
        yield Markup('<path class="line c{}{}" d="{}"/>').format(style.colour, dash, path)
    shapes = [_mark(mark, style, x, y) for mark in line.marks] or _sparse(known, style)
    if shapes:
        yield Markup('<g class="c{}">{}</g>').format(style.colour, Markup("").join(shapes))


def _path(points: Sequence[tuple[float, Number]], ends: set[float]) -> str:
    """A line through the points, over what is missing; it ends where a block ends."""
    parts, down = [], False
    for x, y in points:
        if y is None:
            down = down and x not in ends
            continue
        parts.append(f"{'L' if down else 'M'}{x:.1f} {y:.1f}")
        down = True
    return "".join(parts)


def _mark(mark: Mark, style: Style, x: Scale, y: Scale) -> Markup:
    whisker = Markup("")
    if mark.low is not None and mark.high is not None and (mark.low > 0 or not y.log):
        whisker = Markup('<path class="ci" d="M{:.1f} {:.1f}V{:.1f}"/>').format(x(mark.x), y(mark.low), y(mark.high))
    return whisker + _shape(style, x(mark.x), y(mark.y), mark.hollow)


def _shape(style: Style, x: float, y: float, hollow: bool = False) -> Markup:
    kind = ' class="hollow"' if hollow else ' class="full"'
    return Markup('<path{} transform="translate({:.1f} {:.1f})" d="{}"/>').format(Markup(kind), x, y, MARKS[style.mark])


def _sparse(points: Sequence[tuple[float, Number]], style: Style) -> list[Markup]:
    """A few marks on a line that has none, so that a print in grey can be read."""
    known = [(x, y) for x, y in points if y is not None]
    return [_shape(style, x, y) for x, y in known[:: max(1, -(-len(known) // 5))]]


def _names(chart: Chart, styles: Sequence[Style], y: Scale) -> Iterator[Markup]:
    """Every line's name at its right end, pushed apart."""
    ends = sorted((end, line.arm) for line in chart.lines if (end := _end(line, y)) is not None)
    for at, (_, arm) in zip(_apart([end for end, _ in ends]), ends, strict=True):
        name = styles[arm].name
        yield Markup('<g class="c{}"><path class="full" transform="translate({} {:.1f})" d="{}"/>').format(
            styles[arm].colour, WIDTH - RIGHT + 10, at, MARKS[styles[arm].mark]
        )
        yield Markup('<text x="{}" y="{:.1f}">{}</text></g>').format(
            WIDTH - RIGHT + 18, at + 4, name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
        )


def _apart(wanted: Sequence[float]) -> list[float]:
    """The same places in the same order, none nearer to the next than a line of text, within the chart."""
    places: list[float] = []
    for at in wanted:
        places.append(max(at, places[-1] + LABELS_APART) if places else max(at, TOP))
    most = float(HEIGHT - BOTTOM)
    for place in reversed(range(len(places))):
        places[place] = min(places[place], most)
        most = places[place] - LABELS_APART
    return places


def _end(line: Line, y: Scale) -> float | None:
    known = [one for one in line.y if one is not None and (one > 0 or not y.log)] or [mark.y for mark in line.marks]
    return y(known[-1]) if known else None


def _described(chart: Chart, styles: Sequence[Style]) -> str:
    """Each arm's first and last value, for screen readers."""
    said = []
    for line in chart.lines:
        known = [one for one in line.y if one is not None]
        if known:
            span = f"{numbers.number(known[0])} to {numbers.number(known[-1])}"
            said.append(f"{styles[line.arm].name} from {span}")
    return f"{chart.y_label} against {chart.x_label}. {'; '.join(said)}"
