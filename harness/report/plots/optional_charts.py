"""Charts that only some runs have: of answers that stream, and of connections and sessions that requests had to open.

Each gives no picture where there is nothing to see.
"""

from collections.abc import Iterator
from typing import Final

from matplotlib.figure import Figure

from harness.registry.metrics import BY_KEY, Metric
from harness.report.plots import drawing
from harness.report.plots.drawing import Subject
from harness.report.plots.level_charts import INTERVALS, Chart, of_metric, pictures

FIRST_BYTE, STREAMS = BY_KEY["first"], BY_KEY["streams"]

CONNECTIONS, SESSIONS = BY_KEY["connections"], BY_KEY["sessions"]

SELDOM: Final = 0.05  # opened per request: where no cell has more, everything is kept open


def first_byte(subject: Subject) -> Iterator[Figure]:
    """Of endpoints that stream: median time until the first byte is there."""
    asked = "How soon does the first byte of a streamed answer arrive?"
    axis = f"{drawing.title(FIRST_BYTE)}, {drawing.better(FIRST_BYTE)}"
    return _of_streams(subject, Chart(asked, axis, of_metric(FIRST_BYTE), [INTERVALS]))


def streams(subject: Subject) -> Iterator[Figure]:
    """Of endpoints that stream: the most answers under way at once."""
    asked = "How many streamed answers does each deployment send at the same time?"
    axis = f"{drawing.title(STREAMS)}, {drawing.better(STREAMS)}"
    return _of_streams(subject, Chart(asked, axis, of_metric(STREAMS), [INTERVALS]))


def connections_per_request(subject: Subject) -> Iterator[Figure]:
    """Where some are opened at all: TCP connections per request."""
    return _of_opened(subject, "How many requests have to open a connection first?", CONNECTIONS)


def sessions_per_request(subject: Subject) -> Iterator[Figure]:
    """Where some are opened at all: database sessions per request."""
    return _of_opened(subject, "How many database sessions are opened for each request?", SESSIONS)


def _of_opened(subject: Subject, asked: str, metric: Metric) -> Iterator[Figure]:
    """None where nobody counts, or where everything is kept open."""
    column = subject.analysis.per_block[metric.column].astype(float)
    if (column >= SELDOM).any():
        axis = f"{drawing.title(metric)}, {drawing.better(metric)}"
        yield from pictures(subject, Chart(asked, axis, of_metric(metric), [INTERVALS]))


def _of_streams(subject: Subject, chart: Chart) -> Iterator[Figure]:
    """None where nothing streams."""
    if any(chart.marks(subject, cell) for cell in subject.analysis.cells):
        yield from pictures(subject, chart)
