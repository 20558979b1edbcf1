"""What is told of a cell: each metric's name, unit, and which way is better. One table for report, CSV and charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.modes import CAPACITY, CLOSED


@dataclass(frozen=True)
class Metric:
    """One figure of a cell."""

    key: str  # in scenarios and on the command line
    column: str  # in the analysis frames and CSV files; ends with its unit
    title: str
    unit: str
    higher_is_better: bool
    better: str  # the verdict's word for an arm that does better …
    worse: str  # … or worse
    quantile: float | None = None  # for latency percentiles
    whole: bool = False  # a count


THROUGHPUT: Final = Metric("throughput", "throughput_rps", "throughput", "req/s", True, "faster", "slower")
HIGHEST_RATE: Final = Metric("rate", "offered_rps", "highest rate", "req/s", True, "more", "less")
"""In a search for capacity: the rate at which the promise was confirmed."""
P50: Final = Metric("p50", "p50_ms", "p50", "ms", False, "faster", "slower", 0.50)
P99: Final = Metric("p99", "p99_ms", "p99", "ms", False, "faster", "slower", 0.99)
CPU: Final = Metric("cpu", "cpu_ms_per_request", "CPU / request", "ms", False, "less", "more")
METRICS: Final = (
    THROUGHPUT,
    P50,
    Metric("p95", "p95_ms", "p95", "ms", False, "faster", "slower", 0.95),
    P99,
    CPU,
    Metric("memory", "rss_mib", "memory", "MiB", False, "less", "more"),
    Metric("threads", "threads", "threads", "", False, "less", "more", whole=True),
    Metric("connections", "connections_per_request", "connections / request", "", False, "less", "more"),
)
BY_KEY: Final = {metric.key: metric for metric in (HIGHEST_RATE, *METRICS)}
WHOLE_SLICE: Final = tuple(metric for metric in METRICS if metric.key in ("cpu", "memory", "threads"))
"""What a server spends on all that it serves at a time; a part of a mix has none of its own."""
QUANTILES: Final = {metric.column: metric.quantile for metric in METRICS if metric.quantile is not None}
COUNTS: Final = ("threads", "connections_per_request")
"""A ratio of these says nothing that the counts do not say."""


def of(mode: str) -> Sequence[Metric]:
    """What is told of a cell under this kind of load; the first is what a comparison is about.

    In open loop that is the median latency: what the throughput is has been decided by the rate.
    """
    if mode == CAPACITY:
        return (HIGHEST_RATE, *METRICS[1:])
    return METRICS if mode == CLOSED else (P50, THROUGHPUT, *METRICS[2:])


def compared(told: Sequence[Metric]) -> Sequence[Metric]:
    """Those of which ratios are made. At its own highest rate every arm is as slow as the promise allows."""
    if told[0] is HIGHEST_RATE:
        return [HIGHEST_RATE, CPU]
    return [metric for metric in told if metric.column not in COUNTS]
