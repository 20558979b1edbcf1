"""One cell in one block: its slices pooled, raw samples first, figures afterwards. Pure.

A slice's window runs from its cut (the pipeline is full) to its end, less what MSER-5 finds unsettled. Throughput
counts correct responses *done* in the window; latency is that of requests *due* in the window, however late they came
back. CPU per request divides all CPU of the slice, drain included, by all its correct responses.
"""

from collections.abc import Iterator
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import streaming
from harness.analysis.frames import BlockFrames
from harness.analysis.pooling import Latencies, Pooled, _settled, analysed, pool, slice_after_slice
from harness.plan import arrivals
from harness.plan.slices import Cell
from harness.registry import endpoints
from harness.registry.load_modes import Kind
from harness.registry.metrics import QUANTILES
from harness.samples import SERVICES, Outcome
from harness.scenario.objective import Promise
from harness.statistics import intervals

MIB: Final = 2**20

LAG_LIMIT_MS: Final = 1.0

LAG_LIMIT_SHARE: Final = 0.05  # of the median latency, where that is more

COLUMNS: Final = [
    *("block", "arm", "endpoint", "level", "slices", "unsettled", "requests", "dropped", "ok", "failures"),
    *("sent_in_slice", "slice_s", "offered_rps", "connections_per_request", "window_s", "due_rps", "ok_in_window"),
    *("throughput_rps", "samples", "mean_ms", "least_seen_ms", "p50_ms", "p95_ms", "p99_ms", "in_flight", "little"),
    *("throughput_drift", "latency_drift", "lag_p99_ms", "lag_max_ms", "lag_limit_ms", "lagging", "unaccounted"),
    *("unseen", "cpu_ms_per_request", "server_busy", "load_busy", "services_busy", "rss_mib", "threads"),
    *("ticks", "late_ticks"),
    *("worst_tick_ms", "steal", "others", "swapped_bytes", "connections", "workers", "new_workers", "upstream_late_ms"),
    *("first_byte_ms", "streams", "sessions_per_request", "sessions"),
]
"""What a row of a cell in a block holds, with its block: the frame has them also when no cell could be loaded."""

CONSERVED: Final = ("index", "level", "seed", "start_ns", "end_ns", "requests", "dropped", "open.arrivals")
"""What of a slice says how many requests it had to leave."""

Row = dict[str, Any]


def block_cells(block: BlockFrames, mode: str) -> Iterator[tuple[Cell, Row, Latencies]]:
    """Each cell of a block: its row, and the latencies in its windows (ms). Warm-up and searching are left out.

    Of a mix there is one cell for all of it, and one for each of its endpoints.
    """
    slices = analysed(block, mode)
    requests = slice_after_slice(block.requests)
    last = max(slices["index"].max(), 0) if len(slices) else 0
    bounds = np.searchsorted(requests["slice"], np.arange(last + 2, dtype=requests["slice"].dtype))
    usage = block.usage.set_index(["group", "slice"]).sort_index()
    conditions = block.conditions.set_index("slice")
    for key, own in slices.groupby(["arm", "endpoint", "cell_level"], sort=False):
        arm, _, level = cast("tuple[str, str, float]", key)
        parts = [slice(bounds[index], bounds[index + 1]) for index in own["index"]]
        for label, row, sample in cell_rows(pool(own, requests, parts), usage, conditions.loc[list(own["index"])]):
            yield Cell(arm, label, level), {"arm": arm, "endpoint": label, "level": level, **row}, sample


def curve(block: BlockFrames, promise: Promise) -> pd.DataFrame:
    """Every slice of a search: block, arm, endpoint, rate, latency_ms at the promised percentile, kept.

    A request that failed or was dropped took, for this, as long as the slowest.
    """
    rows = []
    of_slice = dict(iter(block.requests.groupby("slice")))
    for slice_ in block.slices[block.slices.purpose != "warm-up"].to_dict("records"):
        requests = of_slice.get(slice_["index"])
        if requests is None:
            continue
        latency_ms = ((requests.done_ns - requests.intended_ns) / 1e6).to_numpy(copy=True)
        latency_ms[(requests.outcome != Outcome.OK).to_numpy()] = latency_ms.max()
        rows.append(
            {
                "block": block.index,
                "arm": slice_["arm"],
                "endpoint": slice_["endpoint"],
                "rate": slice_["level"],
                "purpose": slice_["purpose"],
                "latency_ms": float(np.quantile(latency_ms, promise.quantile)),
                "kept": promise.kept(len(latency_ms), int(slice_["late"])),
            }
        )
    return pd.DataFrame(rows)


def cell_rows(pooled: Pooled, usage: pd.DataFrame, conditions: pd.DataFrame) -> Iterator[tuple[str, Row, Latencies]]:
    """One cell's label, its figures in one block, and its latencies; of a mix, those of its parts as well.

    What is counted for a slice as a whole (conservation, costs) is left out of the parts.
    """
    slices = pooled.slices
    settled, unsettled = _settled(pooled)
    shared = {
        "slices": len(slices),
        "unsettled": unsettled,  # it had not settled within the first half of its windows
        **_conditions(slices, conditions),
    }
    whole = _conservation(pooled, conditions) | _costs(list(slices["index"]), usage, int(settled.ok.sum()))
    whole |= _sessions(conditions, int((~settled.dropped).sum()))
    label = slices.endpoint.iloc[0]
    yield label, shared | whole | _timed(settled) | _streams(settled, label), settled.sample
    calls = slices.calls.iloc[0]
    for part, call in enumerate(calls if len(calls) > 1 else []):
        own = settled.only(part)
        share = {"offered_rps": call["share"] * float(slices.level.mean())}
        yield (
            call["endpoint"],
            shared
            | dict.fromkeys(whole)
            | {"unaccounted": 0, "unseen": 0}
            | _timed(own)
            | share
            | _streams(own, call["endpoint"]),
            own.sample,
        )


