"""Peak resident memory and threads of each arm, over all its cells."""

from collections.abc import Iterator
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.metrics import BY_KEY, Metric
from harness.report.plots import drawing, page_size, ticks
from harness.report.plots.drawing import Mark, Subject
from harness.report.plots.sheet import Sheet

SHOWN: Final = (BY_KEY["memory"], BY_KEY["threads"])

QUESTION: Final = "How much memory and how many threads does each deployment use?"

NOTES: Final = (
    "Peak over all endpoints and levels, of arms that serve all of them; median over blocks, thin line: range over blocks."
    " A thread pool filled by one endpoint stays filled for the next. Hatched: sync view.",
)

NAMES: Final = 0.34  # of the width

AROUND: Final = 4.6


def memory_and_threads(subject: Subject) -> Iterator[Figure]:
    """One picture, or several if the arms do not fit on one."""
    size = subject.paper
    room = NAMES * size.width
    shown = comparable(subject)
    heights = [page_size.count(page_size.wrapped(name, room, size.small)) * 1.2 for name in shown]
    pages: list[list[int]] = [[]]
    most = size.room / size.row - AROUND
    for place, height in enumerate(heights):
        if pages[-1] and sum(heights[one] for one in pages[-1]) + height > most:
            pages.append([])
        pages[-1].append(place)
    for page in pages:
        yield _picture(
            subject, [shown[place] for place in page], (sum(heights[place] for place in page) + AROUND) * size.row
        )


def comparable(subject: Subject) -> list[str]:
    """The arms that serve every endpoint at every level: a peak over fewer says nothing beside theirs. All, if none does."""
    served = {
        arm.name: {(cell.endpoint, cell.level) for cell in subject.analysis.cells if cell.arm == arm.name}
        for arm in subject.arms
    }
    everything = set(subject.groups)
    return [name for name, own in served.items() if own == everything] or list(served)


def _picture(subject: Subject, names: list[str], height: float) -> Figure:
    cells = [cell for cell in subject.analysis.cells if cell.arm in names]
    sheet = Sheet(subject.paper, subject.words(QUESTION, cells, NOTES), [height], len(SHOWN))
    first: Axes | None = None
    for column, metric in enumerate(SHOWN):
        panel = sheet.panel(0, column, beside=first)
        for row, name in enumerate(names):
            mark = _largest(subject, name, metric)
            if mark is None:
                sheet.end(panel, 0.0, row, "no data")
            else:
                drawing.bar(sheet, panel, row, mark)
        if first is None:
            first = panel
            sheet.name_rows(panel, names, NAMES * subject.paper.width)
        panel.grid(axis="y", visible=False)
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.set_xlim(left=0)
        ticks.linear(panel.xaxis)
        panel.set_xlabel(f"{drawing.title(metric)}, {drawing.better(metric)}")
    return sheet.finish()


def _largest(subject: Subject, arm: str, metric: Metric) -> Mark | None:
    """Over the valid cells; over all, drawn hollow, if none is valid."""
    rows = subject.analysis.per_block
    rows = rows[rows.arm == arm]
    lost = [
        Cell(arm, endpoint, level) in subject.lost for endpoint, level in zip(rows.endpoint, rows.level, strict=True)
    ]
    hollow = all(lost)
    kept = rows if hollow else rows[[not one for one in lost]]
    values = kept.groupby("block")[metric.column].max().dropna()
    if not len(values):
        return None
    middle = float(values.median())
    cell = Cell(arm, "", 0)
    mark = subject.styled(cell, middle, float(values.min()), float(values.max()), numbers.number(middle))
    return Mark(**{**vars(mark), "hollow": hollow})
