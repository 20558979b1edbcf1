"""One cell in one block: its slices pooled, raw samples first, figures afterwards. Pure.

A slice's window runs from its cut (the pipeline is full) to its end, less what MSER-5 finds unsettled. Throughput
counts correct responses *done* in the window; latency is that of requests *due* in the window, however late they came
back. CPU per request divides all CPU of the slice, drain included, by all its correct responses.
"""

from collections.abc import Iterator, Mapping
from typing import Final, cast

import numpy as np
import pandas as pd

from harness.analysis import request_figures, slice_figures
from harness.analysis.frames import BlockFrames
from harness.analysis.pooling import Latencies, Pooled, analysed, from_steady_state, pool, slice_after_slice
from harness.analysis.request_figures import Row
from harness.plan.slices import Cell
from harness.samples import Outcome
from harness.scenario.objective import Objective

COLUMNS: Final = [
    *("block", "arm", "endpoint", "level", "slices", "unsettled", "requests", "dropped", "ok", "failures"),
    *("sent_in_slice", "slice_s", "offered_rps", "connections_per_request", "window_s", "due_rps", "ok_in_window"),
    *("throughput_rps", "samples", "mean_ms", "least_seen_ms", "p50_ms", "p95_ms", "p99_ms", "in_flight", "little"),
    *("throughput_drift", "latency_drift", "lag_p99_ms", "lag_max_ms", "lag_limit_ms", "lagging", "unaccounted"),
    *("unseen", "cpu_ms_per_request", "server_busy", "load_busy", "services_busy", "rss_mib", "threads"),
    *("ticks", "late_ticks"),
    *("worst_tick_ms", "steal", "others", "swapped_bytes", "connections", "workers", "new_workers", "upstream_late_ms"),
    *("first_byte_ms", "streams", "sessions_per_request", "sessions", "within_spread"),
]
"""What a row of a cell in a block holds, with its block: the frame has them also when no cell could be loaded."""


def block_cells(block: BlockFrames, mode: str) -> Iterator[tuple[Cell, Row, Latencies]]:
    """Each cell of a block: its row, and the latencies in its windows (ms). Warm-up and searching are left out.

    Of a mix there is one cell for all of it, and one for each of its endpoints.
    """
    slices = analysed(block, mode)
    requests = slice_after_slice(block.requests)
    last = max(slices["index"].max(), 0) if len(slices) else 0
    bounds = np.searchsorted(requests["slice"], np.arange(last + 2, dtype=requests["slice"].dtype))
    usage = {
        group: rows.set_index("slice")[slice_figures.COSTS].astype(float)
        for group, rows in block.usage.groupby("group")
    }
    conditions = block.conditions.set_index("slice").astype(float)
    for key, own in slices.groupby(["arm", "endpoint", "cell_level"], sort=False):
        arm, _, level = cast("tuple[str, str, float]", key)
        parts = [slice(bounds[index], bounds[index + 1]) for index in own["index"]]
        for label, row, sample in cell_rows(pool(own, requests, parts), usage, conditions.loc[list(own["index"])]):
            yield Cell(arm, label, level), {"arm": arm, "endpoint": label, "level": level, **row}, sample


def curve(block: BlockFrames, objective: Objective) -> pd.DataFrame:
    """Every slice of a search: block, arm, endpoint, rate, latency_ms at the objective's percentile, kept.

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
                "latency_ms": float(np.quantile(latency_ms, objective.quantile)),
                "met": objective.met(len(latency_ms), int(slice_["late"])),
            }
        )
    return pd.DataFrame(rows)


def cell_rows(
    pooled: Pooled, usage: Mapping[str, pd.DataFrame], conditions: pd.DataFrame
) -> Iterator[tuple[str, Row, Latencies]]:
    """One cell's label, its figures in one block, and its latencies; of a mix, those of its parts as well.

    `usage`: by group, slice_figures.COSTS of every slice; `conditions`: of the cell's slices, in their order.

    What is counted for a slice as a whole (conservation, costs) is left out of the parts.
    """
    slices = pooled.slices
    settled, unsettled = from_steady_state(pooled)
    shared = {
        "slices": len(slices),
        "unsettled": unsettled,  # it had not settled within the first half of its windows
        **slice_figures.conditions_of(slices, conditions),
    }
    whole = slice_figures.conservation(pooled, conditions.seen.to_numpy()) | slice_figures.costs(
        list(slices["index"]), usage, int(settled.ok.sum())
    )
    whole |= slice_figures.sessions(conditions, int((~settled.dropped).sum()))
    label = slices.endpoint.iloc[0]
    yield (
        label,
        shared | whole | request_figures.timed(settled) | request_figures.streams(settled, label),
        settled.sample,
    )
    calls = slices.calls.iloc[0]
    for part, call in enumerate(calls if len(calls) > 1 else []):
        own = settled.only(part)
        share = {"offered_rps": call["share"] * float(slices.level.mean())}
        yield (
            call["endpoint"],
            shared
            | dict.fromkeys(whole)
            | {"unaccounted": 0, "unseen": 0}
            | request_figures.timed(own)
            | share
            | request_figures.streams(own, call["endpoint"]),
            own.sample,
        )
