"""The hockey stick: latency against offered rate in a capacity search. One panel per endpoint.

Each mark is one slice. Filled: objective met. Hollow: missed. The load generator's own limit is drawn, so that it is not
mistaken for a server's.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.metrics import HIGHEST_RATE
from harness.report.plots import drawing, page_size, ticks
from harness.report.plots.drawing import Subject
from harness.report.plots.level_charts import names_room
from harness.report.plots.sheet import Sheet
from harness.scenario.endpoint import HELD

QUESTION: Final = "Which request rate can each deployment sustain?"

INVALID: Final = "INVALID, no rate"  # a hollow mark means something else here

HEIGHT: Final = 16.0  # of a panel with its words, in rows

NEAR: Final = 3.0

NAMES: Final = 7.5  # rows of a panel of that height that line labels may take


def stick(subject: Subject) -> Iterator[Figure]:
    """Pictures of all endpoints; at talk size one endpoint per picture."""
    size, scenario = subject.paper, subject.analysis.run.scenario
    endpoints = [endpoint.label for endpoint in scenario.endpoints]
    names = sum(page_size.count(_name(subject, Cell(arm.name, endpoints[0], HELD))) for arm in subject.arms)
    height = (HEIGHT + max(0.0, names - NAMES)) * size.row
    step = len(endpoints) if size.height is None else max(1, int(size.room / height))
    for place in range(0, len(endpoints), step):
        some = endpoints[place : place + step]
        cells = [cell for endpoint in some for cell in subject.cells(endpoint)]
        sheet = Sheet(size, subject.words(QUESTION, cells, _notes(subject), INVALID), [height] * len(some))
        for row, endpoint in enumerate(some):
            _panel(subject, sheet, sheet.panel(row), endpoint)
        yield sheet.finish()


def _notes(subject: Subject) -> Sequence[str]:
    objective = subject.analysis.run.scenario.load.objective
    most, limit = _most(subject), ""
    if most:
        limit = f" Load-generator limit: {numbers.count(most)}/s, half of its ceiling"
        limit += " (thick grey line)." if _near(subject, most) else " (far to the right of this chart)."
    return [
        f"Each mark is one slice. Filled: {objective} met; hollow: missed. Further right is better."
        " Latency runs from the intended send time."
        f" Dotted vertical line: highest rate, that of the lowest block, labelled at the right.{limit} Dashed: sync view."
    ]


def _most(subject: Subject) -> float | None:
    found = subject.analysis.run.head["calibration"].get("most_rate")
    return float(found) if found else None


def _near(subject: Subject, most: float) -> bool:
    """Whether the load generator's limit fits on the axis without squeezing the data."""
    return most < NEAR * float(subject.analysis.curve.rate.max())


def _panel(subject: Subject, sheet: Sheet, panel: Axes, endpoint: str) -> None:
    objective, curve = subject.analysis.run.scenario.load.objective, subject.analysis.curve
    assert objective is not None
    ticks.logarithmic(panel.xaxis, "x")
    ticks.logarithmic(panel.yaxis, "y")
    for arm in subject.arms:
        walked = curve[(curve.endpoint == endpoint) & (curve.arm == arm.name)]
        _arm(subject, sheet, panel, walked, Cell(arm.name, endpoint, HELD))
    panel.axhline(objective.limit_ms, color="black", lw=subject.paper.scale)
    most = _most(subject)
    if most and _near(subject, most):
        panel.axvline(most, color="0.5", lw=3 * subject.paper.scale, alpha=0.5)
    panel.set_xlim(panel.get_xlim())
    sheet.side(panel, (panel.get_xlim()[1], objective.limit_ms), f"objective: {objective}", "black")
    panel.set_xlabel("offered rate [1/s]")
    panel.set_ylabel(f"p{100 * objective.quantile:g} latency [ms]")
    sheet.title(panel, endpoint)


def _arm(subject: Subject, sheet: Sheet, panel: Axes, walked: pd.DataFrame, cell: Cell) -> None:
    if walked.empty:
        return
    style, scale = subject.line(cell.arm), subject.paper.scale
    middle = walked.groupby("rate").latency_ms.median().dropna()
    panel.plot(middle.index, middle.to_numpy(), color=style["color"], ls=style["ls"], lw=scale, alpha=0.6)
    for kept, face in ((True, style["color"]), (False, "white")):
        some = walked[walked.met == kept]
        mark: dict[str, Any] = {"marker": style["marker"], "ls": "", "ms": 3.6 * scale, "markerfacecolor": face}
        panel.plot(some.rate, some.latency_ms, color=style["color"], **mark)
    found = subject.analysis.estimate(cell, HIGHEST_RATE)
    if found is not None and cell not in subject.lost:
        panel.axvline(found.value, color=style["color"], ls=":", lw=scale)
    if len(middle):
        point = (float(middle.index[-1]), float(middle.iloc[-1]))
        sheet.side(panel, point, _name(subject, cell), drawing.ink(style["color"]))


def _name(subject: Subject, cell: Cell) -> str:
    found = subject.analysis.estimate(cell, HIGHEST_RATE)
    told = "INVALID" if cell in subject.lost else f"{numbers.number(found.value if found else None)}/s"
    return page_size.wrapped(f"{cell.arm}: {told}", names_room(subject.paper, False), subject.paper.small)
