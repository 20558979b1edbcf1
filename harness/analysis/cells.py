"""One cell in one block: its slices pooled, raw samples first, figures afterwards. Pure.

A slice's window runs from its cut (the pipeline is full) to its end, less what MSER-5 finds unsettled. Throughput
counts correct responses *done* in the window; latency is that of requests *due* in the window, however late they came
back. CPU per request divides all CPU of the slice, drain included, by all its correct responses.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import request_figures, slice_figures
from harness.analysis.frames import BlockFrames
from harness.analysis.pooling import Columns, Latencies, Pooled, analysed, from_steady_state, pool, slice_after_slice
from harness.analysis.request_figures import Row
from harness.plan.slices import Cell
from harness.registry import endpoints
from harness.registry.load_modes import CAPACITY
from harness.samples import OTHERS_MOST, Outcome
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
    count = int(block.slices["index"].max()) + 1 if len(block.slices) else 1
    bounds = np.searchsorted(requests["slice"], np.arange(count + 1, dtype=requests["slice"].dtype))
    usage = {
        group: _by_slice(block.usage[block.usage.group == group], slice_figures.COSTS, count)
        for group in slice_figures.GROUPS
    }
    names = [name for name in block.conditions if name != "slice"]
    conditions = dict(zip(names, _by_slice(block.conditions, names, count).T, strict=True))
    columns = {name: slices[name].to_numpy() for name in slices}
    for (arm, _, level), places in _by_cell(columns).items():
        own = {name: values[places] for name, values in columns.items()}
        parts = [slice(bounds[index], bounds[index + 1]) for index in own["index"]]
        around = {name: values[own["index"]] for name, values in conditions.items()}
        if mode != CAPACITY:
            own["cut_ns"] = _undisturbed(own, around)
        for label, row, sample in cell_rows(pool(own, requests, parts), usage, around):
            yield Cell(arm, label, level), {"arm": arm, "endpoint": label, "level": level, **row}, sample


def _by_cell(columns: Columns) -> dict[tuple[str, str, float], list[int]]:
    """Of each arm, endpoint and level, in order of appearance: the rows of its slices."""
    places: dict[tuple[str, str, float], list[int]] = {}
    for place, key in enumerate(zip(columns["arm"], columns["endpoint"], columns["cell_level"].tolist(), strict=True)):
        places.setdefault(key, []).append(place)
    return places


def _undisturbed(slices: Columns, around: Columns) -> NDArray[np.int64]:
    """Where the windows of a cell's slices begin, in ns: at their end, so that nothing in them is analysed, where others had a
    tenth of a core more than beside its least disturbed slice of the block (samples.Conditions).

    What others do is chance, and falls on whichever arm is being loaded. Counts of whole slices, failures among them, stay. It is
    the least disturbed slice, not none at all, from which that is counted: the work of a database that is not the run's own is
    that of others, too, and there is more of it the more an arm answers.
    """
    others_ns = np.nan_to_num(around["others_ns"]) + np.nan_to_num(around["steal_ns"])
    others = np.nan_to_num(others_ns / around["wall_ns"])
    return np.where(others > others.min() + OTHERS_MOST, slices["end_ns"], slices["cut_ns"])


def _by_slice(rows: pd.DataFrame, names: list[str], count: int) -> NDArray[np.float64]:
    """These columns with a row for each of `count` slices; NaN where a slice has none."""
    table = np.full((count, len(names)), np.nan)
    own = rows[rows["slice"] < count]
    table[own["slice"].to_numpy()] = own[names].to_numpy(dtype=float)
    return table


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
    pooled: Pooled, usage: Mapping[str, NDArray[np.float64]], conditions: Columns
) -> Iterator[tuple[str, Row, Latencies]]:
    """One cell's label, its figures in one block, and its latencies; of a mix, those of its parts as well.

    `usage`: by group, slice_figures.COSTS of every slice of the block; `conditions`: of the cell's slices, in their order.

    What is counted for a slice as a whole (conservation, costs) is left out of the parts.
    """
    slices = pooled.slices
    settled, unsettled = from_steady_state(pooled)
    shared = {
        "slices": len(slices["index"]),
        "unsettled": unsettled,  # it had not settled within the first half of its windows
        **slice_figures.conditions_of(slices, conditions),
    }
    whole = slice_figures.conservation(pooled, conditions["seen"]) | slice_figures.costs(
        slices["index"], usage, int(settled.ok.sum())
    )
    whole |= slice_figures.sessions(conditions, int((~settled.dropped).sum()))
    label, calls = slices["endpoint"][0], slices["calls"][0]
    yield (
        label,
        shared | whole | request_figures.timed(settled) | request_figures.streams(settled, _stream(label, calls)),
        settled.sample,
    )
    for part, places, of_all in _parts(label, calls):
        own = settled.only(places)
        share = {"offered_rps": of_all * float(slices["level"].mean())}
        yield (
            part,
            shared
            | dict.fromkeys(whole)
            | {"unaccounted": 0, "unseen": 0}
            | request_figures.timed(own)
            | share
            | request_figures.streams(own, _stream(part, [calls[place] for place in places])),
            own.sample,
        )


def _parts(label: str, calls: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[int], float]]:
    """What is reported of a mix besides all of it: label, places of its calls, and its share of the requests."""
    places: dict[str, list[int]] = {}
    for place, call in enumerate(calls):
        places.setdefault(call["endpoint"], []).append(place)
    for part, own in places.items():
        if part != label:
            yield part, own, sum(calls[place]["share"] for place in own)


def _stream(label: str, calls: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what is reported under this label, by these calls, is a streaming response."""
    return endpoints.streams(label) or all(call["endpoint"] == label and call.get("streams") for call in calls)
