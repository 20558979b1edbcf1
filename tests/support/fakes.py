"""A stage and a load generator that need no sockets, and somebody who watches and says nothing."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from harness.deployment.verification import Verified
from harness.load.base import Asked
from harness.plan import arrivals
from harness.plan.slices import Block, Slice
from harness.samples import COLUMNS, Outcome, Page, Played
from harness.scenario.model import Load as LoadSettings
from harness.scenario.model import Scenario
from harness.system.cores import Cores
from locustfiles.player import counts

MS = 1_000_000

OF_TIME = np.array([name.endswith("_ns") for name in COLUMNS], dtype=np.int64)
"""One where a column of the rows is a time."""

Latency = Callable[[Slice, random.Random], float]
"""How many milliseconds a response takes; the same numbers drawn, the same latencies."""


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

    latency_ms: Latency = steady
    spoil: Callable[[Slice, np.ndarray], np.ndarray] = untouched
    shortage: Callable[[Slice], bool] = never
    played: list[Slice] = field(default_factory=list)

    @contextmanager
    def playing(
        self, settings: LoadSettings, asked: Asked, folder: Path, cores: tuple[int, ...] | None
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

    def start(self, at_ns: int) -> None:
        pass

    def finish(self, tick: Callable[[], None]) -> Played:
        slice_, start = self.slice, self.now_ns
        end = start + (int(slice_.seconds * 1e9) if slice_.open else 500 * MS)
        rows = self.load.spoil(slice_, made(slice_, end - start, self.load.latency_ms) + start * OF_TIME)
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

    def answers(self) -> dict[tuple[int, int], bytes]:
        return {}

    def requests(self) -> bytes:
        return b"".join(rows.astype(np.int64).tobytes() for rows in self.rows)


@lru_cache(maxsize=1024)
def made(slice_: Slice, length: int, latency_ms: Latency) -> np.ndarray:
    """The rows of a slice that starts at 0: most runs of fakes are about the same slices. To be read only."""
    return (open_loop_rows if slice_.open else closed_loop_rows)(slice_, length, latency_ms)


def open_loop_rows(slice_: Slice, length: int, latency_ms: Latency) -> np.ndarray:
    """What the arrivals of the slice's schedule leave, each sent in time."""
    assert slice_.open is not None
    rng, done, parts = random.Random(slice_.seed), [], []
    due = arrivals.schedule(slice_.open.arrivals, slice_.cell.level, length, slice_.seed)
    for intended in due.tolist():
        done.append(intended + int(latency_ms(slice_, rng) * MS))
        parts.append(part(slice_, rng))
    return as_rows(slice_, np.arange(len(due)), due, done, 1, parts)


def closed_loop_rows(slice_: Slice, length: int, latency_ms: Latency) -> np.ndarray:
    """What `users` users leave that call back to back for so long."""
    rng = random.Random(slice_.seed)
    users: list[int] = []
    sent: list[int] = []
    done: list[int] = []
    parts: list[int] = []
    for user in range(int(slice_.cell.level)):
        now = int(rng.random() * 10 * MS)
        while now < length:
            users.append(user)
            sent.append(now)
            now += int(latency_ms(slice_, rng) * MS)
            done.append(now)
            parts.append(part(slice_, rng))
    return as_rows(slice_, users, sent, done, np.diff(users, prepend=-1) == 0, parts)


def part(slice_: Slice, rng: random.Random) -> int:
    """Which of the slice's calls a request makes; no number is drawn where there is but one."""
    if len(slice_.calls) == 1:
        return 0
    return rng.choices(range(len(slice_.calls)), [call.share for call in slice_.calls])[0]


def as_rows(slice_: Slice, users: Any, sent: Any, done: Any, reused: Any, parts: Any) -> np.ndarray:
    """Raw rows of correct responses of 37 bytes: sent when they were due, the first byte one ms before the last."""
    rows = np.empty((len(sent), len(COLUMNS)), dtype=np.int64)
    last = np.array(done, dtype=np.int64)
    columns = (slice_.index, users, sent, sent, last - MS, last, 200, int(Outcome.OK), 37, reused, parts)
    for place, values in enumerate(columns):
        rows[:, place] = values
    return rows


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
                collections=lambda: (0, 0),
                probe=None,
            )
            for arm in scenario.arms
        }
        self.restarts: list[str] = []

    def restart(self, name: str) -> None:
        self.restarts.append(name)


@dataclass
class FakeStage:
    """Nothing is started; `refused` is what verification refused."""

    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    log: str = ""
    cores: Cores = field(default_factory=lambda: Cores(None, None, "no servers here"))
    servers: FakeServers | None = None

    @contextmanager
    def up(self, scenario: Scenario, logs: Path) -> Iterator[tuple[FakeServers, Any, Verified]]:
        self.servers = FakeServers(scenario)
        if self.log:
            (logs / "sync.log").write_text(self.log)
        pages = {endpoint.label: Page(b"{}") for endpoint in scenario.endpoints}
        around = SimpleNamespace(children=(), upstream_stats=dict, sessions=lambda: None)
        yield self.servers, around, Verified({}, pages, self.refused)


class Quiet:
    """Progress nobody sees."""

    def block_started(self, block: Block) -> None: ...

    def slice_started(self, block: Block, slice_: Slice) -> None: ...

    def slice_played(self, block: Block, slice_: Slice, played: Played | None, load_busy: float | None) -> None: ...

    def block_finished(self, block: Block) -> None: ...
