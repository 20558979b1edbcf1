"""Charts that only some runs have: streaming responses, and connections and database sessions opened per request.

Each gives no picture if there is nothing to show.
"""

from collections.abc import Iterator
from typing import Final

from matplotlib.figure import Figure

from harness.registry.metrics import BY_KEY, Metric
from harness.report.plots import drawing
from harness.report.plots.drawing import Subject
from harness.report.plots.level_charts import Chart, of_metric, over_blocks, pictures

FIRST_BYTE, STREAMS = BY_KEY["first"], BY_KEY["streams"]

CONNECTIONS, SESSIONS = BY_KEY["connections"], BY_KEY["sessions"]

SELDOM: Final = 0.05  # opened per request; if no cell has more, connections are kept open and there is no chart


def first_byte(subject: Subject) -> Iterator[Figure]:
    """Streaming endpoints: median time to first byte."""
    asked = "How long does the first byte of a streamed response take?"
    axis = f"{drawing.title(FIRST_BYTE)}, {drawing.better(FIRST_BYTE)}"
    return _of_streams(subject, Chart(asked, axis, of_metric(FIRST_BYTE), [over_blocks(subject)]))


def streams(subject: Subject) -> Iterator[Figure]:
    """Streaming endpoints: the most concurrent streams."""
    asked = "How many concurrent streams does each deployment serve?"
    axis = f"{drawing.title(STREAMS)}, {drawing.better(STREAMS)}"
    return _of_streams(subject, Chart(asked, axis, of_metric(STREAMS), [over_blocks(subject)]))


def connections_per_request(subject: Subject) -> Iterator[Figure]:
    """TCP connections opened per request, if any."""
    return _of_opened(subject, "How many TCP connections are opened per request?", CONNECTIONS)


def sessions_per_request(subject: Subject) -> Iterator[Figure]:
    """Database sessions opened per request, if any."""
    return _of_opened(subject, "How many database sessions are opened per request?", SESSIONS)


def _of_opened(subject: Subject, asked: str, metric: Metric) -> Iterator[Figure]:
    """No picture if nothing is counted, or if connections are kept open."""
    column = subject.analysis.per_block[metric.column].astype(float)
    if (column >= SELDOM).any():
        axis = f"{drawing.title(metric)}, {drawing.better(metric)}"
        yield from pictures(subject, Chart(asked, axis, of_metric(metric), [over_blocks(subject)]))


def _of_streams(subject: Subject, chart: Chart) -> Iterator[Figure]:
    """No picture if nothing streams."""
    if any(chart.marks(subject, cell) for cell in subject.analysis.cells):
        yield from pictures(subject, chart)
