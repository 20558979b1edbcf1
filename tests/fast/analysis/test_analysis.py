"""Intervals do not reach where nothing can be."""

from pathlib import Path

import pytest
from support.fakes import FakeLoad
from support.runs import analysed
from support.scenarios import tiny

from harness.plan.slices import Cell
from harness.registry import metrics
from harness.statistics.estimate import Estimate

P99 = next(metric for metric in metrics.METRICS if metric.key == "p99")

CELL = Cell("sync", "wait ms=10", 8)


@pytest.mark.parametrize(
    ("metric", "found", "shown"),
    [
        (P99, Estimate(30.0, 2.0, 40.0, 6), (10.5, 40.0)),
        (P99, Estimate(30.0, 20.0, 40.0, 6), (20.0, 40.0)),
        (metrics.THROUGHPUT, Estimate(750.0, 700.0, 950.0, 6), (700.0, 800.0)),
        (metrics.THROUGHPUT, Estimate(850.0, 700.0, 950.0, 6), (700.0, 850.0)),
        (metrics.THROUGHPUT, Estimate(700.0, 650.0, 750.0, 6), (650.0, 750.0)),
        (metrics.CPU, Estimate(1.0, 0.5, 2.0, 6), (0.5, 2.0)),
    ],
    ids=[
        "a tail below the median",
        "above it",
        "beyond Little's law",
        "as is the figure",
        "within it",
        "another metric",
    ],
)
def test_an_interval_ends_where_what_it_is_about_does(
    tmp_path: Path, metric: metrics.Metric, found: Estimate, shown: tuple[float, float]
) -> None:
    """Eight users (and eight threads) of 10 ms are answered 800 times a second at most; the median there is 10.5 ms."""
    result = analysed(tmp_path, tiny(blocks=1), FakeLoad())
    told = result._possible(CELL, metric, found)
    assert (told.low, told.high) == pytest.approx(shown, abs=0.1)
    assert result._possible(CELL, metric, Estimate(30.0, None, None, 2)).low is None
