"""The list of charts, and saving them to files. A chart is a function from a Subject to one or more pictures.

A chart with more panels than fit on one picture is split into several.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.report.plots import (
    hockey_stick_chart,
    level_charts,
    memory_chart,
    optional_charts,
    percentile_chart,
    ratio_chart,
)
from harness.report.plots.drawing import Subject
from harness.report.plots.page_size import PAGE, Paper

Chart = Callable[[Subject], Iterator[Figure]]

CHARTS: Final[dict[str, Chart]] = {
    "ratios": ratio_chart.ratios,
    "throughput": level_charts.throughput,
    "latency": level_charts.latency,
    "percentile_curves": percentile_chart.percentile_curves,
    "cpu_per_request": level_charts.cpu_per_request,
    "memory_and_threads": memory_chart.memory_and_threads,
    "connections_per_request": optional_charts.connections_per_request,
    "sessions_per_request": optional_charts.sessions_per_request,
    "first_byte": optional_charts.first_byte,
    "streams": optional_charts.streams,
    "hockey_stick": hockey_stick_chart.stick,
}

KINDS: Final = ("png", "svg", "pdf")

UNDATED: Final[dict[str, dict[str, None]]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
"""The same run gives the same file."""


def save_all(analysis: Analysis, folder: Path, kind: str, size: Paper = PAGE) -> list[str]:
    """Draw every chart into the folder; returns the file names. Charts without data are left out."""
    return save_pictures(drawn(analysis, size), folder, [kind], size)


def drawn(analysis: Analysis, size: Paper) -> Iterator[tuple[str, Iterator[Figure]]]:
    """Each chart's name and pictures. Consume it within the size's rc_context, as `save_pictures` does."""
    subject = Subject.of(analysis, size)
    for name, chart in CHARTS.items():
        if name != "hockey_stick" or not analysis.curve.empty:
            yield name, chart(subject)


def save_pictures(
    charts: Iterator[tuple[str, Iterator[Figure]]], folder: Path, kinds: Sequence[str], size: Paper
) -> list[str]:
    """Every picture of these charts as NAME.KIND, NAME-2.KIND …; at talk size NAME-talk.KIND."""
    names = []
    style: Any = size.style
    with mpl.rc_context(style):
        for name, pictures in charts:
            for number, picture in enumerate(pictures, 1):
                for kind in kinds:
                    names.append(
                        f"{name}{'' if size is PAGE else f'-{size.name}'}{f'-{number}' if number > 1 else ''}.{kind}"
                    )
                    picture.savefig(folder / names[-1], metadata=UNDATED[kind])
    return names
