"""Several runs in the same panels: the cells they share, each run with its own colour, marker and interval.

Runs are labelled A, B, C …; below the question are the conditions they share, then those of each run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.errors import UserError
from harness.formatting import numbers
from harness.plan.slices import Cell, Level
from harness.registry.metrics import CPU, Metric
from harness.report.chart_style import COLOURS, MARKERS
from harness.report.plots import caption, drawing, level_charts, page_size, ticks
from harness.report.plots.drawing import Mark, Marks, Subject
from harness.report.plots.level_charts import NAMES_MOST, names_room
from harness.report.plots.page_size import Paper
from harness.report.plots.sheet import Sheet, Words
from harness.scenario.arm import Arm
from harness.verdicts import comparability

AROUND: Final = 4.6  # rows' worth of height for a panel's title, numbers and name of the axis

GAP: Final = 0.3  # rows between two arms

SAID_ABOVE: Final = frozenset({*comparability.MACHINE, "python", "django", "database", "affinity"})

SAID: Final = 3  # differences listed; the rest is counted

CHARTS: Final = {
    "compare-throughput": "Did throughput differ between these runs?",
    "compare-latency": "Did latency differ between these runs?",
    "compare-cpu_per_request": "Did CPU time per request differ between these runs?",
}

MOST_RUNS: Final = len(ascii_uppercase)


@dataclass(frozen=True)
class Runs:
    """The runs to be drawn, with the cells that at least two of them have."""

    subjects: Sequence[Subject]
    cells: Sequence[Cell]

    @property
    def paper(self) -> Paper:
        return self.subjects[0].paper

    @property
    def mode(self) -> str:
        return self.subjects[0].analysis.mode


@dataclass(frozen=True)
class Panel:
    """Some arms on one endpoint and level."""

    endpoint: str
    level: Level
    cells: Sequence[Cell]


def drawn(analyses: Sequence[Analysis], size: Paper) -> Iterator[tuple[str, Iterator[Figure]]]:
    """Each chart's name and pictures. UserError if the runs share no cell, or cannot be compared."""
    runs = Runs([Subject.of(analysis, size) for analysis in analyses], _shared(analyses))
    return _charts(runs)


def _charts(runs: Runs) -> Iterator[tuple[str, Iterator[Figure]]]:
    rate = runs.subjects[0].rate
    asked = {
        "compare-throughput": (_axis(rate), _of(rate)),
        "compare-latency": ("latency [ms], lower is better", level_charts.median_to_p99),
        "compare-cpu_per_request": (_axis(CPU), _of(CPU)),
    }
    for name, question in CHARTS.items():
        yield name, _pictures(runs, question, *asked[name])


def _axis(metric: Metric) -> str:
    return f"{drawing.title(metric)}, {drawing.better(metric)}"


def _of(metric: Metric) -> Marks:
    return lambda subject, cell: subject.mark(cell, metric)


def _shared(analyses: Sequence[Analysis]) -> list[Cell]:
    paths = [analysis.run.path.resolve() for analysis in analyses]
    for path in paths:
        if paths.count(path) > 1:
            raise UserError(f"{path}: the same run is given twice; give different run folders")
    if len(analyses) > MOST_RUNS:
        raise UserError(f"{len(analyses)} runs: expected at most {MOST_RUNS}; give fewer")
    modes = {analysis.run.scenario.load.mode: analysis.run.path for analysis in analyses}
    if len(modes) > 1:
        told = ", ".join(f"{path} is {mode} loop" for mode, path in modes.items())
        raise UserError(f"the runs have different load modes: {told}; compare runs of one mode")
    every = [cell for analysis in analyses for cell in analysis.cells]
    shared = [cell for cell in dict.fromkeys(every) if every.count(cell) > 1]
    if not shared:
        told = "; ".join(f"{one.run.path} has {_named(one.mode, one.cells)}" for one in analyses)
        raise UserError(f"the runs share no cell (same arm, endpoint and level), so there is nothing to draw: {told}")
    return shared


