"""The load generator against servers that misbehave in known ways, each of which keeps a record of what it did.

Latencies are compared with that record, whatever the machine does meanwhile; and the record with what was planned, where
nothing else ran.
"""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from support import disturbed
from support.programs.misbehaving import CAP, PAUSE_EVERY_S, RESETS, SEED, SERVICE_MS

from harness.load import calibration_rig
from harness.load.calibration_rig import Rig, Rows, column
from harness.location import ROOT
from harness.plan import arrivals
from harness.samples import Outcome, Played
from harness.system import cores as machine_cores
from harness.system import ports, processes

MISBEHAVING = ROOT / "tests" / "support" / "programs" / "misbehaving.py"

ATTEMPTS = 3

OURS_MS = 2.0
"""So much may the load generator add to what the server took, besides what its own clock says that it was late."""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with calibration_rig.rig(machine_cores.share_cores(), server=(str(MISBEHAVING), "healthy")) as ready:
        yield ready


@contextmanager
def misbehaving(rig: Rig, fault: str, folder: Path) -> Iterator[Rig]:
    """The same load generator before a server of its own."""
    healthy, rig.port = rig.port, ports.free()
    command = [sys.executable, str(MISBEHAVING), fault, str(rig.port)]
    env = processes.environment({"PYTHONPATH": str(ROOT)})
    child = processes.start(fault, command, folder / "log", cores=rig.cores.server, env=env, cwd=ROOT)
    try:
        assert ports.poll(lambda: ports.answers(rig.port), calibration_rig.START_S), child.log_tail()
        yield rig
    finally:
        rig.port = healthy
        processes.stop([child])


def recorded_ms(rig: Rig, rows: Rows, begins: str = "intended_ns") -> np.ndarray:
    """How long each correct request took by the server's record of when it answered, from when it was due."""
    ok = rows[column(rows, "outcome") == Outcome.OK]
    served = np.array(sorted(rig.get("/log")), dtype=np.int64)
    assert len(served) == len(ok)
    return (served[:, 1] - column(ok[np.argsort(column(ok, "sent_ns"))], begins)) / 1e6


def measured_ms(rows: Rows, begins: str = "intended_ns") -> np.ndarray:
    ok = rows[column(rows, "outcome") == Outcome.OK]
    return (column(ok, "done_ns") - column(ok, begins)) / 1e6


def as_planned(rig: Rig, play: Callable[[], tuple[Played, Rows]], planned: dict[float, float]) -> Rows:
    """Plays until the server did as planned (quantile → ms), or was kept from it by others; the rows of the last time.

    What the load generator measured is what the server did, whenever the machine was theirs: where others keep both waiting, the
    order in which requests are sent is not the one in which they are served.
    """
    wanted = list(planned)
    for _ in range(ATTEMPTS):
        rig.get("/log")
        neighbours = disturbed.Neighbours()
        played, rows = play()
        busy = neighbours.busy()
        recorded = np.quantile(recorded_ms(rig, rows), wanted)
        late_ms = OURS_MS + disturbed.worst_ms(played, rows)
        measured = np.quantile(measured_ms(rows), wanted)
        agrees = measured == pytest.approx(recorded, rel=0.02, abs=late_ms)
        assert agrees or busy, f"measured {measured} ms, the server did {recorded} ms"
        if agrees and recorded == pytest.approx(list(planned.values()), rel=0.10, abs=OURS_MS):
            return rows
    assert busy, f"the server did {recorded} ms where {planned} was planned"
    return rows


def test_a_stall_of_half_a_second_in_five_is_450_ms_at_p99(rig: Rig) -> None:
    """Requests due in the stall wait for what is left of it: 10 % of all, evenly from 500 ms to 0. One in a hundred of all
    requests is one in ten of those: longer than 500 × (1 − 1/10) = 450 ms. p97 is 500 × (1 − 3/10) = 350 ms."""

    def play() -> tuple[Played, Rows]:
        rig.get("/freeze?ms=500&after=2000")
        return rig.open("/", 400, 5, "uniform")

    as_planned(rig, play, {0.99: 450, 0.97: 350, 0.5: 0})


