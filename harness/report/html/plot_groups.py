"""The interactive charts of report.html: which of them a run has something for, each with its pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.analysis.analysis import Analysis
from harness.report.html import line_charts, svg
from harness.report.html.line_chart import Chart, styles


@dataclass(frozen=True)
class Plot:
    """One interactive chart with its pictures."""

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
    """The interactive charts that this run has something for."""
    promise = analysis.run.scenario.load.objective
    told = [
        (
            "sticks",
            "How hard can it be pushed?",
            f"Each mark is a slice at one rate; hollow: {promise} was not kept. A line that turns upwards has found its"
            " limit, and the dotted upright is the highest rate that was confirmed.",
            line_charts.hockey_sticks(analysis, lost),
        ),
        (
            "levels",
            "What happens as the load grows?",
            "A line that stays flat has reached its limit: more users only wait longer. Whiskers are 95 % intervals over blocks.",
            line_charts.by_level(analysis, lost),
        ),
        (
            "percentiles",
            "Where is the tail?",
            "Of every hundred users, so many waited at most so long. The axis gives the slowest 1 % as much room as the"
            " rest; lower is better, and a line that rises on the right keeps a few users waiting.",
            line_charts.percentile_curves(analysis, lost),
        ),
        (
            "time",
            "Did it hold over time?",
            "Latency while each arm was loaded, block after block, its slices in turn. Level is good; steps from block to"
            " block are the machine's moods or a fresh start's, and slopes within a block say that it had not settled.",
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
