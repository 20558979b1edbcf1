"""What the tests share: a tiny scenario, and a stage and a load generator that need no sockets."""

import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"  # importing locust would patch this process's sockets and threads

import numpy as np
import pytest

from harness.analysis import analysis, frames
from harness.deployment.verification import Proof
from harness.measure import conditions, runner
from harness.plan import arrivals, layout
from harness.plan.slices import Block, Slice
from harness.samples import COLUMNS, Outcome, Played
from harness.scenario import reader
from harness.scenario.model import Load as LoadSettings
from harness.scenario.model import Scenario
from harness.storage.files import FINISHED
from harness.storage.writer import RunFolder
from harness.system.cores import Cores
from locustfiles.player import counts

ROOT = Path(__file__).parent.parent
MS = 1_000_000

TINY = """
question = "Does the pipeline carry a figure from end to end?"
blocks = 6
comparisons = [{ arm = "async", over = "sync" }]

[[arms]]
name = "sync"
server = "gunicorn-gthread"
view = "sync"
threads = 8

[[arms]]
name = "async"
server = "uvicorn"
view = "async"

[[arms]]
name = "async again"
server = "uvicorn"
view = "async"
control_of = "async"

[[endpoints]]
name = "hello"
users = [4]

[[endpoints]]
name = "wait"
query = { ms = 10 }
users = [8]
"""


def tiny(**changes: Any) -> Scenario:
    """The tiny scenario, with some of its top-level values changed."""
    return reader.parse(TINY, "tiny.toml").model_copy(update=changes)


def steady(slice_: Slice, rng: random.Random) -> float:
    """A latency of ten milliseconds or the endpoint's wait, and up to one more."""
    return max(10.0, 1000 * slice_.least_s) + rng.random()


def untouched(slice_: Slice, rows: np.ndarray) -> np.ndarray:
    return rows


def never(slice_: Slice) -> bool:
    return False


@dataclass
class FakeLoad:
    """Makes raw rows out of nothing: each user of a cell is answered after `latency_ms(slice, rng)`.

    `spoil` may change the rows of a slice before they are stored.
    """

    latency_ms: Callable[[Slice, random.Random], float] = steady
    spoil: Callable[[Slice, np.ndarray], np.ndarray] = untouched
    shortage: Callable[[Slice], bool] = never
    played: list[Slice] = field(default_factory=list)

    @contextmanager
    def playing(
        self, settings: LoadSettings, bodies: Mapping[str, bytes], folder: Path, cores: tuple[int, ...] | None
    ) -> Iterator["FakePlaying"]:
        yield FakePlaying(self)


@dataclass
class FakePlaying:
    load: FakeLoad
    rows: list[np.ndarray] = field(default_factory=list)
    now_ns: int = 1_000_000_000
    pids: list[int] = field(default_factory=list)

    def prepare(self, slice_: Slice, address: tuple[str, int]) -> None:
        self.slice = slice_

    def play(self, tick: Callable[[], None]) -> Played:
        slice_, start = self.slice, self.now_ns
        end = start + (int(slice_.seconds * 1e9) if slice_.open else 500 * MS)
        make = open_loop_rows if slice_.open else closed_loop_rows
        rows = self.load.spoil(slice_, make(slice_, start, end, self.load.latency_ms))
        self.rows.append(rows)
        self.load.played.append(slice_)
        self.now_ns = end + 100 * MS
        told = counts(rows, slice_.open.limit_ms if slice_.open else None)
        told |= {"shortage": self.load.shortage(slice_)}
        ticks = (end - start) // (10 * MS)
        return Played(
            slice_.index,
            start,
            start + 50 * MS,
            end,
            end + 50 * MS,
            **told,
            ticks=ticks,
            late_ticks=0,
            worst_tick_ms=0.1,
        )

    def requests(self) -> bytes:
        return b"".join(rows.astype(np.int64).tobytes() for rows in self.rows)


def open_loop_rows(
    slice_: Slice, start: int, end: int, latency_ms: Callable[[Slice, random.Random], float]
) -> np.ndarray:
    """What the arrivals of the slice's schedule leave, each sent in time."""
    assert slice_.open is not None
    rng, rows, shares = random.Random(slice_.seed), [], [call.share for call in slice_.calls]
    due = arrivals.schedule(slice_.open.arrivals, slice_.cell.level, end - start, slice_.seed)
    for number, offset in enumerate(due.tolist()):
        intended = start + offset
        done = intended + int(latency_ms(slice_, rng) * MS)
        part = rng.choices(range(len(shares)), shares)[0] if len(shares) > 1 else 0
        rows.append((slice_.index, number, intended, intended, done - MS, done, 200, Outcome.OK, 37, 1, part))
    return np.array(rows, dtype=np.int64).reshape(-1, len(COLUMNS))


