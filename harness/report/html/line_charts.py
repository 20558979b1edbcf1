"""The line charts of an analysis: by level, by percentile, over time, and the hockey stick of a capacity search. Pure."""

from collections.abc import Iterator, Sequence
from math import log10
from typing import Final

import numpy as np
import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.timeline import MOST_POINTS
from harness.formatting import numbers
from harness.plan.slices import Cell, Level
from harness.registry.load_modes import CAPACITY, CLOSED
from harness.registry.metrics import HIGHEST_RATE, METRICS, Metric
from harness.report.chart_style import PERCENTILES, TAIL_SAMPLES
from harness.report.html.line_chart import Chart, Line, Mark, Reference
from harness.samples import SAMPLES_NEEDED
from harness.scenario.endpoint import HELD

BY_LEVEL: Final = ("throughput_rps", "p50_ms", "p95_ms", "p99_ms", "cpu_ms_per_request")

DRAWN: Final = ("throughput_rps", "p95_ms")
"""Of those, what is also a picture; the others are in the tables."""

OVER_TIME: Final = {"p50_ms": "p50", "p95_ms": "p95", "max_ms": "max"}

PERCENTILE_POINTS: Final = 48

MOST_ENDS: Final = 60
"""With more blocks than these their ends are not drawn: there would be more of them than points."""

Group = tuple[str, Level]


def groups(analysis: Analysis) -> list[Group]:
    """Every endpoint and level, in the scenario's order."""
    return list(dict.fromkeys((cell.endpoint, cell.level) for cell in analysis.cells))


def where(analysis: Analysis, endpoint: str, level: Level) -> str:
    """An endpoint with its level, as the page names it."""
    return endpoint if analysis.mode == CAPACITY else numbers.pushed(analysis.mode, endpoint, level)


def arms(analysis: Analysis) -> dict[str, int]:
    """Every arm's place."""
    return {arm.name: place for place, arm in enumerate(analysis.run.scenario.arms)}


def by_level(analysis: Analysis, lost: set[Cell]) -> Iterator[Chart]:
    """Every figure against users or rate, of the endpoints that have several levels."""
    for endpoint in dict.fromkeys(cell.endpoint for cell in analysis.cells):
        cells = [cell for cell in analysis.cells if cell.endpoint == endpoint]
        levels = sorted({cell.level for cell in cells})
        for metric in METRICS if len(levels) > 1 else ():
            if metric.column in BY_LEVEL:
                yield _against_level(analysis, cells, levels, metric, lost)


def _against_level(
    analysis: Analysis, cells: Sequence[Cell], levels: Sequence[Level], metric: Metric, lost: set[Cell]
) -> Chart:
    lines = []
    for arm, place in arms(analysis).items():
        marks = {cell.level: mark for cell in cells if cell.arm == arm if (mark := _mark(analysis, cell, metric, lost))}
        sound = {level: mark.y for level, mark in marks.items() if not mark.hollow}
        if marks:
            lines.append(Line(place, [sound.get(level) for level in levels], list(marks.values())))
    return Chart(
        group=cells[0].endpoint,
        what=metric.title,
        x_label="users" if analysis.mode == CLOSED else "offered rate [1/s]",
        y_label=f"{metric.title} [{metric.unit}]",
        x=levels,
        lines=lines,
        x_ticks=[(level, f"{level:g}") for level in levels],
        x_log=True,
        y_log=metric.quantile is not None,
        drawn=metric.column in DRAWN,
    )


def _mark(analysis: Analysis, cell: Cell, metric: Metric, lost: set[Cell]) -> Mark | None:
    found = analysis.estimate(cell, metric)
    return Mark(cell.level, found.value, found.low, found.high, cell in lost) if found else None


def percentile_curves(analysis: Analysis, lost: set[Cell]) -> Iterator[Chart]:
    """Latency by percentile on a log(1 − p) axis, which spreads out the tail."""
    for endpoint, level in groups(analysis):
        samples = {
            place: sample
            for arm, place in arms(analysis).items()
            if (cell := Cell(arm, endpoint, level)) not in lost
            if len(sample := analysis.latencies.get(cell, np.empty(0))) >= SAMPLES_NEEDED[0.50]
        }
        if not samples:
            continue
        furthest = max(log10(len(sample) / TAIL_SAMPLES) for sample in samples.values())
        x = np.linspace(0, max(furthest, 0.3), PERCENTILE_POINTS)
        yield Chart(
            group=where(analysis, endpoint, level),
            what="latency",
            x_label="percentile [%]",
            y_label="latency [ms]",
            x=x.tolist(),
            lines=[Line(place, _percentiles(sample, x)) for place, sample in samples.items()],
            x_ticks=[(-log10(1 - p), f"{100 * p:.5g}") for p in PERCENTILES if -log10(1 - p) <= x[-1]],
            x_form="percentile",
        )


