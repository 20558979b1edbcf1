"""A cell's figures in one block that follow from its requests: counts, throughput, latency, streams, send lag. Pure."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.analysis import streaming
from harness.analysis.pooling import Latencies, Pooled, spread_within
from harness.registry.metrics import QUANTILES
from harness.statistics import intervals

LAG_LIMIT_MS: Final = 1.0

LAG_LIMIT_SHARE: Final = 0.05  # of the median latency, where that is more

FIGURES: Final = (
    *("window_s", "due_rps", "ok_in_window", "throughput_rps", "samples", "mean_ms", "least_seen_ms", *QUANTILES),
    *("in_flight", "little", "throughput_drift", "within_spread", "latency_drift"),
)
"""What windows show."""

Row = dict[str, Any]


def timed(pooled: Pooled) -> Row:
    """What follows from the requests themselves."""
    return _counts(pooled) | _figures(pooled, pooled.sample) | _lag(pooled, pooled.sample)


def _counts(pooled: Pooled) -> Row:
    """Requests by what became of them, whole slices; connections by those that were due in a window."""
    ok, dropped = pooled.ok, pooled.dropped
    sent = ~dropped
    settled = sent & pooled.due  # connections that are opened while a slice fills are no more told than its latencies
    return {
        "requests": int(sent.sum()),
        "dropped": int(dropped.sum()),
        "ok": int(ok.sum()),
        "failures": int((sent & ~ok).sum()),
        "sent_in_slice": int((sent & (pooled.sent < pooled.end)).sum()),
        "slice_s": float((pooled.slices["end_ns"] - pooled.slices["start_ns"]).sum() / 1e9),
        "offered_rps": float(pooled.slices["level"].mean()),
        "connections_per_request": float((pooled.reused[settled] == 0).mean()) if settled.any() else None,
    }


def _figures(pooled: Pooled, sample: Latencies) -> Row:
    """What the windows show; of slices that all ended before they were full, nothing."""
    if pooled.window_ns <= 0:
        return dict.fromkeys(FIGURES) | {"window_s": 0.0, "ok_in_window": 0, "samples": 0}
    window_s = pooled.window_ns / 1e9
    counted = pooled.ok & pooled.ended
    rate = counted.sum() / window_s
    inside = np.minimum(pooled.done, pooled.end) - np.maximum(pooled.intended, pooled.cut)
    in_flight = float(inside.clip(min=0).sum() / pooled.window_ns)
    mean_ms = float(sample.mean()) if len(sample) else None
    sent = ~pooled.dropped
    ended = (sent & pooled.ended).sum() / window_s
    due = sent & pooled.due
    by_law = float(ended * pooled.latency_ms[due].mean() / 1e3) if due.any() else 0.0
    return {
        "window_s": window_s,
        "due_rps": float(pooled.due.sum() / window_s),
        "ok_in_window": int(counted.sum()),
        "throughput_rps": float(rate),
        "samples": len(sample),
        "mean_ms": mean_ms,
        "least_seen_ms": float(sample.min()) if len(sample) else None,
        **{column: intervals.percentile(sample, quantile) for column, quantile in QUANTILES.items()},
        "in_flight": in_flight,  # mean number of requests under way
        "little": in_flight / by_law - 1 if by_law else None,  # how far from throughput × latency
        "throughput_drift": _drift(pooled, pooled.done, pooled.ended & pooled.ok, None),
        "within_spread": spread_within(pooled),
        "latency_drift": _drift(pooled, pooled.intended, pooled.due & pooled.ok, pooled.latency_ms),
    }


def _drift(
    pooled: Pooled, at_ns: NDArray[np.int64], inside: NDArray[np.bool_], values: Latencies | None
) -> float | None:
    """Relative change from the first to the second half of the windows: of the mean of the values, or of their number."""
    early = at_ns < (pooled.cut + pooled.end) / 2
    first, second = inside & early, inside & ~early
    if not first.any() or not second.any():
        return None
    if values is None:
        return float(second.sum() / first.sum() - 1)
    return float(values[second].mean() / values[first].mean() - 1)


def streams(pooled: Pooled, told: bool) -> Row:
    """First byte and concurrent streams, where an endpoint streams; of a mix as a whole neither is told."""
    if not told:
        return dict.fromkeys(("first_byte_ms", "streams"))
    due = pooled.ok & (pooled.first > 0) & pooled.due
    first_byte_ms = (pooled.first - pooled.intended)[due] / 1e6
    return streaming.figures(pooled.row, pooled.first, pooled.done, first_byte_ms)


def _lag(pooled: Pooled, sample: Latencies) -> Row:
    """How late requests left, against the larger of 1 ms and 5 % of the median latency."""
    lag_ms = ((pooled.sent - pooled.intended) / 1e6)[~pooled.dropped]
    limit_ms = max(LAG_LIMIT_MS, LAG_LIMIT_SHARE * float(np.median(sample))) if len(sample) else LAG_LIMIT_MS
    return {
        "lag_p99_ms": float(np.quantile(lag_ms, 0.99)) if len(lag_ms) else None,
        "lag_max_ms": float(lag_ms.max()) if len(lag_ms) else None,
        "lag_limit_ms": limit_ms,
        "lagging": int((lag_ms > limit_ms).sum()),
    }
