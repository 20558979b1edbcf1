"""Frames in, figures out: one row per block and cell, one per cell, one per comparison. Pure.

A slice's window runs from its cut (the pipeline is full) to its end. Throughput counts correct responses
*done* in the window; latency is that of requests *sent* in the window, however late they came
back. CPU per request divides all CPU of the slice, drain included, by all its correct responses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness import intervals, plan
from harness.frames import BlockFrames, Run
from harness.intervals import Estimate
from harness.metrics import COMPARED, METRICS, QUANTILES, Metric
from harness.plan import Cell
from harness.samples import SHORTAGE, Outcome

MIB: Final = 2**20
NO_ROWS: Final = (
    ["block", "arm", "endpoint", "users", "slices", "window_s", "requests", "ok", "ok_in_window", "failures", "samples"]
    + [
        "unaccounted",
        "drift",
        "in_flight",
        "mean_ms",
        "least_seen_ms",
        "server_busy",
        "load_busy",
        "connections",
        "steal",
    ]
    + [metric.column for metric in METRICS]
)
"""The columns of `per_block`, for a run in which no cell could be loaded."""
Latencies = dict[Cell, NDArray[np.float64]]


@dataclass(frozen=True)
class Compared:
    """One arm over another, for one endpoint, level and metric."""

    arm: str
    over: str
    endpoint: str
    users: int
    metric: Metric
    ratio: Estimate


@dataclass(frozen=True)
class Analysis:
    """Everything the later stages need; no raw requests but the merged latencies."""

    run: Run
    blocks: int
    per_block: pd.DataFrame  # one row per block × cell
    latencies: Latencies  # ms, sorted, merged over blocks
    compared: list[Compared]
    floors: list[Compared]  # each control over the arm it repeats
    causes: dict[str, str]  # arm → the exception its logs name most often
    refused: dict[tuple[str, str], str]  # (arm, endpoint) → why it was not loaded
    restarts: dict[Cell, int]  # how often a cell left its arm with unfinished work

    @property
    def cells(self) -> list[Cell]:
        """All planned cells in the scenario's order, measured or not."""
        return [cell for cell, _, _ in plan.cells(self.run.scenario)]

    def rows(self, cell: Cell) -> pd.DataFrame:
        """The cell's row of each block."""
        rows = self.per_block
        return rows[(rows.arm == cell.arm) & (rows.endpoint == cell.endpoint) & (rows.users == cell.users)]

    def estimate(self, cell: Cell, metric: Metric) -> Estimate | None:
        """The cell's figure: median over blocks; a percentile is that of the merged samples, where there are enough."""
        over_blocks = intervals.median(self.rows(cell)[metric.column].to_numpy(dtype=float))
        if metric.quantile is None:
            return over_blocks
        merged = intervals.percentile(self.latencies.get(cell, np.empty(0)), metric.quantile)
        if merged is None:
            return None
        low, high = (over_blocks.low, over_blocks.high) if over_blocks else (None, None)
        return Estimate(merged, low, high, over_blocks.n if over_blocks else 0)

    def floor(self, endpoint: str, users: int, metric: Metric) -> float | None:
        """The A/A floor: how far from 1 a ratio of two equal arms can be, as a fraction; None without a control."""
        ends = [
            abs(np.log(end))
            for floor in self.floors
            if (floor.endpoint, floor.users, floor.metric) == (endpoint, users, metric)
            for end in (floor.ratio.low, floor.ratio.high)
            if end is not None
        ]
        return float(np.expm1(max(ends))) if ends else None