def closed_loop_rows(
    slice_: Slice, start: int, end: int, latency_ms: Callable[[Slice, random.Random], float]
) -> np.ndarray:
    """What `users` users leave that call back to back from start to end."""
    rng, rows, shares = random.Random(slice_.seed), [], [call.share for call in slice_.calls]
    for user in range(int(slice_.cell.level)):
        now, reused = start + int(rng.random() * 10 * MS), 0
        while now < end:
            done = now + int(latency_ms(slice_, rng) * MS)
            part = rng.choices(range(len(shares)), shares)[0] if len(shares) > 1 else 0
            rows.append((slice_.index, user, now, now, done - MS, done, 200, Outcome.OK, 37, reused, part))
            now, reused = done, 1
    return np.array(rows, dtype=np.int64)


class FakeServers:
    """Arms that are only names."""

    def __init__(self, scenario: Scenario) -> None:
        child = SimpleNamespace(pids=list, process=SimpleNamespace(poll=lambda: None))
        self.deployed: dict[str, Any] = {
            arm.name: SimpleNamespace(
                arm=arm,
                child=child,
                port=1,
                address=("127.0.0.1", 1),
                command=f"serve {arm.name}",
                seen=dict,
                probe=None,
            )
            for arm in scenario.arms
        }
        self.restarts: list[str] = []

    def restart(self, name: str) -> None:
        self.restarts.append(name)


@dataclass
class FakeStage:
    """Nothing is started; `refused` is what the twins' proof turned down."""

    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    log: str = ""
    cores: Cores = field(default_factory=lambda: Cores(None, None, "no servers here"))
    servers: FakeServers | None = None

    @contextmanager
    def up(self, scenario: Scenario, logs: Path) -> Iterator[tuple[FakeServers, Any, Proof]]:
        self.servers = FakeServers(scenario)
        if self.log:
            (logs / "sync.log").write_text(self.log)
        bodies = {endpoint.label: b"{}" for endpoint in scenario.endpoints}
        around = SimpleNamespace(children=(), upstream_stats=dict, sessions=lambda: None)
        yield self.servers, around, Proof({}, bodies, self.refused)


class Quiet:
    """Progress nobody sees."""

    def block_started(self, block: Block) -> None: ...

    def slice_started(self, block: Block, slice_: Slice) -> None: ...

    def slice_played(self, block: Block, slice_: Slice, played: Played | None, load_busy: float | None) -> None: ...

    def block_finished(self, block: Block) -> None: ...


FACTS: dict[str, Any] = {
    "plan": {},
    "overrides": {},
    "machine": {
        "system": "Test 1",
        "cpu": "Test CPU",
        "cores": 2,
        "python": "3.11.0",
        "packages": {"django": "5.2"},
    },
    "cores": {"server": [0], "load": [1], "note": None},
    "database": "SQLite",
    "calibration": {},
}


def fake_run(folder: Path, scenario: Scenario, load: FakeLoad, stage: FakeStage | None = None) -> Path:
    """A whole run without a socket; returns its folder."""
    run = RunFolder.create(folder, "tiny", TINY, FACTS | {"overrides": scenario.overrides})
    runner.run(scenario, run, stage or FakeStage(), load, Quiet())
    run.mark(FINISHED)
    return run.path


def analysed(folder: Path, scenario: Scenario, load: FakeLoad, stage: FakeStage | None = None) -> analysis.Analysis:
    """The same run, analysed."""
    return analysis.analyse(frames.open_run(fake_run(folder, scenario, load, stage)))


@pytest.fixture(autouse=True)
def idle_machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake run takes no time, in which nobody else can have used any CPU; and reading /proc is slow."""
    if request.node.get_closest_marker("live") is None:
        monkeypatch.setattr(conditions, "cpu_times", lambda: [0] * 10)
        monkeypatch.setattr(conditions, "swapped_bytes", lambda: 0)
        monkeypatch.setattr(conditions, "connections", lambda port: None)


@pytest.fixture
def block() -> Block:
    """The tiny scenario's first block."""
    return layout.expand(tiny())[0]


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())
