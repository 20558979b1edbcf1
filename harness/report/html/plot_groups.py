"""The interactive charts of report.html that a run has data for, each with its static pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.analysis.analysis import Analysis
from harness.report.html import line_charts, svg
from harness.report.html.line_chart import Chart, styles
from harness.statistics.intervals import FEWEST_FOR_MEDIAN


@dataclass(frozen=True)
class Plot:
    """One interactive chart with its static pictures."""

    key: str
    title: str
    reading: str  # what to look for
    charts: Sequence[Chart]
    pictures: Sequence[Markup]

    @property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(chart.group for chart in self.charts))

    @property
    def whats(self) -> list[str]:
        return list(dict.fromkeys(chart.what for chart in self.charts))


def plots(analysis: Analysis, lost: set[Any]) -> list[Plot]:
    """The interactive charts that this run has data for."""
    objective = analysis.run.scenario.load.objective
    told = [
        (
            "sticks",
            "Capacity search",
            f"Latency against offered rate. Each mark is one slice; hollow: {objective} missed. A line that turns upwards"
            " has reached saturation; dotted vertical line: highest rate, that of the lowest block.",
            line_charts.hockey_sticks(analysis, lost),
        ),
        (
            "levels",
            "Scaling with load",
            "Throughput that stays flat is saturated: additional users only add latency."
            + (" Whiskers: 95 % intervals over blocks." if analysis.blocks >= FEWEST_FOR_MEDIAN else ""),
            line_charts.by_level(analysis, lost),
        ),
        (
            "percentiles",
            "Latency percentiles",
            "Share of requests completed within each latency, on a logarithmic axis that gives the slowest 1 % as much room as"
            " the rest. Lower is better; a line that rises at the right has a long tail.",
            line_charts.percentile_curves(analysis, lost),
        ),
        (
            "time",
            "Latency over time",
            "Latency of each arm while it was under load, block by block, slice by slice. Flat lines are good; steps between"
            " blocks come from machine noise or server restarts, a slope within a block means no steady state.",
            line_charts.over_time(analysis, lost),
        ),
    ]
    made = [(key, title, reading, list(some)) for key, title, reading, some in told]
    return [
        Plot(key, title, reading, some, _pictures(analysis, key, some)) for key, title, reading, some in made if some
    ]


def _pictures(analysis: Analysis, key: str, some: Sequence[Chart]) -> list[Markup]:
    shown = styles(analysis)
    return [svg.draw(chart, shown, f"{key}{place}") for place, chart in enumerate(some) if chart.drawn]
