"""A probed pass in, the mechanism of each cell out: what a request makes the server do, and where its time goes. Pure.

`of(run_folder)` is all that later stages need. Figures are per request of the probed arm, over all of its slices but warm-up.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from harness.analysis import analysis, pooling
from harness.analysis.analysis import Analysis
from harness.analysis.frames import BlockFrames, Run
from harness.plan.probed_pass import PASSES, PROBED
from harness.plan.slices import Cell
from harness.registry import metrics
from harness.samples import Outcome
from harness.verdicts import server_checks, validity

LAG_FLOOR_MS: Final = 0.01

LAG_STEPS_PER_DOUBLING: Final = 4

SPOILS_COUNTS: Final[tuple[validity.Check, ...]] = (
    server_checks.refused,
    server_checks.failures,
    server_checks.no_data,
    server_checks.unaccounted,
    server_checks.unseen,
    server_checks.wrong_workers,
)
"""What makes a cell's counts worthless. A load generator that was late does not: it only spoils times."""


@dataclass(frozen=True)
class Mechanism:
    """One cell; per request where nothing else is said, and None where it is not known."""

    requests: int  # that the counts are over
    inside_most: int  # most requests in one process's application at once, answered ones not counted
    sync_to_async: float
    async_to_sync: float
    switches: float  # calls of sync_to_async that ran in another thread, there and back
    middleware_switches: float  # those of them that were made for middleware
    threads_started: float
    loops_started: float
    sessions_opened: float  # of a database
    lag_p99_ms: float | None  # of the event loop that serves; None without one
    application_ms: float  # in the application, from first to last
    answered_ms: float  # of it: after the response was sent, when the next request may already be there
    thread_ms: float  # of it: waiting for a thread, there and back
    connection_ms: float  # of it: waiting for a database connection
    query_ms: float  # of it: in database queries
    upstream_ms: float  # of it: in calls to HTTP services
    redis_ms: float  # of it: in commands to Redis
    rest_ms: float  # of it: all else, Python, sleep and waiting for the event loop
    outside_ms: float | None  # of the client's mean latency: not in the application
    busiest_share: float  # of all requests, those that the busiest process served
    processes: int
    middleware: int  # how many the project has
    sync_only: tuple[str, ...]  # dotted names of those that are sync-only
    cpu_ms: float | None  # in the pass, without the probe …
    probed_cpu_ms: float | None  # … and with it
    switch_cpu_us: float | None  # what one switch costs on this machine; None on WSGI
    context_cpu_us: (
        float | None
    )  # what the two threads cost that Django starts for an ASGI request that switches at all


@dataclass(frozen=True)
class Explained:
    """A probed pass, read."""

    run: Run
    cells: Mapping[Cell, Mechanism]
    unexplained: Mapping[Cell, str]  # cell → why not


def of(run_folder: Path) -> Mapping[Cell, Mechanism]:
    """Cell → mechanism, of a run that was explained or of a probed pass itself; empty where there is none."""
    found = read(run_folder)
    return found.cells if found else {}


def read(run_folder: Path) -> Explained | None:
    """The pass that belongs to this run folder: its newest with a block, or the folder itself. None if there is none."""
    for folder in [*sorted((run_folder / PASSES).glob("*"), reverse=True), run_folder]:
        run = Run.open(folder) if (folder / "run.json").exists() else None
        if run is not None and run.scenario.explained and run.block_folders:
            return _read(folder, _written(run))
    return None


def _written(run: Run) -> tuple[int, ...]:
    """When the files of this pass were written."""
    files = [run.path / "run.json", *(folder / "block.json" for folder in run.block_folders)]
    return tuple(file.stat().st_mtime_ns for file in files)


@lru_cache(maxsize=1)
def _read(folder: Path, written: tuple[int, ...]) -> Explained:
    """A pass is analysed once for all the places that tell of it, until it is `written` again."""
    return explained(analysis.analyse(Run.open(folder)))


def explained(told: Analysis) -> Explained:
    """Every cell of the unprobed arms, by what its probed twin counted."""
    block = next(told.run.blocks())  # a pass has one
    known, unexplained = {}, {}
    for cell in dict.fromkeys(told.whole(cell) for cell in told.cells if not told.run.scenario.arm(cell.arm).probe):
        twin = Cell(cell.arm + PROBED, cell.endpoint, cell.level)
        counted = of_cell(told, block, cell)
        why = spoilt(told, twin) or (None if counted else "the probe saw no request")
        if why is None and counted is not None:
            known[cell] = counted
        else:
            unexplained[cell] = str(why)
    return Explained(told.run, known, unexplained)


def spoilt(told: Analysis, cell: Cell) -> str | None:
    """Why the counts of this cell are worth nothing; None if they are."""
    reasons = (text for check in SPOILS_COUNTS for text in check(told, cell, told.rows(cell)))
    return next(reasons, None)


