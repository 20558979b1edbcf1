"""Tick labels: as many as fit without overlap. Done last, when the length of the axis is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import floor, log10
from typing import Final, Self

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from harness.formatting import numbers
from harness.report.plots import page_size

DECADES: Final = range(-9, 13)

STEPS: Final = ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
"""Logarithmic axis: the first of these that fits without crowding is used; otherwise whole decades."""

APART: Final = 0.6  # gap between neighbours, times the font size

MOST: Final = 7


def logarithmic(axis: Axis, name: str, suffix: str = "") -> None:
    """A log scale with plain numbers; `fit` chooses the ticks."""
    axis.axes.set(**{f"{name}scale": "log"})
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.tick(value) + suffix))


def linear(axis: Axis) -> None:
    axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.tick(value)))


def at(axis: Axis, places: Sequence[float]) -> None:
    """Ticks at these places, as far as they fit."""
    axis.set_major_locator(FixedLocator(list(places)))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.tick(value)))


def fit(panel: Axes, name: str) -> None:
    """Leave out ticks whose labels would overlap."""
    axis: Axis = panel.xaxis if name == "x" else panel.yaxis
    chosen = isinstance(axis.get_major_locator(), FixedLocator)
    spans = _Spans.of(panel, axis, name)
    if axis.get_scale() == "log" and not chosen:
        axis.set_major_locator(FixedLocator(_decades(spans)))
    else:
        places = inside(axis, axis.get_majorticklocs())
        axis.set_major_locator(FixedLocator(_thinned(spans, places)))


@dataclass(frozen=True)
class _Spans:
    """How far each number of an axis reaches, in inches; each is measured once, however often it is tried."""

    panel: Axes
    axis: Axis
    name: str
    type_size: float
    known: dict[float, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, panel: Axes, axis: Axis, name: str) -> Self:
        return cls(panel, axis, name, float(axis.get_major_ticks(1)[0].label1.get_fontsize()))

    def crowded(self, places: Sequence[float]) -> bool:
        """Whether of these one would stand upon another."""
        apart = self.type_size * APART / page_size.POINTS
        spans = sorted(self._span(place) for place in places)
        return any(before[1] + apart > after[0] for before, after in pairwise(spans))

    def _span(self, place: float) -> tuple[float, float]:
        if place not in self.known:
            self.known[place] = self._measured(place)
        return self.known[place]

    def _measured(self, place: float) -> tuple[float, float]:
        panel, along_x = self.panel, self.name == "x"
        [text] = self.axis.get_major_formatter().format_ticks([place])
        point = (place, panel.get_ylim()[0]) if along_x else (panel.get_xlim()[0], place)
        middle = panel.transData.transform(point)[0 if along_x else 1] / panel.figure.dpi
        half = (page_size.width(text, self.type_size) if along_x else self.type_size / page_size.POINTS) / 2
        return middle - half, middle + half


def labels(axis: Axis) -> list[Text]:
    """The numbers that are shown beside an axis, as they were last placed: Axis.get_ticklabels places all of them anew."""
    return [tick.label1 for tick in axis.get_major_ticks() if tick.label1.get_visible()]


def _decades(spans: _Spans) -> list[float]:
    axis = spans.axis
    for steps in STEPS:
        places = inside(axis, (float(f"{a}e{e}") for e in DECADES for a in steps))
        if len(places) <= MOST and not spans.crowded(places):
            return places
    for every in range(2, len(inside(axis, (10.0**e for e in DECADES)))):
        places = inside(axis, (10.0**e for e in DECADES if not e % every))
        if not spans.crowded(places):
            return places
    return [10.0 ** floor(log10(max(axis.get_view_interval())))]


def _thinned(spans: _Spans, places: Sequence[float]) -> list[float]:
    """Greedy from both ends: the first and last tick show the range."""
    kept: list[float] = []
    for place in [*places[:1], *places[:0:-1]]:
        if not spans.crowded([*kept, place]):
            kept.append(place)
    return sorted(kept)


def inside(axis: Axis, places: Iterable[float]) -> list[float]:
    """Those places that are within the visible range."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    return [float(place) for place in places if low - slack <= place <= high + slack]