def _pictures(runs: Runs, question: str, axis: str, marks: Marks) -> Iterator[Figure]:
    size = runs.paper
    longest = max(page_size.width(cell.arm, size.small) for cell in runs.cells)
    columns = 2 if longest <= NAMES_MOST * size.width / 2 and len(list(_panels(runs))) > 1 else 1
    panels = list(_panels(runs))
    height = max((_rows(runs, len(panel.cells)) + AROUND) * size.row for panel in panels)
    lines = len(panels) if size.height is None else max(1, int(size.room / height))
    for place in range(0, len(panels), lines * columns):
        some = panels[place : place + lines * columns]
        words = Words(question, _facts(runs), [*_notes(runs, marks), *_invalid(runs, some)])
        sheet = Sheet(size, words, [height] * -(-len(some) // columns), columns)
        for number, panel in enumerate(some):
            axes = sheet.panel(number // columns, number % columns)
            _draw(runs, sheet, axes, panel, marks, columns > 1)
            axes.set_xlabel(axis)
        figure = sheet.finish()
        _one_scale(sheet.panels, some)
        yield figure


def _one_scale(drawn: Sequence[Axes], panels: Sequence[Panel]) -> None:
    """Panels of one endpoint and level get the same scale."""
    for group in dict.fromkeys((panel.endpoint, panel.level) for panel in panels):
        same = [axes for axes, panel in zip(drawn, panels, strict=True) if (panel.endpoint, panel.level) == group]
        if len(same) > 1:
            right = max(axes.get_xlim()[1] for axes in same)
            for axes in same:
                axes.set_xlim(right=right)
                ticks.linear(axes.xaxis)
                ticks.fit(axes, "x")


def _panels(runs: Runs) -> Iterator[Panel]:
    """One per endpoint and level; several if a picture has no room for all arms."""
    for group in dict.fromkeys((cell.endpoint, cell.level) for cell in runs.cells):
        cells = [cell for cell in runs.cells if (cell.endpoint, cell.level) == group]
        room = min((runs.paper.room / runs.paper.row - AROUND) / _rows(runs, 1), len(cells))
        each = -(-len(cells) // -(-len(cells) // max(1, int(room))))  # as many as in the others, or one fewer
        yield from (Panel(*group, cells[place : place + each]) for place in range(0, len(cells), each))


def _rows(runs: Runs, arms: int) -> float:
    return arms * (len(runs.subjects) + GAP)


def _draw(runs: Runs, sheet: Sheet, axes: Axes, panel: Panel, marks: Marks, narrow: bool) -> None:
    middles, down = [], 0.0
    for cell in panel.cells:
        middles.append(down + (len(runs.subjects) - 1) / 2)
        for place, subject in enumerate(runs.subjects):
            mark = marks(subject, cell) if cell in subject.analysis.cells else None
            if mark is not None:
                drawing.point(sheet, axes, down + place, _as_run(mark, place))
            else:
                told = "INVALID" if cell in subject.lost else "not measured"
                told = told if cell not in subject.analysis.cells or cell in subject.lost else "too few samples"
                sheet.end(axes, 0.0, down + place, f"{ascii_uppercase[place]}: {told}")
        down += len(runs.subjects) + GAP
    sheet.name_rows(axes, [cell.arm for cell in panel.cells], names_room(runs.paper, narrow), middles)
    axes.set_ylim(down - GAP - 0.4, -0.6)
    axes.set_xlim(left=0)
    ticks.linear(axes.xaxis)
    sheet.title(axes, numbers.pushed(runs.mode, panel.endpoint, panel.level))


def _as_run(mark: Mark, place: int) -> Mark:
    label = f"{ascii_uppercase[place]}: {mark.label}"
    return replace(mark, colour=COLOURS[place % len(COLOURS)], marker=MARKERS[place % len(MARKERS)], label=label)


def _facts(runs: Runs) -> str:
    """The conditions that all runs share, then each run with its own."""
    told = [
        [fact for group in caption.groups(one.analysis, _arms(runs, one)) for fact in group] for one in runs.subjects
    ]
    same = [fact for fact in told[0] if all(fact in others for others in told)]
    lines = [f"all runs: {' · '.join(same)}"] if same else []
    for letter, one, own in zip(ascii_uppercase, runs.subjects, told, strict=False):
        lines.append(
            " · ".join([f"{letter}: {one.analysis.run.path.name}", *(fact for fact in own if fact not in same)])
        )
    return "\n".join(lines)


def _arms(runs: Runs, subject: Subject) -> list[Arm]:
    shared = {cell.arm for cell in runs.cells}
    return [arm for arm in subject.arms if arm.name in shared]


def _notes(runs: Runs, marks: Marks) -> Iterator[str]:
    latency = marks is level_charts.median_to_p99
    what = (
        "Mark: median (p50); line: up to p99."
        if latency
        else "Mark: value; line: 95 % interval, missing where a run has too few blocks."
    )
    yield f"{what} If two runs differ in more than one condition, the chart cannot attribute a difference to either."
    yield from _besides(runs)
    for letter, subject in zip(ascii_uppercase, runs.subjects, strict=False):
        alone = [cell for cell in subject.analysis.cells if cell not in runs.cells]
        if alone:
            yield f"Only in {letter}, not drawn: {_named(runs.mode, alone)}."


def _besides(runs: Runs) -> Iterator[str]:
    """Other differences: in the plan, or in packages that are not servers."""
    base = runs.subjects[0].analysis.run
    for letter, subject in zip(ascii_uppercase[1:], runs.subjects[1:], strict=False):
        said = SAID_ABOVE | {word for arm in subject.arms for word in arm.server.split("-")}
        found = [str(one) for one in comparability.differences(base, subject.analysis.run) if one.key not in said]
        if found:
            yield f"A vs {letter}: {_some(found)}."


def _invalid(runs: Runs, panels: Sequence[Panel]) -> Iterator[str]:
    cells = [cell for panel in panels for cell in panel.cells]
    for letter, subject in zip(ascii_uppercase, runs.subjects, strict=False):
        own = [cell for cell in cells if cell in subject.analysis.cells]
        yield from (f"{letter}: {line}" for line in caption.missing(subject.analysis, subject.reasons, own))


def _named(mode: str, cells: Sequence[Cell]) -> str:
    return _some([f"{cell.arm} on {numbers.cell(mode, cell.endpoint, cell.level)}" for cell in cells])


def _some(told: Sequence[str]) -> str:
    short = [caption.shortened(one) for one in told[:SAID]]
    more = f"; and {numbers.count(len(told) - SAID)} more" if len(told) > SAID else ""
    return "; ".join(short) + more