def of_cell(told: Analysis, block: BlockFrames, cell: Cell) -> Mechanism | None:
    """The mechanism of an unprobed arm's cell; None if its probed twin was asked for nothing."""
    twin = Cell(cell.arm + PROBED, cell.endpoint, cell.level)
    slices = slices_of(pooling.analysed(block, told.mode), twin)
    visits = [one for one in block.notes.get("probed", []) if one["slice"] in slices]
    grown = sum((Counter(one["grown"]) for one in visits), Counter())
    requests = grown.get("requests", 0)
    if not requests:
        return None
    served = sum((Counter(one["requests"]) for one in visits), Counter())
    facts = block.notes["middleware"].get(twin.arm, {"number": 0, "sync_only": []})
    times = times_ms(grown, requests)
    latency_ms = mean_latency_ms(block.requests, slices)
    return Mechanism(
        requests=requests,
        inside_most=max(one["inside_most"] for one in visits),
        **{name: grown.get(name, 0) / requests for name in PER_REQUEST},
        lag_p99_ms=lag_ms(grown, 0.99),
        **times,
        outside_ms=None if latency_ms is None else latency_ms - times["application_ms"] + times["answered_ms"],
        busiest_share=max(served.values()) / requests,
        processes=sum(1 for pid in served if served[pid]) or 1,
        middleware=facts["number"],
        sync_only=tuple(facts["sync_only"]),
        cpu_ms=cpu_ms(told, cell),
        probed_cpu_ms=cpu_ms(told, twin),
        switch_cpu_us=switch_cost(told.run, cell, "switch_cpu_us"),
        context_cpu_us=switch_cost(told.run, cell, "context_cpu_us"),
    )


PER_REQUEST: Final = (
    "sync_to_async",
    "async_to_sync",
    "switches",
    "middleware_switches",
    "threads_started",
    "loops_started",
    "sessions_opened",
)


def slices_of(slices: pd.DataFrame, cell: Cell) -> set[int]:
    """The indexes of a cell's slices, of those that figures are made of."""
    own = (slices.arm == cell.arm) & (slices.endpoint == cell.endpoint) & (slices.cell_level == cell.level)
    return set(slices[own]["index"])


def times_ms(grown: Mapping[str, int], requests: int) -> dict[str, float]:
    """Where a request's time in the application goes; the parts add up to it."""
    names = ("application", "answered", "thread", "connection", "query", "upstream", "redis")
    found = {f"{name}_ms": grown.get(f"{name}_ns", 0) / 1e6 / requests for name in names}
    return found | {"rest_ms": 2 * found["application_ms"] - sum(found.values())}


def lag_ms(grown: Mapping[str, int], share: float) -> float | None:
    """Within this the loop was for so much of the time: the upper edge of a step of the probe's histogram."""
    steps = sorted((int(name.removeprefix("lag_")), count) for name, count in grown.items() if name.startswith("lag_"))
    if not steps:
        return None
    reached = np.cumsum([count for _, count in steps])
    step = steps[int(np.searchsorted(reached, share * reached[-1]))][0]
    return float(LAG_FLOOR_MS * 2 ** ((step + 1) / LAG_STEPS_PER_DOUBLING))


def mean_latency_ms(requests: pd.DataFrame, slices: set[int]) -> float | None:
    """The mean latency of all that was sent in these slices; None if nothing was."""
    own = requests[requests.slice.isin(slices) & (requests.outcome != Outcome.DROPPED)]
    return float((own.done_ns - own.sent_ns).mean()) / 1e6 if len(own) else None


def cpu_ms(told: Analysis, cell: Cell) -> float | None:
    """CPU per request in ms; None where it is not known."""
    found = told.estimate(cell, metrics.CPU)
    return found.value if found else None


def switch_cost(run: Run, cell: Cell, figure: str) -> float | None:
    """What was measured on the arm's kind of event loop, for one request at a time or for many; None on WSGI."""
    arm = run.scenario.arm(cell.arm)
    loop = "asyncio" if arm.server == "daphne" else arm.loop
    measured: Mapping[str, Any] = run.head.get("switch_cost", {}).get(loop, {})
    found = measured.get("1" if cell.level == 1 else "64")
    return float(found[figure]) if found and arm.table.interface == "ASGI" else None


def table(found: Explained) -> pd.DataFrame:
    """One row per explained cell: what mechanism.csv holds."""
    rows: Sequence[dict[str, Any]] = [
        {**vars(cell), **vars(one), "sync_only": " ".join(one.sync_only)} for cell, one in found.cells.items()
    ]
    return pd.DataFrame(rows, columns=[*Cell.__dataclass_fields__, *Mechanism.__dataclass_fields__])
