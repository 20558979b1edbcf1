"""A scenario and a number of requests in, a made-up run folder out: laid out by the real plan, written by the real store.

    python -m tools.made_up_runs REQUESTS [--scenario FILE] [--results FOLDER]

For `make bench-report`, tests, and trying `djbench export` on something large: nothing is served, nothing is measured, and
run.json says so. All users of a slice are simulated at once, so ten million requests take seconds.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.errors import EXIT_MENDABLE, UserError
from harness.plan import layout
from harness.plan.slices import Block, Cell, Slice
from harness.registry.load_modes import CLOSED
from harness.samples import COLUMNS, SERVICES, Conditions, Outcome, Played, Usage
from harness.scenario import reader
from harness.scenario.model import Scenario
from harness.storage.files import FINISHED
from harness.storage.writer import BlockResult, RunFolder

CPU_MS: Final = 0.5  # of a request on the first arm; every further arm takes half as much again as the first

ROOM: Final = 0.95  # of what a cap allows: chance must not make more of it

SPREAD: Final = 0.5  # of the log of what a latency has above its endpoint's least time

START_SPREAD: Final = 0.03  # how differently an arm settles at each start: the log is half a normal's, slower only

FAILED: Final = 0.0002  # of the requests: fewer than make a cell INVALID

WARM_UP: Final = 0.25  # a warm-up slice's length, as a share of an analysed one's

PAUSE_NS: Final = 20_000_000

SECOND_NS: Final = 1_000_000_000

FACTS: Final[dict[str, Any]] = {
    "machine": {
        "system": "nothing",
        "cpu": "no machine: this run was made up",
        "cores": 2,
        "python": "3.11.0",
        "packages": {"django": "5.2"},
    },
    "cores": {"server": [0], "load": [1], "note": None},
    "database": "none",
    "calibration": {},
}

Rows = NDArray[np.int64]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("requests", type=float, help="about so many, such as 1e6")
    parser.add_argument("--scenario", type=Path, default=Path("scenarios/default.toml"))
    parser.add_argument("--results", type=Path, default=Path("results"), help="where the run folder is made")
    asked = parser.parse_args()
    try:
        scenario, text = reader.load(asked.scenario), reader.read_text(asked.scenario)
        for done, path in enumerate(make(scenario, text, int(asked.requests), asked.results), 1):
            print(f"… block {done} of {scenario.most_blocks} made up in {path}", flush=True)
    except UserError as error:
        print(f"made_up_runs: {error}", file=sys.stderr)
        return EXIT_MENDABLE
    return 0


def make(scenario: Scenario, text: str, requests: int, results: Path, seed: int = 1) -> Iterator[Path]:
    """Write a run of about so many requests under `results`; yields its folder after each block. `text`: the scenario's file."""
    if scenario.load.mode != CLOSED or any(len(endpoint.parts) > 1 for endpoint in scenario.endpoints):
        raise UserError(
            f"only closed loop without mixes can be made up, got load.mode = {scenario.load.mode!r} or a mix"
        )
    blocks = layout.expand(scenario)
    facts = {"plan": layout.as_json(scenario, blocks), "overrides": scenario.overrides}
    run = RunFolder.create(results, "bulk", text, FACTS | facts)
    seconds = slice_seconds(scenario, blocks, requests)
    for block in blocks:
        run.working_folder(block.index)
        run.add(made_up(scenario, block, seconds, np.random.default_rng((seed, block.index))))
        if block is blocks[-1]:
            run.mark(FINISHED)
        yield run.path


def slice_seconds(scenario: Scenario, blocks: Sequence[Block], requests: int) -> float:
    """How long an analysed slice lasts, so that all of them together make so many requests."""
    per_second = sum(rate(scenario, one.cell, one.least_s) * _share(one) for block in blocks for one in block.slices)
    slower = float(np.exp(START_SPREAD * np.sqrt(2 / np.pi)))  # by how much an arm commonly is than `rate` says
    return requests / per_second * slower


def rate(scenario: Scenario, cell: Cell, least_s: float) -> float:
    """Requests/s of a cell: as many as its users ask for, its cap has room for and its CPU is enough for."""
    arm = scenario.arm(cell.arm)
    place = [one.name for one in scenario.arms].index(arm.control_of or arm.name)
    by_cpu = 1000 / (CPU_MS * (1 + place / 2))
    waiting = min(cell.level, arm.cap or cell.level)
    return min(by_cpu, ROOM * waiting / least_s) if least_s else by_cpu