def analyse(run: Run) -> Analysis:
    """All figures of a run."""
    rows: list[dict[str, Any]] = []
    latencies: dict[Cell, list[NDArray[np.float64]]] = {}
    causes: dict[str, str] = {}
    refused: dict[tuple[str, str], str] = {}
    restarts: dict[Cell, int] = {}
    for block in run.blocks():
        for cell, row, sample in block_cells(block):
            rows.append({"block": block.index, **row})
            latencies.setdefault(cell, []).append(sample)
        causes |= block.notes["causes"]
        refused |= {(entry["arm"], entry["endpoint"]): entry["reason"] for entry in block.notes["refused"]}
        for cell in _restarted(block):
            restarts[cell] = restarts.get(cell, 0) + 1
    per_block = pd.DataFrame(rows, columns=list(rows[0]) if rows else NO_ROWS)
    merged = {cell: np.sort(np.concatenate(parts)) for cell, parts in latencies.items()}
    levels = list(dict.fromkeys((cell.endpoint, cell.users) for cell, _, _ in plan.cells(run.scenario)))
    controls = [(arm.name, arm.control_of) for arm in run.scenario.arms if arm.control_of is not None]
    return Analysis(
        run=run,
        blocks=len(run.block_folders),
        per_block=per_block,
        latencies=merged,
        compared=list(compare(per_block, levels, [(pair.arm, pair.over) for pair in run.scenario.pairs])),
        floors=list(compare(per_block, levels, controls)),
        causes=causes,
        refused=refused,
        restarts=restarts,
    )


def block_cells(block: BlockFrames) -> Iterator[tuple[Cell, dict[str, Any], NDArray[np.float64]]]:
    """Each cell of a block: its row, and the latencies in its windows (ms). Warm-up slices are left out."""
    analysed = block.slices[~block.slices.warm_up.astype(bool)]
    order = np.argsort(block.requests.slice.to_numpy(), kind="stable")
    requests = block.requests.iloc[order]
    bounds = requests.slice.to_numpy()
    usage = block.usage.set_index(["group", "slice"]).sort_index()
    for key, slices in analysed.groupby(["arm", "endpoint", "users"], sort=False):
        arm, endpoint, users = cast("tuple[str, str, int]", key)
        parts = [
            requests.iloc[np.searchsorted(bounds, index, "left") : np.searchsorted(bounds, index, "right")]
            for index in slices["index"]
        ]
        row, sample = cell_row(slices, parts, usage)
        yield Cell(arm, endpoint, users), {"arm": arm, "endpoint": endpoint, "users": users, **row}, sample


