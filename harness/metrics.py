"""What is told of a cell: each metric's name, unit, and which way is better. One table for report, CSV and charts."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Metric:
    """One figure of a cell."""

    column: str  # in the analysis frames and CSV files; ends with its unit
    title: str
    unit: str
    higher_is_better: bool
    better: str  # the verdict's word for an arm that does better …
    worse: str  # … or worse
    quantile: float | None = None  # for latency percentiles
    whole: bool = False  # a count


METRICS: Final = (
    Metric("throughput_rps", "throughput", "req/s", True, "faster", "slower"),
    Metric("p50_ms", "p50", "ms", False, "faster", "slower", 0.50),
    Metric("p95_ms", "p95", "ms", False, "faster", "slower", 0.95),
    Metric("p99_ms", "p99", "ms", False, "faster", "slower", 0.99),
    Metric("cpu_ms_per_request", "CPU / request", "ms", False, "less", "more"),
    Metric("rss_mib", "memory", "MiB", False, "less", "more"),
    Metric("threads", "threads", "", False, "less", "more", whole=True),
    Metric("connections_per_request", "connections / request", "", False, "less", "more"),
)
QUANTILES: Final = {metric.column: metric.quantile for metric in METRICS if metric.quantile is not None}
COMPARED: Final = METRICS[:6]
"""The metrics of a comparison: a ratio of thread or connection counts says nothing the counts do not say."""

SAMPLES_NEEDED: Final = {0.50: 10, 0.95: 130, 0.99: 662, 0.999: 6_636}
"""Fewest samples for percentile q: so many that with three-sigma certainty (q^n ≤ 0.00135) one of them lies above it."""
