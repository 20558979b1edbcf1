"""The hockey stick: latency against offered rate, as a search for capacity walked it. One picture for all arms.

Each mark is one slice. Filled: the promise was kept. Hollow: it was not. The load maker's own limit is drawn, so that nobody
mistakes it for a server's.
"""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from harness import drawing
from harness.analysis import Analysis
from harness.metrics import HIGHEST_RATE
from harness.plan import Cell
from harness.scenario import HELD

TICKS = [a * 10**e for e in range(-1, 6) for a in (1, 2, 5)]


def stick(analysis: Analysis) -> Figure:
    """One panel per endpoint: all slices of all arms, the promise, the rates found, the load maker's limit."""
    promise = analysis.run.scenario.load.objective
    assert promise is not None
    endpoints = [endpoint.label for endpoint in analysis.run.scenario.endpoints]
    name = f"p{100 * promise.quantile:g}"
    question = f"How hard can it be pushed? {name} latency against offered rate; hollow: {promise} was not kept"
    figure, axes = drawing.figure(analysis, question, (5.6 * len(endpoints) + 2.6, 4.6), len(endpoints), len(endpoints))
    for panel, endpoint in zip(axes, endpoints, strict=True):
        walked = analysis.curve[analysis.curve.endpoint == endpoint]
        for arm in analysis.run.scenario.arms:
            _arm(analysis, panel, walked[walked.arm == arm.name], Cell(arm.name, endpoint, HELD))
        _limits(analysis, panel, promise.limit_ms)
        _axes(panel, name, endpoint)
    figure.legend(handles=_legend(analysis), loc="outside right upper")
    return figure


def _arm(analysis: Analysis, panel: Axes, walked: pd.DataFrame, cell: Cell) -> None:
    style = drawing.line_style(analysis, cell.arm)
    middle = walked.groupby("rate").latency_ms.median()
    panel.plot(middle.index, middle.to_numpy(), color=style["color"], ls=style["ls"], lw=1, alpha=0.6)
    for kept, face in ((True, style["color"]), (False, "none")):
        some = walked[walked.kept == kept]
        mark: dict[str, Any] = {"marker": style["marker"], "ls": "", "ms": 4.5, "markerfacecolor": face}
        panel.plot(some.rate, some.latency_ms, color=style["color"], **mark)
    found = analysis.estimate(cell, HIGHEST_RATE)
    if found is not None:
        panel.axvline(found.value, color=style["color"], ls=":", lw=1.2)


def _limits(analysis: Analysis, panel: Axes, limit_ms: float) -> None:
    panel.axhline(limit_ms, color="black", lw=1)
    drawing.note(panel, panel.get_xlim()[0], limit_ms, f"{limit_ms:g} ms", size=7)
    most = analysis.run.head["calibration"].get("most_rate")
    if most:
        panel.axvline(most, color="0.5", lw=3, alpha=0.5)


def _axes(panel: Axes, name: str, endpoint: str) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(FixedLocator(TICKS))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    panel.set_title(endpoint)
    panel.set_xlabel("offered rate [1/s]")
    panel.set_ylabel(f"{name} latency [ms], from the intended time")


def _legend(analysis: Analysis) -> list[Line2D]:
    arms = [
        Line2D([], [], label=arm.name, **drawing.line_style(analysis, arm.name)) for arm in analysis.run.scenario.arms
    ]
    found = Line2D([], [], color="black", ls=":", label="highest rate that was confirmed")
    limit = Line2D([], [], color="0.5", lw=3, alpha=0.5, label="half of what the load maker can send")
    return [*arms, found, limit]
