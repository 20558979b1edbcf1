"""Panel layout: each panel in its grid cell, with margins for its own text. Lengths in inches.

Text is measured without drawing it, which takes a tenth of the time of Matplotlib's layout engines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from harness.report.plots import page_size, ticks
from harness.report.plots.page_size import POINTS, Paper

TICK_PT: Final = 3.5  # length of a tick, and the gap between it and its label

LABEL_PT: Final = 4.0  # between tick labels and axis label

TITLE_PT: Final = 7.0

BETWEEN: Final = 1.2  # times the edge: between two panels

MOST: Final = 0.75  # of its share that a panel may lose to be aligned with those above and below

LEAST: Final = 0.2  # of its share that a panel keeps, however much text it has


@dataclass(frozen=True)
class Place:
    """A panel's grid cell: row, columns, and whether another panel of the row carries the row labels."""

    row: int
    first: int
    last: int
    beside: bool


@dataclass(frozen=True)
class Margins:
    """The margins that a panel's text needs."""

    left: float
    right: float
    top: float
    bottom: float


Around = tuple[Place, Margins]


def margins(panel: Axes, size: Paper, title: str, names_at_right: Sequence[str], beside: bool) -> Margins:
    """Measured from the panel's current text."""
    weight = "bold" if any(label.get_fontweight() == "bold" for label in ticks.labels(panel.yaxis)) else "normal"
    tick, small = 2 * TICK_PT / POINTS, size.small
    left = (
        tick + LABEL_PT / POINTS + size.lines(page_size.count(panel.get_ylabel()), small)
        if panel.get_ylabel()
        else tick
    )
    left += (
        0.0 if beside else max((page_size.widest(text, small, weight) for text in _numbers(panel.yaxis)), default=0.0)
    )
    below = size.lines(1, small) + tick
    below += LABEL_PT / POINTS + size.lines(page_size.count(panel.get_xlabel()), small) if panel.get_xlabel() else 0.0
    above = TITLE_PT * size.scale / POINTS + size.lines(page_size.count(title), size.text) if title else size.edge / 2
    numbers = _numbers(panel.xaxis)
    right = page_size.widest(numbers[-1], small) / 2 if numbers else 0.0
    if names_at_right:
        right = max(right, max(page_size.widest(name, small) for name in names_at_right) + tie(size))
    return Margins(left, right, above, below)


def tie(size: Paper) -> float:
    """Length of the line between a panel and a label at its right."""
    return 1.6 * size.text / POINTS


def put(
    figure: Figure, size: Paper, area: tuple[float, float], heights: Sequence[float], found: Mapping[Axes, Around]
) -> None:
    """Position every panel within `area` (bottom, top)."""
    bottom, top = area
    stretch, high = (top - bottom) / sum(heights), figure.get_figheight()
    for row, height in enumerate(heights):
        own = {panel: around for panel, around in found.items() if around[0].row == row}
        ceiling = top - stretch * sum(heights[:row])
        above, below = (max(getattr(one, side) for _, one in own.values()) for side in ("top", "bottom"))
        tall = max(stretch * height - above - below, LEAST * stretch * height)
        for panel, (start, wide) in _spans(own, found, size).items():
            at = (size.edge + start) / size.width, (ceiling - above - tall) / high
            panel.set_position((*at, wide / size.width, tall / high))


def _spans(own: Mapping[Axes, Around], found: Mapping[Axes, Around], size: Paper) -> dict[Axes, tuple[float, float]]:
    """Start and width of each panel of a row."""
    shared = any(place.beside for place, _ in own.values())
    return _shared(own, size) if shared else _apart(own, found, size)


def _shared(own: Mapping[Axes, Around], size: Paper) -> dict[Axes, tuple[float, float]]:
    """Panels that share row labels: all equally wide."""
    around, whole = [one for _, one in own.values()], size.width - 2 * size.edge
    gaps = BETWEEN * size.edge * (len(own) - 1)
    wide = (whole - gaps - sum(one.left + one.right for one in around)) / len(own)
    wide = max(wide, LEAST * whole / len(own))
    found, start = {}, 0.0
    for panel, one in zip(own, around, strict=True):
        found[panel] = (start + one.left, wide)
        start += one.left + wide + one.right + BETWEEN * size.edge
    return found


def _apart(own: Mapping[Axes, Around], found: Mapping[Axes, Around], size: Paper) -> dict[Axes, tuple[float, float]]:
    """Panels side by side, aligned by column."""
    gap, columns = BETWEEN * size.edge, 1 + max(place.last for place, _ in found.values())
    share = (size.width - 2 * size.edge - gap * (columns - 1)) / columns
    spans = {}
    for panel, (place, around) in own.items():
        alike = [one for other, one in found.values() if (other.first, other.last) == (place.first, place.last)]
        left, right = max(one.left for one in alike), max(one.right for one in alike)
        room = share * (place.last - place.first + 1) + gap * (place.last - place.first)
        if left + right > MOST * room:  # names at the left of one and at the right of another
            left, right = around.left, around.right
        spans[panel] = (place.first * (share + gap) + left, max(room - left - right, LEAST * room))
    return spans


def _numbers(axis: Axis) -> list[str]:
    """The labels of an axis's visible ticks."""
    places = ticks.inside(axis, axis.get_majorticklocs())
    return [text for text in axis.get_major_formatter().format_ticks(places) if text]
