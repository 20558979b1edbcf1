"""Every compared pair on every cell: ratio with interval, the line at 1, the noise floor (A/A) as a band.

Rows are grouped by pair, so that no legend is needed; colour and marker show the verdict.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.arm_comparison import Compared, Pair
from harness.formatting import numbers
from harness.plan.slices import Cell, Level
from harness.registry.load_modes import OPEN
from harness.registry.metrics import CPU, HIGHEST_RATE, P50, Metric
from harness.report.chart_style import COLOURS, DUETS
from harness.report.plots import drawing, page_size, ticks
from harness.report.plots.drawing import NO_COLOUR, Mark, Subject
from harness.report.plots.page_size import Paper
from harness.report.plots.sheet import Sheet
from harness.report.sections import valid_comparisons
from harness.verdicts import verdict

NAMES: Final = 0.27  # of the width, that pair and row labels may take

AROUND: Final = 5.5  # height for title, tick labels and axis label, in rows

LEAST_SPAN: Final = 1.25  # the axis covers at least 1 / 1.25 to 1.25

LONGEST_NAMES: Final = 60  # characters of a pair's names that fit into the question

VERDICTS: Final = "Blue circle: better. Orange square: worse. Grey diamond: inconclusive or equivalent."


@dataclass(frozen=True)
class Row:
    """A pair's heading, or the pair on one cell."""

    pair: Pair
    name: str
    key: tuple[str, Level] | None  # None: a heading
    height: float  # in rows of one line


def ratios(subject: Subject) -> Iterator[Figure]:
    """Pictures of all pairs; a pair that does not fit starts the next one."""
    for rows in _pages(subject.paper, list(_rows(subject))):
        yield _picture(subject, rows)


def _rows(subject: Subject) -> Iterator[Row]:
    size, analysis = subject.paper, subject.analysis
    room = NAMES * size.width
    for pair in dict.fromkeys((pair.arm, pair.over) for pair in analysis.run.scenario.pairs):
        keys = [key for key in subject.groups if all(Cell(arm, *key) in analysis.cells for arm in pair)]
        if keys:
            names = (pair[0], f"over {pair[1]}")
            heading = "\n".join(page_size.wrapped(name, room, size.small, "bold") for name in names)
            yield Row(pair, heading, None, page_size.count(heading) + 0.3)
        for key in keys:
            name = page_size.wrapped(numbers.cell(analysis.mode, *key), room, size.small)
            yield Row(pair, name, key, max(1.0, float(page_size.count(name))))


def _pages(size: Paper, rows: Sequence[Row]) -> Iterator[list[Row]]:
    """As many rows per picture as fit; a continued pair repeats its heading."""
    room = size.room / size.row - AROUND
    page: list[Row] = []
    for place, row in enumerate(rows):
        own = sum(one.height for one in rows[place:] if one.pair == row.pair) if row.key is None else row.height
        used = sum(one.height for one in page)
        if page and used + min(own, room) > room:
            yield page
            page = [] if row.key is None else [next(one for one in page if one.pair == row.pair and one.key is None)]
        page.append(row)
    if page:
        yield page


def _picture(subject: Subject, rows: Sequence[Row]) -> Figure:
    told = [subject.rate] if subject.rate is HIGHEST_RATE else [subject.rate, P50]
    told = [metric for metric in [*told, CPU] if not (subject.analysis.mode == OPEN and metric is subject.rate)]
    cells = [Cell(arm, *row.key) for row in rows if row.key for arm in row.pair]
    sheet = Sheet(
        subject.paper,
        subject.words(_question(rows), list(dict.fromkeys(cells)), _notes(subject, rows, told)),
        [(sum(row.height for row in rows) + AROUND) * subject.paper.row],
        len(told),
    )
    first: Axes | None = None
    for column, metric in enumerate(told):
        panel = sheet.panel(0, column, beside=first)
        _panel(subject, sheet, panel, rows, metric)
        if first is None:
            first = panel
            sheet.name_rows(panel, [row.name for row in rows], NAMES * subject.paper.width, _places(rows))
            for row, label in zip(rows, panel.get_yticklabels(), strict=True):
                label.set_fontweight("bold" if row.key is None else "normal")
    return sheet.finish()


def _question(rows: Sequence[Row]) -> str:
    pairs = list(dict.fromkeys(row.pair for row in rows))
    if len(pairs) == 1 and len("".join(pairs[0])) < LONGEST_NAMES:
        return f"Does {pairs[0][0]} outperform {pairs[0][1]}, and by how much?"
    return "Which deployment performs better, and by how much?"


def _notes(subject: Subject, rows: Sequence[Row], told: Sequence[Metric]) -> list[str]:
    floors = [subject.analysis.noise_floor(*row.key, metric) for row in rows if row.key for metric in told]
    band = " Grey band: how far two identical arms differ here (A/A)." if any(floors) else ""
    how = "Each row: ratio of the first deployment to the second, geometric mean over blocks with 95 % interval."
    return [f"{how} {VERDICTS}{band}", *([DUETS] if subject.analysis.has_duets else [])]


def _places(rows: Sequence[Row]) -> list[float]:
    """The middle of each row, from the top."""
    found, down = [], 0.0
    for row in rows:
        found.append(down + row.height / 2)
        down += row.height
    return found


def _panel(subject: Subject, sheet: Sheet, panel: Axes, rows: Sequence[Row], metric: Metric) -> None:
    known = {(c.arm, c.over, c.endpoint, c.level): c for c in subject.analysis.compared if c.metric is metric}
    valid = valid_comparisons(subject.analysis, subject.lost)
    ticks.logarithmic(panel.xaxis, "x", "×")
    panel.axvline(1, color="black", lw=0.8 * subject.paper.scale, zorder=1)
    for row, place in zip(rows, _places(rows), strict=True):
        if row.key is None:
            continue
        floor = subject.analysis.noise_floor(*row.key, metric)
        if floor is not None:
            ends = [place - row.height / 2, place + row.height / 2]
            panel.fill_betweenx(ends, 1 / (1 + floor), 1 + floor, color="0.85", lw=0, zorder=0)
        compared = known.get((*row.pair, *row.key))
        if any(Cell(arm, *row.key) in subject.lost for arm in row.pair):
            ring: dict[str, Any] = {"marker": "o", "ls": "", "ms": 5 * subject.paper.scale, "markerfacecolor": "white"}
            panel.plot([1], [place], color=NO_COLOUR, **ring)
            sheet.end(panel, 1, place, "INVALID")
        elif compared in valid and compared is not None:
            drawing.point(sheet, panel, place, _mark(subject, compared))
        else:
            sheet.end(panel, 1, place, "no data")
    low, high = panel.get_xlim()
    panel.set_xlim(min(low, 1 / LEAST_SPAN), max(high, LEAST_SPAN))
    panel.set_ylim(sum(row.height for row in rows), 0)
    panel.grid(axis="y", visible=False)
    panel.set_xlabel(f"ratio {'(higher is better ▶)' if metric.higher_is_better else '(◀ lower is better)'}")
    sheet.title(panel, metric.title)


def _mark(subject: Subject, compared: Compared) -> Mark:
    word, metric, ratio = verdict.of(compared, subject.analysis).word, compared.metric, compared.ratio
    colour, marker = {metric.better: (COLOURS[0], "o"), metric.worse: (COLOURS[1], "s")}.get(word, (NO_COLOUR, "D"))
    return Mark(ratio.value, ratio.low, ratio.high, f"{numbers.number(ratio.value)}×", colour, marker=marker)
