"""Every line of the calibration can fail: a load generator that lies in one way each, held against what the server would say."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from support.fakes import MS

from harness.load import calibration, wrk_and_hey
from harness.load.calibration import LONG, SHORT, Line
from harness.load.calibration_rig import Rows
from harness.plan import arrivals
from harness.registry import load_modes
from harness.samples import COLUMNS, Played
from harness.system import fitness
from harness.system.cores import Cores

CORES = Cores((0,), (1,))
SENT, DONE = COLUMNS.index("sent_ns"), COLUMNS.index("done_ns")


def honest(rows: Rows) -> Rows:
    return rows


@dataclass
class FakeRig:
    """A server that does what it is asked to the nanosecond, and a load generator that adds 50 µs; `spoil` changes its rows."""

    spoil: Callable[[Rows], Rows] = honest
    cores: Cores = CORES
    url: str = "http://127.0.0.1:1"
    log: list[list[int]] = field(default_factory=list)
    freeze: tuple[float, float] | None = None

    def open(
        self, path: str, rate: float, seconds: float, kind: load_modes.Kind = "poisson", in_flight: int = 0
    ) -> tuple[Played, Rows]:
        due = arrivals.schedule(kind, rate, int(seconds * 1e9), 1)
        return self._rows(path, due), self.spoil(self.rows)  # type: ignore[return-value]

    def closed(self, path: str, users: int, seconds: float) -> tuple[Played, Rows]:
        length = int(seconds * 1e9)
        due = np.arange(0, length, 2 * MS // max(1, users), dtype=np.int64)
        played = Played(1, 0, 0, length, length, len(due), 0, 0, 0, False, 1.0, 1, 0, 0.0)
        self._rows(path, due)
        return played, self.spoil(self.rows)

    def get(self, path: str) -> Any:
        if path.startswith("/freeze"):
            values = dict(part.split("=") for part in path.partition("?")[2].split("&"))
            self.freeze = float(values["after"]) * MS, float(values["ms"]) * MS
        return self.log

    def _rows(self, path: str, due: np.ndarray) -> None:
        delay = int(path.partition("ms=")[2] or 0) * MS
        start = np.maximum(due, 0)
        if self.freeze:
            begin, length = self.freeze
            inside = (due >= begin) & (due < begin + length)
            start = np.where(inside, begin + length, due).astype(np.int64)
        self.log = np.column_stack([due + 30_000, start + delay + 30_000]).tolist()
        self.rows = np.zeros((len(due), len(COLUMNS)), dtype=np.int64)
        self.rows[:, COLUMNS.index("intended_ns")] = self.rows[:, SENT] = due
        self.rows[:, DONE] = start + delay + 50_000


def slower(ms: float) -> Callable[[Rows], Rows]:
    def spoil(rows: Rows) -> Rows:
        rows[:, DONE] += int(ms * MS)
        return rows

    return spoil


def later(ms: float) -> Callable[[Rows], Rows]:
    def spoil(rows: Rows) -> Rows:
        rows[:, SENT] += int(ms * MS)
        return rows

    return spoil


def omitting(rows: Rows) -> Rows:
    """Latency from when it was answered at the earliest: what a load generator sees that waits before it sends."""
    rows[:, COLUMNS.index("intended_ns")] = rows[:, DONE] - 50_000
    return rows


def passed(lines: list[Line]) -> list[bool | None]:
    return [line.passed for line in lines]


@pytest.mark.parametrize(("spoil", "ok"), [(honest, True), (slower(0.3), False), (lambda rows: rows[1:], False)])
def test_timing_error(spoil: Callable[[Rows], Rows], ok: bool) -> None:
    assert passed(list(calibration.timing_error(FakeRig(spoil), SHORT))) == [ok] * 3  # type: ignore[arg-type]


def test_a_run_is_held_to_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of 0.3 ms does not show beside latencies of 100 ms; a closed loop keeps no schedule."""
    assert passed(list(calibration.timing_error(FakeRig(slower(0.3)), SHORT, shortest_ms=100.0))) == [True] * 3  # type: ignore[arg-type]
    assert passed(list(calibration.timing_error(FakeRig(slower(0.3)), SHORT, shortest_ms=10.0))) == [False] * 3  # type: ignore[arg-type]
    *lags, _ = calibration.lag(FakeRig(later(2)), SHORT, shortest_ms=100.0)  # type: ignore[arg-type]
    assert passed(lags) == [True]
    monkeypatch.setattr(calibration, "rig", lambda *_: nullcontext(FakeRig()))
    names = {mode: [line["name"] for line in calibration.short(CORES, mode, 1)["lines"]] for mode in ("closed", "open")}
    assert not [name for name in names["closed"] if "lag" in name or "stall" in name or "gaps" in name]
    assert len(names["open"]) == len(names["closed"]) + 3


@pytest.mark.parametrize("size", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize(("spoil", "ok"), [(honest, True), (omitting, False), (slower(60), False)])
def test_a_stall_has_to_be_seen_as_it_is(size: calibration.Size, spoil: Callable[[Rows], Rows], ok: bool) -> None:
    line = calibration.stall(FakeRig(spoil), size)  # type: ignore[arg-type]
    assert line.passed == ok
    if ok and size is LONG:
        assert line.limit == "400 ms ± 5 %"


@pytest.mark.parametrize(("spoil", "ok"), [(honest, True), (later(2), False)])
def test_lag(spoil: Callable[[Rows], Rows], ok: bool) -> None:
    *lags, gaps = calibration.lag(FakeRig(spoil), LONG)  # type: ignore[arg-type]
    assert passed(lags) == [ok] * 3
    assert gaps.passed  # all equally late are still as far apart


def test_gaps_that_are_not_a_poisson_process_s() -> None:
    def evenly(rows: Rows) -> Rows:
        rows[:, SENT] = np.linspace(0, rows[-1, SENT], len(rows)).astype(np.int64)
        return rows

    *_, gaps = calibration.lag(FakeRig(evenly), LONG)  # type: ignore[arg-type]
    assert gaps.passed is False


@pytest.mark.parametrize(("factor", "ok"), [(1.0, True), (0.8, False), (1.3, False)])
def test_a_cross_check_that_differs(monkeypatch: pytest.MonkeyPatch, factor: float, ok: bool) -> None:
    ours = 1e9 / (2 * MS // calibration.FEW_USERS)
    monkeypatch.setattr(wrk_and_hey, "rate", lambda *_: ours * factor)
    assert calibration.cross_check(FakeRig(), "wrk").passed == ok  # type: ignore[arg-type]


def test_a_ceiling_is_what_came_back_per_second() -> None:
    assert calibration.ceiling(FakeRig(), "closed", 1.0) == pytest.approx(calibration.USERS * 500, rel=0.01)  # type: ignore[arg-type]
    assert calibration.ceiling(FakeRig(), "open", 1.0) == pytest.approx(calibration.FLAT_OUT_RPS, rel=0.01)  # type: ignore[arg-type]


def test_a_machine_that_is_not_fit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    second = 1_000_000_000
    readings = iter([[0] * 10, [second // 2, 0, 0, 0, 0, 0, 0, second // 10, 0, 0]])
    monkeypatch.setattr(fitness, "cpu_times", lambda: next(readings))
    monkeypatch.setattr(fitness.time, "sleep", lambda _: None)
    monkeypatch.setattr(fitness.os, "getloadavg", lambda: (99.0, 99.0, 99.0))
    failed = {name for name, _, _, ok, _ in fitness.fitness(Cores(None, None, "one core")) if ok is False}
    assert {"load average", "steal", "other processes", "affinity"} <= failed