def _percentiles(
    sample: "np.ndarray[tuple[int], np.dtype[np.float64]]", x: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> list[float | None]:
    """The sorted sample's percentiles 1 - 10^-x; None where fewer than TAIL_SAMPLES lie beyond."""
    at = (1 - 10.0**-x) * (len(sample) - 1)
    below = at.astype(int)
    above = np.minimum(below + 1, len(sample) - 1)
    values = sample[below] + (at - below) * (sample[above] - sample[below])
    known = len(sample) * 10.0**-x >= TAIL_SAMPLES * 0.999
    return [float(value) if there else None for value, there in zip(values, known, strict=True)]


def over_time(analysis: Analysis, lost: set[Cell]) -> Iterator[Chart]:
    """Latency while an arm was loaded, slice by slice; block by block along x, all arms on the same stretch of it."""
    known = analysis.timeline
    if known.empty:
        return
    at = _along(known)
    order = {block: place for place, block in enumerate(sorted(known.block.unique()))}
    for endpoint, level in groups(analysis):
        chosen = (known.endpoint == endpoint) & (known.level == level)
        rows = known[chosen].assign(x=at[chosen])
        if rows.empty:
            continue
        thin = _thinned(rows)
        ends = [float(place) for place in range(1, len(order))] if len(order) <= MOST_ENDS else []
        x = sorted({*thin.x, *ends})  # a line ends where its block ends
        for column, what in OVER_TIME.items():
            yield Chart(
                group=where(analysis, endpoint, level),
                what=what,
                x_label="block",
                y_label=f"{what} latency [ms]",
                x=x,
                lines=[_in_time(analysis, thin, arm, column, x) for arm in arms(analysis) if arm in set(thin.arm)],
                x_ticks=[(place + 0.5, str(block + 1)) for block, place in order.items()][:: max(1, len(order) // 12)],
                x_form="block",
                references=[Reference(end, "", upright=True) for end in ends],
                drawn=column == "p95_ms",
            )


def _along(rows: pd.DataFrame) -> pd.Series:
    """Where a stretch is on the axis: its block's place, and how much of the cell's load in that block was before its middle."""
    places = {block: place for place, block in enumerate(sorted(rows.block.unique()))}
    visits = rows.groupby(["block", "arm", "endpoint", "level"]).visit.transform("max") + 1
    inside = (rows.visit + (rows.stretch + 0.5) / rows.stretches) / visits
    return rows.block.map(places) + inside


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    """At most MOST_POINTS per arm: neighbours are put together, medians by their median and the largest by the largest."""
    x = rows.x.rank(method="dense").astype(int) - 1
    together = x // max(1, -(-(int(x.max()) + 1) // MOST_POINTS))
    joined = rows.assign(together=together, x=rows.x.groupby(together).transform("mean"))
    found = joined.groupby(["arm", "together"]).agg(
        {"x": "first", "p50_ms": "median", "p95_ms": "median", "max_ms": "max"}
    )
    return found.reset_index()


def _in_time(analysis: Analysis, rows: pd.DataFrame, arm: str, column: str, x: Sequence[float]) -> Line:
    own = rows[rows.arm == arm]
    values = dict(zip(own.x, own[column], strict=True))
    return Line(arms(analysis)[arm], [values.get(one) for one in x])


def hockey_sticks(analysis: Analysis, lost: set[Cell]) -> Iterator[Chart]:
    """Of a capacity search: each slice's latency at the objective's percentile against its rate. Hollow: missed."""
    objective, walked = analysis.run.scenario.load.objective, analysis.curve
    if analysis.mode != CAPACITY or objective is None or walked.empty:
        return
    name = f"p{100 * objective.quantile:g}"
    for endpoint in [endpoint.label for endpoint in analysis.run.scenario.endpoints]:
        rows = walked[walked.endpoint == endpoint]
        x = sorted(rows.rate.unique().tolist())
        lines = [_walk(rows[rows.arm == arm], place, x) for arm, place in arms(analysis).items()]
        yield Chart(
            group=endpoint,
            what=f"{name} latency",
            x_label="offered rate [1/s]",
            y_label=f"{name} latency [ms]",
            x=x,
            lines=[line for line in lines if line.marks],
            x_log=True,
            references=[Reference(objective.limit_ms, f"objective: {objective}"), *_found(analysis, endpoint)],
        )


def _walk(rows: pd.DataFrame, place: int, x: Sequence[float]) -> Line:
    middle = rows.groupby("rate").latency_ms.median().to_dict()
    marks = [Mark(float(one.rate), float(one.latency_ms), hollow=not one.met) for one in rows.itertuples(index=False)]
    return Line(place, [middle.get(rate) for rate in x], marks)


def _found(analysis: Analysis, endpoint: str) -> Iterator[Reference]:
    """The confirmed rates, and the load generator's own limit, so that it is not mistaken for a server's."""
    for arm, place in arms(analysis).items():
        found = analysis.estimate(Cell(arm, endpoint, HELD), HIGHEST_RATE)
        if found is not None:
            yield Reference(found.value, f"{numbers.number(found.value)}/s", upright=True, arm=place)
    most = analysis.run.head["calibration"].get("most_rate")
    if most:
        yield Reference(float(most), "load-generator limit", upright=True)
