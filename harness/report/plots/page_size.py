"""Paper sizes (a page, or slides for a talk), font sizes, and the width of text.

Text widths are measured with the font itself: an estimate would cut labels off.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

POINTS: Final = 72  # to the inch

FOR_PANELS: Final = 0.66  # of a picture's height; the rest is for question, conditions and notes

FINE: Final = 288  # dots per inch at which widths are measured

MEASURED_PT: Final = 10.0

SLACK: Final = 1.015  # glyphs snap to whole pixels: at a lower resolution a line is at most this much wider

LINE: Final = 1.25  # line height, times the font size


@dataclass(frozen=True)
class Paper:
    """One size. Lengths in inches, font sizes in points."""

    name: str
    width: float
    height: float | None  # None: as high as what is drawn needs
    title: float
    facts: float
    text: float
    small: float  # labels at marks, ticks, notes
    dpi: int

    @property
    def row(self) -> float:
        """Height of a row of marks that has one line of text."""
        return self.lines(1, self.small) * 1.08

    @property
    def room(self) -> float:
        """Height for the panels of one picture."""
        return float("inf") if self.height is None else FOR_PANELS * self.height

    @property
    def edge(self) -> float:
        """Free space at the edges."""
        return self.text / POINTS

    @property
    def scale(self) -> float:
        """Of line widths and marks, against the page's."""
        return self.text / PAGE.text

    @property
    def style(self) -> dict[str, Any]:
        """Matplotlib's settings for it."""
        return STYLE | {
            "font.size": self.text,
            "axes.titlesize": self.text,
            "axes.titlepad": 7 * self.scale,
            "axes.labelsize": self.small,
            "xtick.labelsize": self.small,
            "ytick.labelsize": self.small,
            "axes.linewidth": 0.6 * self.scale,
            "grid.linewidth": 0.6 * self.scale,
            "hatch.linewidth": 0.6 * self.scale,
            "figure.dpi": self.dpi,  # places are found at the dots they are drawn in
        }

    def lines(self, count: int, size: float) -> float:
        """Height of so many lines of this type."""
        return count * size * LINE / POINTS


STYLE: Final[dict[str, Any]] = {
    "text.parse_math": False,  # a $ in a name is a dollar
    "figure.facecolor": "white",
    "savefig.facecolor": "white",  # opaque: to be read on a dark page as well
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "grid.alpha": 0.3,
    "svg.fonttype": "none",  # text stays text: small, and can be searched
    "svg.hashsalt": "djbench",
    "pdf.fonttype": 42,
}

PAGE: Final = Paper("page", 6.9, None, title=11, facts=7, text=8, small=7, dpi=200)

TALK: Final = Paper("talk", 40 / 3, 7.5, title=25, facts=12, text=16, small=14, dpi=144)

PAPERS: Final = {paper.name: paper for paper in (PAGE, TALK)}


@cache
def width(text: str, size: float, weight: str = "normal") -> float:
    """How wide a line of text is, in inches: the sum of its words, each of which is measured once."""
    words = text.split(" ")
    spaces = (len(words) - 1) * _measured("n n", weight) - (len(words) - 1) * 2 * _measured("n", weight)
    return SLACK * size * (sum(_measured(word, weight) for word in words if word) + spaces)


@cache
def _measured(word: str, weight: str) -> float:
    """Inches for each point of the type's size."""
    font = FontProperties(size=MEASURED_PT, weight=weight)
    wide, _, _ = _renderer().get_text_width_height_descent(word, font, False)  # type: ignore[no-untyped-call]
    return float(wide) / FINE / MEASURED_PT


def widest(text: str, size: float, weight: str = "normal") -> float:
    """The same of several lines: the widest of them."""
    return max(width(line, size, weight) for line in text.split("\n"))


@cache
def _renderer() -> RendererAgg:
    return RendererAgg(1, 1, FINE)  # type: ignore[no-untyped-call]


def wrapped(text: str, room: float, size: float, weight: str = "normal") -> str:
    """The text in lines that are no wider than `room` inches; a word that is wider is broken."""
    return "\n".join(_wrapped(line, room, size, weight) for line in text.split("\n"))


def _wrapped(text: str, room: float, size: float, weight: str) -> str:
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if width(longer, size, weight) <= room:
            lines[-1] = longer
            continue
        pieces = _pieces(word, room, size, weight)
        lines = [*lines, *pieces] if lines[-1] else pieces
    return "\n".join(lines)


def count(text: str) -> int:
    """Its lines."""
    return text.count("\n") + 1


def _pieces(word: str, room: float, size: float, weight: str) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and width(pieces[-1] + letter, size, weight) > room:
            pieces.append("")
        pieces[-1] += letter
    return pieces