def _timed(pooled: Pooled) -> Row:
    """What follows from the requests themselves."""
    return _counts(pooled) | _figures(pooled, pooled.sample) | _lag(pooled, pooled.sample)


def _counts(pooled: Pooled) -> Row:
    """Requests by what became of them, whole slices."""
    ok, dropped = pooled.ok, pooled.dropped
    sent = ~dropped
    return {
        "requests": int(sent.sum()),
        "dropped": int(dropped.sum()),
        "ok": int(ok.sum()),
        "failures": int((sent & ~ok).sum()),
        "sent_in_slice": int((sent & (pooled.sent < pooled.end)).sum()),
        "slice_s": float((pooled.slices.end_ns - pooled.slices.start_ns).sum() / 1e9),
        "offered_rps": float(pooled.slices.level.mean()),
        "connections_per_request": float((pooled.reused[sent] == 0).mean()) if sent.any() else None,
    }


def _figures(pooled: Pooled, sample: Latencies) -> Row:
    """What the windows show."""
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


def _streams(pooled: Pooled, label: str) -> Row:
    """First byte and streams at once, where this endpoint streams; of a mix as a whole neither is told."""
    if not endpoints.streams(label):
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


def _conservation(pooled: Pooled, conditions: pd.DataFrame) -> Row:
    """What does not add up, to the unit: scheduled = sent + dropped = stored, and answered ≤ seen by the server ≤ sent."""
    unaccounted = unseen = 0
    bounds = np.searchsorted(pooled.row, np.arange(len(pooled.slices) + 1))
    slices = pooled.slices[pooled.slices.columns.intersection(CONSERVED)].to_dict("records")
    for slice_, low, high in zip(slices, bounds, bounds[1:], strict=False):
        outcome = pooled.outcome[low:high]
        told = int(slice_["requests"]) + int(slice_["dropped"])
        unaccounted += abs(len(outcome) - scheduled(slice_, len(outcome))) + abs(len(outcome) - told)
        sent = int((outcome != Outcome.DROPPED).sum())
        answered = int(np.isin(outcome, (Outcome.OK, Outcome.WRONG_BODY)).sum())
        seen = conditions.seen[slice_["index"]]
        if not np.isnan(seen):
            unseen += max(0, int(seen) - sent, answered - int(seen))
    return {"unaccounted": unaccounted, "unseen": unseen}


def scheduled(slice_: Row, stored: int) -> int:
    """How many arrivals the plan has for an open-loop slice, computed anew from its seed; in closed loop, what was stored."""
    kind = slice_.get("open.arrivals")
    if not isinstance(kind, str):
        return stored
    length_ns = int(slice_["end_ns"] - slice_["start_ns"])
    return len(arrivals.schedule(cast("Kind", kind), slice_["level"], length_ns, int(slice_["seed"])))


def _costs(indexes: list[int], usage: pd.DataFrame, answered: int) -> Row:
    """The server's costs over these slices, and how busy server, load generator and services were (in cores)."""
    server, load, services = (usage.loc[group].reindex(indexes) for group in ("server", "load", SERVICES))
    cpu_ns, wall_ns = server.cpu_ns.astype(float), server.wall_ns.astype(float)
    known = bool(cpu_ns.notna().all())
    load_ns, services_ns = load.cpu_ns.astype(float), services.cpu_ns.astype(float)
    rss = server.rss_bytes.astype(float).max() / MIB
    return {
        "cpu_ms_per_request": float(cpu_ns.sum()) / 1e6 / answered if known and answered else None,
        "server_busy": float(cpu_ns.sum() / wall_ns.sum()) if known else None,
        "load_busy": float(load_ns.sum() / wall_ns.sum()) if load_ns.notna().all() else None,
        "services_busy": float(services_ns.sum() / wall_ns.sum()) if services_ns.notna().all() else None,
        "rss_mib": None if np.isnan(rss) else float(rss),
        "threads": float(server.threads.astype(float).max()),
    }


def _sessions(conditions: pd.DataFrame, requests: int) -> Row:
    """Connections to the database, as it counts them itself; None where nobody counts."""
    opened, most = conditions.sessions_opened.astype(float).sum(min_count=1), conditions.sessions.astype(float).max()
    return {
        "sessions_per_request": float(opened) / requests if requests and not np.isnan(opened) else None,
        "sessions": None if np.isnan(most) else float(most),
    }


def _conditions(slices: pd.DataFrame, conditions: pd.DataFrame) -> Row:
    """The load generator's own clock, and what else went on."""
    known = conditions.astype(float)
    wall_ns = known.wall_ns.sum()
    upstream = known[known.upstream_requests > 0]
    return {
        "ticks": int(slices.ticks.sum()),
        "late_ticks": int(slices.late_ticks.sum()),
        "worst_tick_ms": float(slices.worst_tick_ms.max()),
        "steal": float(known.steal_ns.sum(min_count=1) / wall_ns),
        "others": float(known.others_ns.sum(min_count=1) / wall_ns),
        "swapped_bytes": float(known.swapped_bytes.sum(min_count=1)),
        "connections": float(known.connections.max()),
        "workers": float(known.workers.max()),
        "new_workers": float(known.new_workers.sum(min_count=1)),
        "upstream_late_ms": float(upstream.upstream_late_p99_ms.median()) if len(upstream) else None,
    }