def test_a_ramp_from_10_to_100_ms_is_seen_as_it_is(rig: Rig, tmp_path: Path) -> None:
    """Latency is even from 10 to 100 ms: p50 is 10 + 0.5 × 90, p95 is 10 + 0.95 × 90."""
    with misbehaving(rig, "ramp", tmp_path) as ready:
        as_planned(ready, lambda: ready.open("/", 300, 4, "uniform"), {0.5: 55, 0.95: 95.5, 0.99: 99.1})


def test_a_pause_of_200_ms_in_five_seconds_is_150_ms_at_p99(rig: Rig, tmp_path: Path) -> None:
    """4 % of all requests wait, evenly from 200 ms to 0: one in a hundred longer than 150 ms, one in fifty than 100."""
    assert PAUSE_EVERY_S == 5
    with misbehaving(rig, "pause", tmp_path) as ready:
        as_planned(ready, lambda: ready.open("/", 400, 5, "uniform"), {0.99: 150, 0.98: 100, 0.95: 0})


def test_a_cap_below_the_rate_is_a_queue_that_grows(rig: Rig, tmp_path: Path) -> None:
    """4 places of 10 ms each serve 400/s; 500/s arrive. After t seconds 100 t are queued, 0.25 t seconds long:
    at 2 s the wait is 500 ms, and before that in proportion."""
    assert CAP / SERVICE_MS == 0.4
    with misbehaving(rig, "cap", tmp_path) as ready:
        as_planned(ready, lambda: ready.open("/?ms=1", 500, 2, "uniform"), {0.5: 10 + 250, 0.95: 10 + 475})


def test_resets_are_counted_one_by_one_and_the_others_are_not_slowed(rig: Rig, tmp_path: Path) -> None:
    random_numbers, failures = random.Random(SEED), []
    with misbehaving(rig, "resets", tmp_path) as ready:

        def play() -> tuple[Played, Rows]:
            played, rows = ready.open("/?ms=10", 300, 3, "poisson")
            failures.append(played.failures)
            expected = sum(random_numbers.random() < RESETS for _ in range(len(rows)))
            assert (column(rows, "outcome") == Outcome.RESET).sum() == expected == played.failures
            return played, rows

        as_planned(ready, play, {0.5: 10, 0.95: 10})
    assert failures[0] > 0


def test_on_a_healthy_server_open_and_closed_loop_agree_with_it_and_so_with_each_other(rig: Rig) -> None:
    as_planned(rig, lambda: rig.open("/?ms=10", 300, 3), {0.5: 10, 0.95: 10})
    as_planned(rig, lambda: rig.closed("/?ms=10", 3, 3), {0.5: 10, 0.95: 10})


def test_above_max_in_flight_arrivals_are_dropped_and_everything_adds_up(rig: Rig) -> None:
    """Two places, 100 ms each, 200/s: nine in ten find both taken."""
    played, rows = rig.open("/?ms=100", 200, 2, "uniform", in_flight=2)
    assert played.requests + played.dropped == len(rows) == 400
    assert played.dropped == (column(rows, "outcome") == Outcome.DROPPED).sum()
    taken_s = measured_ms(rows, "sent_ns").mean() / 1000
    assert played.requests == pytest.approx(2 * 2 / taken_s, rel=0.10)
    assert played.requests <= 44


def test_several_load_generators_send_the_plan_between_them_and_their_samples_are_merged() -> None:
    with calibration_rig.rig(machine_cores.share_cores(), load_processes=3) as ready:
        played, rows = ready.open("/", 500, 2)
    due = arrivals.schedule("poisson", 500, 2_000_000_000, 1)
    assert played.requests == len(rows) == len(due)
    assert sorted(column(rows, "intended_ns") - played.start_ns) == due.tolist()
    assert sorted(column(rows, "user")) == list(range(len(due)))