def made_up(scenario: Scenario, block: Block, seconds: float, rng: np.random.Generator) -> BlockResult:
    """One block: every slice of its plan, one after the other."""
    settled = {arm.name: float(np.exp(START_SPREAD * abs(rng.normal()))) for arm in scenario.arms}
    now_ns, rows, played, usage, conditions = SECOND_NS, [], [], [], []
    for slice_ in block.slices:
        mean_ns = slice_.cell.level / rate(scenario, slice_.cell, slice_.least_s) * settled[slice_.cell.arm] * 1e9
        length_ns = int(seconds * _share(slice_) * SECOND_NS)
        own = requests_of(slice_, now_ns, length_ns, mean_ns, rng)
        one = _played(slice_, now_ns, length_ns, mean_ns, own)
        rows.append(own)
        played.append(one)
        usage += _usage(scenario, one, slice_)
        conditions.append(_conditions(one))
        now_ns = one.drained_ns + PAUSE_NS
    notes = {
        "slices": [asdict(slice_) for slice_ in block.slices],
        "played": [asdict(one) for one in played],
        "restarted": [],
        "commands": {arm.name: "nothing was started: this run was made up" for arm in scenario.arms},
        "refused": [],
        "causes": {},
        "found": [],
    }
    return BlockResult(block.index, np.concatenate(rows).tobytes(), usage, conditions, notes)


def requests_of(slice_: Slice, start_ns: int, length_ns: int, mean_ns: float, rng: np.random.Generator) -> Rows:
    """What a slice's users leave that call back to back, in the order of recording. Shape: (requests, len(COLUMNS))."""
    users, least_ns = int(slice_.cell.level), slice_.least_s * 1e9
    each = max(1, int(length_ns / mean_ns * 1.2) + 3)  # more than fit: what is sent after the end is cut off below
    above = max(mean_ns - least_ns, 0.02 * mean_ns) * np.exp(
        SPREAD * rng.standard_normal((users, each)) - SPREAD**2 / 2
    )
    taken = (least_ns + above).astype(np.int64)
    done = start_ns + (rng.random((users, 1)) * min(mean_ns, length_ns)).astype(np.int64) + np.cumsum(taken, axis=1)
    sent, number = done - taken, np.broadcast_to(np.arange(users)[:, None], done.shape)
    first_of_user = np.zeros(done.shape, dtype=bool)
    first_of_user[:, 0] = True
    kept = np.flatnonzero(sent < start_ns + length_ns)
    kept = kept[np.argsort(done.ravel()[kept])]
    rows = np.zeros((len(kept), len(COLUMNS)), dtype=np.int64)
    failed = rng.random(len(kept)) < FAILED
    values: dict[str, Any] = {
        "slice": slice_.index,
        "user": number.ravel()[kept],
        "intended_ns": sent.ravel()[kept],
        "sent_ns": sent.ravel()[kept],
        "first_ns": done.ravel()[kept] - 1_000,
        "done_ns": done.ravel()[kept],
        "status": np.where(failed, 500, 200),
        "outcome": np.where(failed, Outcome.HTTP_ERROR, Outcome.OK),
        "bytes": 37,
        "reused": ~first_of_user.ravel()[kept],
    }
    for name, value in values.items():
        rows[:, COLUMNS.index(name)] = value
    return rows


def _share(slice_: Slice) -> float:
    return WARM_UP if slice_.purpose == "warm-up" else 1.0


def _played(slice_: Slice, start_ns: int, length_ns: int, mean_ns: float, rows: Rows) -> Played:
    """What the load generator would have said of these rows."""
    failures = int((rows[:, COLUMNS.index("outcome")] != Outcome.OK).sum())
    last_ns = int(rows[:, COLUMNS.index("done_ns")].max(initial=start_ns))
    return Played(
        index=slice_.index,
        start_ns=start_ns,
        cut_ns=start_ns + int(min(2 * mean_ns, 0.4 * length_ns)),
        end_ns=start_ns + length_ns,
        drained_ns=max(start_ns + length_ns, last_ns),
        requests=len(rows),
        dropped=0,
        failures=failures,
        late=0,
        shortage=False,
        latency_ms=mean_ns / 1e6,
        ticks=length_ns // 10_000_000,
        late_ticks=0,
        worst_tick_ms=0.1,
    )


@dataclass(frozen=True)
class Group:
    """What a process group holds and does, roughly."""

    name: str
    busy: float  # of its core
    rss_bytes: int
    threads: int


def _usage(scenario: Scenario, played: Played, slice_: Slice) -> list[Usage]:
    """Costs that no check finds fault with."""
    arm = scenario.arm(slice_.cell.arm)
    wall_ns = played.drained_ns - played.start_ns
    threads = (arm.cap or 1) + 4
    groups = (
        Group("server", 0.9, 90 << 20, threads),
        Group("load", 0.3, 80 << 20, 2),
        Group(SERVICES, 0.1, 60 << 20, 9),
    )
    return [
        Usage(
            slice_.index, one.name, wall_ns, int(one.busy * wall_ns), one.rss_bytes, one.threads, played.requests, 0, 1
        )
        for one in groups
    ]  # fmt: skip


def _conditions(played: Played) -> Conditions:
    """A machine on which nothing else went on."""
    return Conditions(
        slice=played.index,
        wall_ns=played.drained_ns - played.start_ns,
        steal_ns=0,
        others_ns=0,
        swapped_bytes=0,
        connections=None,
        seen=played.requests,
        workers=1,
        new_workers=0,
        upstream_requests=0,
        upstream_late_p99_ms=None,
        sessions_opened=None,
        sessions=None,
    )


if __name__ == "__main__":
    sys.exit(main())
