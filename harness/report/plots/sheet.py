"""One picture: question at the top, conditions below it, panels, notes at the bottom; no text is cut off or overlaps another.

Labels are placed last, when the size of the panels is known: for labels at marks the axis is lengthened until they fit, labels
beside a panel are pushed apart and connected to their points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from harness.report.plots import layout, page_size, ticks
from harness.report.plots.layout import Margins, Place
from harness.report.plots.page_size import LINE, POINTS, Paper

GREY: Final = "0.35"

LABEL: Final[dict[str, Any]] = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85}

PASSES: Final = 2  # labels change the layout, and the layout moves labels

GAP_PT: Final = 5.0  # between a mark and its label

MOST_OF_PANEL: Final = 0.8  # of a panel's width that a label at a mark may take


@dataclass(frozen=True)
class Words:
    """The text around the panels."""

    question: str
    facts: str
    notes: Sequence[str] = ()


class Sheet:
    """A figure under construction: panels are added by row and column, `finish` returns the figure."""

    def __init__(self, size: Paper, words: Words, heights: Sequence[float], columns: int = 1) -> None:
        """`heights`: minimum height of each row of panels in inches, axis labels included."""
        self.paper, self.panels = size, list[Axes]()
        self._places = dict[Axes, Place]()
        self._ends = dict[Axes, list[Annotation]]()
        self._sides = dict[Axes, list[Annotation]]()
        self._titles = dict[Axes, Text]()
        self._rows = set[Axes]()
        room = size.width - 2 * size.edge
        question = page_size.wrapped(words.question, room, size.title, "bold")
        facts = page_size.wrapped(words.facts, room, size.facts)
        notes = "\n".join(page_size.wrapped(note, room, size.facts) for note in words.notes)
        top = (
            size.lines(page_size.count(question), size.title)
            + size.lines(page_size.count(facts), size.facts)
            + size.edge / 2
        )
        bottom = size.lines(page_size.count(notes), size.facts) + size.edge / 2 if notes else 0.0
        self.height = size.height or top + bottom + sum(heights) + 2 * size.edge
        self.figure = Figure((size.width, self.height))
        FigureCanvasAgg(self.figure)
        self._write(question, self.height - size.edge, size.title, "bold", "black", "top")
        under = self.height - size.edge - size.lines(page_size.count(question), size.title)
        self._write(facts, under, size.facts, "normal", GREY, "top")
        self._write(notes, size.edge, size.facts, "normal", GREY, "bottom")
        self._area, self._heights = (size.edge + bottom, self.height - size.edge - top), list(heights)
        self._columns = columns

    def panel(self, row: int, column: int | None = None, beside: Axes | None = None) -> Axes:
        """Add a panel in one column or across all; `beside`: a panel whose rows it shares."""
        made: Axes = self.figure.add_axes((0.1, 0.1, 0.8, 0.8), sharey=beside, label=f"{len(self.panels)}")
        if beside is not None:
            made.tick_params(axis="y", labelleft=False, length=0)
        first, last = (0, self._columns - 1) if column is None else (column, column)
        self._places[made] = Place(row, first, last, beside is not None)
        self.panels.append(made)
        return made

    def title(self, panel: Axes, text: str) -> None:
        """Set a panel's title, aligned with its row labels."""
        self._titles[panel] = panel.set_title(text, loc="left")

    def name_rows(self, panel: Axes, names: Sequence[str], room: float, at: Sequence[float] | None = None) -> None:
        """Row labels at the left of a panel, wrapped to `room` inches."""
        lines = [page_size.wrapped(name, room, self.paper.small) for name in names]
        panel.set_yticks(list(at) if at is not None else range(len(names)), lines)
        panel.tick_params(axis="y", length=0)
        panel.grid(axis="y", visible=False)
        self._rows.add(panel)

    def end(self, panel: Axes, x: float, y: float, text: str, colour: str = "black") -> None:
        """A label to the right of a mark, within its panel."""
        note = panel.annotate(
            text,
            (x, y),
            xytext=(GAP_PT * self.paper.scale, 0),
            textcoords="offset points",
            va="center",
            fontsize=self.paper.small,
            color=colour,
            bbox=LABEL,
        )
        self._ends.setdefault(panel, []).append(note)

    def side(self, panel: Axes, point: tuple[float, float], text: str, colour: str) -> None:
        """A line's label at the right of its panel, connected to the line's last point."""
        note = panel.annotate(
            text,
            point,
            xytext=(1.0, 0.5),
            textcoords="axes fraction",
            va="center",
            fontsize=self.paper.small,
            color=colour,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": "0.6",
                "lw": 0.5 * self.paper.scale,
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 3 * self.paper.scale,
            },
        )
        self._sides.setdefault(panel, []).append(note)

    def finish(self) -> Figure:
        """The finished figure, with all labels placed."""
        for _ in range(PASSES):
            self._put()
            for panel in self.panels:
                self._wrap(panel)
                self._fit_ends(panel, self._ends.get(panel, []))
                self._fit_ticks(panel)
        self._put()
        for panel in self.panels:
            self._fit_ends(panel, self._ends.get(panel, []))
            self._fit_ticks(panel)
            self._spread(panel, self._sides.get(panel, []))
        return self.figure

    def _put(self) -> None:
        found = {panel: (self._places[panel], self._margins(panel)) for panel in self.panels}
        layout.put(self.figure, self.paper, self._area, self._heights, found)
        for panel, (_, around) in found.items():
            if panel in self._titles:
                self._titles[panel].set_x(-around.left * self.figure.dpi / panel.bbox.width)

    def _margins(self, panel: Axes) -> Margins:
        title = self._titles[panel].get_text() if panel in self._titles else ""
        names = [note.get_text() for note in self._sides.get(panel, [])]
        return layout.margins(panel, self.paper, title, names, self._places[panel].beside)

    def _write(self, text: str, at: float, size: float, weight: str, colour: str, va: str) -> None:
        self.figure.text(
            self.paper.edge / self.paper.width,
            at / self.height,
            text,
            fontsize=size,
            weight=weight,
            color=colour,
            va=va,
            linespacing=LINE * 0.94,
        )

    def _wrap(self, panel: Axes) -> None:
        """Wrap title and axis labels to the panel's size; the title starts at the row labels."""
        wide, high = (length / self.figure.dpi for length in (panel.bbox.width, panel.bbox.height))
        self._wrap_text(panel.xaxis.label, wide)
        self._wrap_text(panel.yaxis.label, high)
        if panel in self._titles:
            around = self._margins(panel)
            self._wrap_text(self._titles[panel], wide + around.left + around.right)

    def _wrap_text(self, text: Text, room: float) -> None:
        if text.get_text():
            one_line = text.get_text().replace("\n", " ")
            text.set_text(page_size.wrapped(one_line, room, float(text.get_fontsize()), str(text.get_fontweight())))

    def _fit_ends(self, panel: Axes, notes: Sequence[Annotation]) -> None:
        """Lengthen the axis to the right until every label at a mark ends before it does."""
        if not notes:
            return
        scale = panel.xaxis.get_transform().transform
        room, gap = panel.bbox.width / self.figure.dpi, 2 * GAP_PT * self.paper.scale / POINTS
        low, high = (float(end) for end in scale(panel.get_xlim()))
        for note in notes:
            wide = max(page_size.width(line, self.paper.small) for line in note.get_text().split("\n")) + gap
            left = room - min(wide, MOST_OF_PANEL * room)
            high = max(high, low + (float(scale(note.xy[0])) - low) * room / left)
        panel.set_xlim(right=float(panel.xaxis.get_transform().inverted().transform(high)))

    def _spread(self, panel: Axes, notes: Sequence[Annotation]) -> None:
        """Push the labels beside a panel apart, in the order of their points."""
        bottom, top = panel.bbox.y0, panel.bbox.y1
        wanted = {note: min(max(panel.transData.transform(note.xy)[1], bottom), top) for note in notes}
        line = self.paper.lines(1, self.paper.small) * self.figure.dpi
        beside = layout.tie(self.paper) * 0.9 * self.figure.dpi / panel.bbox.width
        order = sorted(notes, key=lambda note: wanted[note])
        tall = [line * page_size.count(note.get_text()) for note in order]
        places = _pushed_apart([wanted[note] for note in order], tall, bottom, top)
        for note, place in zip(order, places, strict=True):
            note.set_position((1 + beside, (place - bottom) / (top - bottom)))

    def _fit_ticks(self, panel: Axes) -> None:
        ticks.fit(panel, "x")
        if panel not in self._rows and not any(panel in group for group in self._shared()):
            ticks.fit(panel, "y")

    def _shared(self) -> list[Any]:
        """Panels whose row labels belong to another panel."""
        return [panel.get_shared_y_axes().get_siblings(panel) for panel in self._rows]


def _pushed_apart(wanted: Sequence[float], tall: Sequence[float], low: float, high: float) -> list[float]:
    """The nearest non-overlapping centres in the same order, within the ends if there is room."""
    places = list(wanted)
    floor = low - tall[0] / 2 if tall else low
    for index, own in enumerate(tall):
        places[index] = max(places[index], floor + own / 2)
        floor = places[index] + own / 2
    ceiling = max(high + tall[-1] / 2, low - tall[0] / 2 + sum(tall)) if tall else high
    for index in range(len(places) - 1, -1, -1):
        places[index] = min(places[index], ceiling - tall[index] / 2)
        ceiling = places[index] - tall[index] / 2
    return places
