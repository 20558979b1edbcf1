"""A stage and a load generator that need no sockets, and somebody who watches and says nothing."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from harness.deployment.verification import Verified
from harness.plan import arrivals
from harness.plan.slices import Block, Slice
from harness.samples import COLUMNS, Outcome, Played
from harness.scenario.model import Load as LoadSettings
from harness.scenario.model import Scenario
from harness.system.cores import Cores
from locustfiles.player import counts

MS = 1_000_000


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
        bodies = {endpoint.label: b"{}" for endpoint in scenario.endpoints}
        around = SimpleNamespace(children=(), upstream_stats=dict, sessions=lambda: None)
        yield self.servers, around, Verified({}, bodies, self.refused)


class Quiet:
    """Progress nobody sees."""

    def block_started(self, block: Block) -> None: ...

    def slice_started(self, block: Block, slice_: Slice) -> None: ...

    def slice_played(self, block: Block, slice_: Slice, played: Played | None, load_busy: float | None) -> None: ...

    def block_finished(self, block: Block) -> None: ...
