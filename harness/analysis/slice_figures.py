"""A cell's figures in one block that are counted for whole slices: what does not add up, costs, sessions, conditions. Pure."""

from collections.abc import Mapping
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from harness.analysis.pooling import Columns, Pooled
from harness.analysis.request_figures import Row
from harness.plan import arrivals
from harness.registry.load_modes import Kind
from harness.samples import LOAD, SERVER, SERVICES, Outcome

MIB: Final = 2**20

COSTS: Final = ["wall_ns", "cpu_ns", "rss_bytes", "threads"]
"""What is made of a process group's usage in a slice."""

GROUPS: Final = (SERVER, LOAD, SERVICES)
"""The process groups whose usage is known."""

CONSERVED: Final = ("index", "level", "seed", "start_ns", "end_ns", "requests", "dropped", "open.arrivals")
"""What of a slice says how many requests it had to leave."""


def conservation(pooled: Pooled, seen_by_server: NDArray[np.float64]) -> Row:
    """What does not add up, to the unit: scheduled = sent + dropped = stored, and answered ≤ seen by the server ≤ sent."""
    unaccounted = unseen = 0
    bounds = np.searchsorted(pooled.row, np.arange(len(pooled.slices["index"]) + 1))
    told = {name: pooled.slices[name] for name in CONSERVED if name in pooled.slices}
    slices = [dict(zip(told, values, strict=True)) for values in zip(*told.values(), strict=True)]
    for slice_, seen, low, high in zip(slices, seen_by_server, bounds, bounds[1:], strict=False):
        outcome = pooled.outcome[low:high]
        counted = int(slice_["requests"]) + int(slice_["dropped"])
        unaccounted += abs(len(outcome) - scheduled(slice_, len(outcome))) + abs(len(outcome) - counted)
        sent = int((outcome != Outcome.DROPPED).sum())
        answered = int(((outcome == Outcome.OK) | (outcome == Outcome.WRONG_BODY)).sum())
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


def costs(indexes: NDArray[np.int64], usage: Mapping[str, NDArray[np.float64]], answered: int) -> Row:
    """The server's costs over these slices, and how busy server, load generator and services were (in cores)."""
    server, load, services = (usage[group][indexes] for group in GROUPS)
    cpu_ns, load_ns, services_ns = (group[:, COSTS.index("cpu_ns")].sum() for group in (server, load, services))
    wall_ns, rss = np.nansum(server[:, COSTS.index("wall_ns")]), _most(server[:, COSTS.index("rss_bytes")]) / MIB
    return {
        "cpu_ms_per_request": float(cpu_ns) / 1e6 / answered if answered and not np.isnan(cpu_ns) else None,
        "server_busy": _share(cpu_ns, wall_ns),
        "load_busy": _share(load_ns, wall_ns),
        "services_busy": _share(services_ns, wall_ns),
        "rss_mib": None if np.isnan(rss) else rss,
        "threads": _most(server[:, COSTS.index("threads")]),
    }


def _share(cpu_ns: float, wall_ns: float) -> float | None:
    """Cores that were busy; None where the CPU of a slice is not known."""
    return None if np.isnan(cpu_ns) else float(cpu_ns / wall_ns)


def _sum(values: NDArray[np.float64]) -> float:
    """Of those that are known; NaN if none is."""
    known = values[~np.isnan(values)]
    return float(known.sum()) if len(known) else np.nan


def _most(values: NDArray[np.float64]) -> float:
    """The largest of those that are known; NaN if none is."""
    return float(values[~np.isnan(values)].max(initial=-np.inf)) if not np.isnan(values).all() else np.nan


def sessions(conditions: Columns, requests: int) -> Row:
    """Connections to the database, as it counts them itself; None where nobody counts."""
    opened, most = _sum(conditions["sessions_opened"]), _most(conditions["sessions"])
    return {
        "sessions_per_request": opened / requests if requests and not np.isnan(opened) else None,
        "sessions": None if np.isnan(most) else most,
    }


def conditions_of(slices: Columns, known: Columns) -> Row:
    """The load generator's own clock, and what else went on."""
    wall_ns = np.nansum(known["wall_ns"])
    upstream = known["upstream_late_p99_ms"][known["upstream_requests"] > 0]
    return {
        "ticks": int(slices["ticks"].sum()),
        "late_ticks": int(slices["late_ticks"].sum()),
        "worst_tick_ms": float(slices["worst_tick_ms"].max()),
        "steal": float(_sum(known["steal_ns"]) / wall_ns),
        "others": float(_sum(known["others_ns"]) / wall_ns),
        "swapped_bytes": _sum(known["swapped_bytes"]),
        "connections": _most(known["connections"]),
        "workers": _most(known["workers"]),
        "new_workers": _sum(known["new_workers"]),
        "upstream_late_ms": float(np.median(upstream)) if len(upstream) else None,
    }