def cell_row(
    slices: pd.DataFrame, parts: list[pd.DataFrame], usage: pd.DataFrame
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """One cell's slices of a block, pooled: raw samples first, figures afterwards."""
    counted = windowed = in_flight = early = unaccounted = failures = total = answered = opened = 0
    samples = []
    for (_, slice_), part in zip(slices.iterrows(), parts, strict=True):
        done, sent = part.done_ns.to_numpy(), part.sent_ns.to_numpy()
        ok = part.outcome.to_numpy() == Outcome.OK
        timed = ok | np.isin(part.outcome.to_numpy(), list(SHORTAGE))
        counted += int((ok & (done >= slice_.cut_ns) & (done < slice_.end_ns)).sum())
        windowed += int(slice_.end_ns - slice_.cut_ns)
        middle = (slice_.cut_ns + slice_.end_ns) / 2
        early += int((ok & (done >= slice_.cut_ns) & (done < middle)).sum())
        unaccounted += abs(len(part) - int(slice_.requests))
        inside = np.minimum(done, slice_.end_ns) - np.maximum(part.intended_ns.to_numpy(), slice_.cut_ns)
        in_flight += int(inside.clip(min=0).sum())
        in_window = timed & (sent >= slice_.cut_ns) & (sent < slice_.end_ns)
        samples.append((done - part.intended_ns.to_numpy())[in_window] / 1e6)
        total, answered, failures = total + len(part), answered + int(ok.sum()), failures + int((~ok).sum())
        opened += int((part.reused.to_numpy() == 0).sum())
    sample = np.concatenate(samples)
    row = {
        "slices": len(slices),
        "window_s": windowed / 1e9,
        "requests": total,
        "ok": answered,
        "ok_in_window": counted,
        "failures": failures,
        "unaccounted": unaccounted,  # rows the load maker counted and did not store, or the other way round
        "drift": (counted - early) / early - 1 if early else None,  # of throughput, first to second half of the windows
        "samples": len(sample),
        "in_flight": in_flight / windowed,  # mean number of requests under way: throughput × latency
        "throughput_rps": counted / (windowed / 1e9),
        "mean_ms": float(sample.mean()) if len(sample) else None,
        "least_seen_ms": float(sample.min()) if len(sample) else None,
        **{column: intervals.percentile(sample, quantile) for column, quantile in QUANTILES.items()},
        "connections_per_request": opened / total if total else None,
        **_costs(slices, usage, answered),
    }
    return row, sample


def compare(per_block: pd.DataFrame, levels: list[tuple[str, int]], pairs: list[tuple[str, str]]) -> Iterator[Compared]:
    """Each pair of arms on every (endpoint, users) that both have, for each metric."""
    if per_block.empty:
        return
    table = per_block.set_index(["arm", "endpoint", "users", "block"]).sort_index()
    for endpoint, users in levels:
        for arm, over in pairs:
            if (arm, endpoint, users) not in table.index or (over, endpoint, users) not in table.index:
                continue
            ours, base = table.loc[(arm, endpoint, users)], table.loc[(over, endpoint, users)]
            both = ours.index.intersection(base.index)
            for metric in COMPARED:
                values, bases = (frame.loc[both, metric.column].to_numpy(dtype=float) for frame in (ours, base))
                ratio = intervals.geometric_ratio(values, bases)
                if ratio is not None:
                    yield Compared(arm, over, endpoint, users, metric, ratio)


def cells_table(analysis: Analysis) -> pd.DataFrame:
    """One row per measured cell with every metric, its interval and its counts: what cells.csv holds."""
    return pd.DataFrame([_cell_summary(analysis, cell) for cell in analysis.cells if len(analysis.rows(cell))])


def _cell_summary(analysis: Analysis, cell: Cell) -> dict[str, Any]:
    rows = analysis.rows(cell)
    summary: dict[str, Any] = {"arm": cell.arm, "endpoint": cell.endpoint, "users": cell.users, "blocks": len(rows)}
    for metric in METRICS:
        estimate = analysis.estimate(cell, metric)
        summary[metric.column] = estimate.value if estimate else None
        summary[f"{metric.column}_low"] = estimate.low if estimate else None
        summary[f"{metric.column}_high"] = estimate.high if estimate else None
    for count in ("requests", "ok", "failures", "samples"):
        summary[count] = int(rows[count].sum())
    return summary


def _costs(slices: pd.DataFrame, usage: pd.DataFrame, answered: int) -> dict[str, float | None]:
    """The server's costs over these slices, and how busy server and load maker were (fraction of one core)."""
    indexes = list(slices["index"])
    server, load = (usage.loc[group].reindex(indexes) for group in ("server", "load"))
    cpu_ns, wall_ns = server.cpu_ns.astype(float), server.wall_ns.astype(float)
    known = bool(cpu_ns.notna().all())
    load_ns, rss = load.cpu_ns.astype(float), server.rss_bytes.astype(float).max() / MIB
    return {
        "cpu_ms_per_request": float(cpu_ns.sum()) / 1e6 / answered if known and answered else None,
        "server_busy": float(cpu_ns.sum() / wall_ns.sum()) if known else None,
        "load_busy": float(load_ns.sum() / wall_ns.sum()) if load_ns.notna().all() else None,
        "rss_mib": None if np.isnan(rss) else float(rss),
        "threads": float(server.threads.astype(float).max()),
        "connections": float(server.connections.astype(float).max()),
        "steal": float(server.steal_ns.astype(float).sum(min_count=1) / wall_ns.sum()),
    }


def _restarted(block: BlockFrames) -> list[Cell]:
    """The cells after which an arm had to be restarted."""
    by_index = {entry["index"]: entry["cell"] for entry in block.notes["slices"]}
    return [Cell(**by_index[entry["slice"]]) for entry in block.notes["restarted"]]
