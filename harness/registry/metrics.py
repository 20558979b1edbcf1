"""Metrics of a cell: name, unit, and which way is better. One table for report, CSV and charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.registry.load_modes import CAPACITY, CLOSED


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
    key: str = ""  # in scenarios and on the command line
    least: float = 0.0  # in its unit: a smaller difference fails no gate, however large in relative terms


LEAST_MS: Final = 0.5
"""A relative limit means nothing near zero: this is the load generator's timing error (docs/method.md), and no user notices it.
The other `least` likewise: a restart alone moves 1 req/s, 0.01 ms of CPU (1 % of a core at 1 000 req/s) and 1 MiB."""

THROUGHPUT: Final = Metric(
    "throughput_rps", "throughput", "req/s", True, "faster", "slower", key="throughput", least=1.0
)

HIGHEST_RATE: Final = Metric("offered_rps", "highest rate", "req/s", True, "more", "less", key="rate", least=1.0)
"""In a search for capacity: the rate at which the objective was confirmed; of a cell, in its lowest block."""

P50: Final = Metric("p50_ms", "p50", "ms", False, "faster", "slower", 0.50, key="p50", least=LEAST_MS)

P99: Final = Metric("p99_ms", "p99", "ms", False, "faster", "slower", 0.99, key="p99", least=LEAST_MS)

CPU: Final = Metric("cpu_ms_per_request", "CPU / request", "ms", False, "less", "more", key="cpu", least=0.01)

METRICS: Final = (
    THROUGHPUT,
    P50,
    Metric("p95_ms", "p95", "ms", False, "faster", "slower", 0.95, key="p95", least=LEAST_MS),
    P99,
    CPU,
    Metric("rss_mib", "memory", "MiB", False, "less", "more", key="memory", least=1.0),
    Metric("threads", "threads", "", False, "less", "more", whole=True, key="threads"),
    Metric("first_byte_ms", "first byte", "ms", False, "faster", "slower", key="first", least=LEAST_MS),
    Metric("streams", "concurrent streams", "", True, "more", "less", whole=True, key="streams"),
    Metric("connections_per_request", "connections / request", "", False, "less", "more", key="connections"),
    Metric("sessions_per_request", "sessions / request", "", False, "less", "more", key="sessions"),
)

BY_KEY: Final = {metric.key: metric for metric in (HIGHEST_RATE, *METRICS)}

INSTRUMENTED: Final = {
    metric.key: metric
    for metric in (
        Metric("switches", "thread switches / request", "", False, "less", "more", key="switches"),
        Metric("middleware_switches", "of these, for middleware", "", False, "less", "more", key="middleware_switches"),
        Metric("threads_started", "threads started / request", "", False, "less", "more", key="threads_started"),
        Metric("loops_started", "event loops started / request", "", False, "less", "more", key="loops_started"),
        Metric("sessions_opened", "sessions opened / request", "", False, "less", "more", key="sessions_opened"),
        Metric("inside_most", "concurrent requests in a process", "", False, "less", "more", whole=True, key="inside"),
        Metric("lag_p99_ms", "event loop lag, p99", "ms", False, "less", "more", key="lag"),
        Metric("busiest_share", "busiest worker's share", "", False, "less", "more", key="busiest"),
    )
}
"""Counts of the probe, a column of mechanism.Mechanism each. Claims can be about these counts."""

WHOLE_SLICE: Final = tuple(metric for metric in METRICS if metric.key in ("cpu", "memory", "threads", "sessions"))
"""Costs of a server for all it serves at a time; a part of a mix has none of its own."""

OF_STREAMS: Final = tuple(metric for metric in METRICS if metric.key in ("first", "streams"))

QUANTILES: Final = {metric.column: metric.quantile for metric in METRICS if metric.quantile is not None}

COUNTS: Final = ("threads", "first_byte_ms", "streams", "connections_per_request", "sessions_per_request")
"""Not compared as ratios: the counts, or (for streams) latency and throughput, say it better."""


def of(mode: str) -> Sequence[Metric]:
    """Metrics of a cell under this kind of load; the first is the primary one.

    In open loop that is p99, because the rate decides the throughput; in a search for capacity the rate.
    """
    if mode == CAPACITY:
        return (HIGHEST_RATE, *METRICS[1:])
    return METRICS if mode == CLOSED else (P99, P50, THROUGHPUT, METRICS[2], *METRICS[4:])


def compared(told: Sequence[Metric]) -> Sequence[Metric]:
    """Those that are compared as ratios. At its highest rate every arm is as slow as the objective allows."""
    if told[0] is HIGHEST_RATE:
        return [HIGHEST_RATE, CPU]
    return [metric for metric in told if metric.column not in COUNTS]
