"""The open loop under a virtual clock: exact counts of what is sent, dropped and caught up. And the arrival process itself."""

from collections.abc import Sequence

import numpy as np
import pytest
from conftest import MS

from harness.load import calibration, locust_process
from harness.plan import arrivals
from harness.plan.arrivals import BURST, SECOND_NS
from harness.registry import load_modes
from harness.samples import Played
from locustfiles.open_loop import BATCH, Arrival, Arrivals
from locustfiles.ticker import Ticker

RATE, MANY = 1_000.0, 20 * SECOND_NS


class VirtualServer:
    """Callers that take `service_ns` per request, and a clock that jumps to whatever happens next."""

    def __init__(self, offsets: Sequence[int], callers: int, service_ns: int, start_ns: int = 5_000) -> None:
        self.sent: list[tuple[Arrival, int]] = []
        self.dropped: list[Arrival] = []
        self.busy: list[int] = []  # when each request under way is answered
        self.service_ns, self.now_ns = service_ns, start_ns
        self.arrivals = Arrivals(offsets, self.dropped.append)
        self.arrivals.start_ns = start_ns
        self.arrivals.idle = [self.send] * callers

    def send(self, arrival: Arrival | None) -> None:
        assert arrival is not None
        self.sent.append((arrival, self.now_ns))
        self.busy.append(self.now_ns + self.service_ns)

    def run(self, asleep: tuple[int, int] = (-1, -1)) -> "VirtualServer":
        """Until all is answered. Between the two times of `asleep` the load generator stands still."""
        due: int | None = self.now_ns
        while due is not None or self.busy:
            times = [*self.busy, *([] if due is None else [due])]
            self.now_ns = max(self.now_ns, min(times))
            if asleep[0] <= self.now_ns < asleep[1]:
                self.now_ns = asleep[1]
            for answered in [at for at in self.busy if at <= self.now_ns]:
                self.busy.remove(answered)
                self.arrivals.idle.append(self.send)
                self.arrivals.answered()
            if due is not None and due <= self.now_ns:
                due = self.arrivals.release(self.now_ns)
        return self


def every(gap_ns: int, count: int) -> list[int]:
    return [gap_ns * number for number in range(count)]


def test_every_arrival_leaves_at_its_time_and_keeps_its_number() -> None:
    played = VirtualServer(every(10 * MS, 100), callers=4, service_ns=25 * MS).run()
    assert [arrival[0] for arrival, _ in played.sent] == list(range(100))
    assert all(intended == now for (_, intended), now in played.sent)
    assert not played.dropped
    assert played.arrivals.all_done.is_set()


def test_an_arrival_that_finds_nobody_free_is_dropped_and_not_delayed() -> None:
    """Ten arrivals 10 ms apart, two callers that are busy for 35 ms: arrivals 2, 3, 6 and 7 find both of them busy."""
    played = VirtualServer(every(10 * MS, 10), callers=2, service_ns=35 * MS).run()
    assert [number for number, _ in played.dropped] == [2, 3, 6, 7]
    assert [arrival[0] for arrival, _ in played.sent] == [0, 1, 4, 5, 8, 9]
    assert all(intended == now for (_, intended), now in played.sent)


def test_after_a_halt_all_that_is_due_leaves_at_once_with_its_intended_time() -> None:
    start = 5_000
    halt = (start + 105 * MS, start + 405 * MS)
    played = VirtualServer(every(10 * MS, 100), callers=100, service_ns=MS).run(halt)
    late = [(arrival, now) for arrival, now in played.sent if now > arrival[1]]
    assert [arrival[0] for arrival, _ in late] == list(range(11, 41))  # due at 110 … 400 ms, sent at 405
    assert all(now == halt[1] for _, now in late)
    assert len(played.sent) == 100
    assert not played.dropped


def test_a_long_backlog_leaves_in_batches_so_that_answers_can_be_read_between() -> None:
    sent: list[Arrival] = []
    some = Arrivals(every(1, 3 * BATCH), lambda _: None)
    some.idle = [lambda arrival: sent.append(arrival)] * (3 * BATCH)  # type: ignore[arg-type]
    for batches in (1, 2):
        assert some.release(10 * MS) == BATCH * batches  # the next one was due long ago: ring again at once
        assert len(sent) == BATCH * batches
    assert some.release(10 * MS) is None


def test_a_slice_without_arrivals_is_over_at_once() -> None:
    empty = Arrivals([], lambda _: None)
    assert empty.release(0) is None
    assert empty.all_done.is_set()


@pytest.mark.parametrize("kind", ["poisson", "uniform", "burst"])
def test_a_schedule_is_seeded_rising_and_has_its_rate(kind: load_modes.Kind) -> None:
    one, same, other = (arrivals.schedule(kind, RATE, MANY, seed) for seed in (1, 1, 2))
    assert (one == same).all()
    assert len(one) != len(other) or (one != other).any()
    assert (np.diff(one) >= 0).all()
    assert one[0] >= 0
    assert one[-1] < MANY
    three_sigma = 3 * np.sqrt(20_000 * (BURST if kind == "burst" else 1))
    assert len(one) == pytest.approx(20_000, abs=three_sigma if kind != "uniform" else 1)


def test_poisson_gaps_are_exponential_and_counts_vary_as_poisson_s_do() -> None:
    """The test is at the 1 % level, so of 60 schedules hardly more than two fail it."""
    found = [calibration.ks_exponential(arrivals.schedule("poisson", RATE, MANY, seed), RATE) for seed in range(60)]
    assert sum(distance > critical for distance, critical in found) <= 3
    times = arrivals.schedule("poisson", RATE, MANY, 6)
    per_bin = np.bincount(times // (100 * MS), minlength=200)
    assert per_bin.var() / per_bin.mean() == pytest.approx(1.0, abs=0.3)


def test_the_test_of_gaps_can_fail() -> None:
    for kind in ("uniform", "burst"):
        distance, critical = calibration.ks_exponential(arrivals.schedule(kind, RATE, MANY, 3), RATE)
        assert distance > critical


def test_bursts_are_ten_at_once() -> None:
    times = arrivals.schedule("burst", RATE, MANY, 4)
    assert set(np.unique(times, return_counts=True)[1] % BURST) == {0}


def test_several_load_generators_send_the_planned_process_between_them() -> None:
    whole = arrivals.schedule("poisson", RATE, MANY, 5)
    parts = [arrivals.share(whole, number, 3) for number in range(3)]
    assert (np.sort(np.concatenate(parts)) == whole).all()
    numbered = [Arrivals(part.tolist(), lambda _: None, first=number, step=3) for number, part in enumerate(parts)]
    seen: list[Arrival] = []
    for one in numbered:
        one.idle = [lambda arrival: seen.append(arrival)] * len(whole)  # type: ignore[arg-type]
        while one.release(MANY) is not None:
            pass
    assert sorted(seen) == list(enumerate(whole.tolist()))


def played(**changes: object) -> Played:
    values = {"index": 1, "start_ns": 10, "cut_ns": 20, "end_ns": 30, "drained_ns": 40, "requests": 5, "dropped": 1}
    values |= {"failures": 2, "late": 3, "shortage": False, "latency_ms": 7.0, "ticks": 10, "late_ticks": 1}
    return Played(**{**values, "worst_tick_ms": 2.0, **changes})  # type: ignore[arg-type]


def test_what_several_load_generators_played_adds_up() -> None:
    both = locust_process.merged([played(), played(drained_ns=50, shortage=True, latency_ms=None, worst_tick_ms=9.0)])
    assert both == played(
        drained_ns=50, requests=10, dropped=2, failures=4, late=6, shortage=True, ticks=20, late_ticks=2, worst_tick_ms=9.0
    )  # fmt: skip


def test_a_halt_of_300_ms_is_thirty_ticks_of_which_all_but_the_last_are_late() -> None:
    ticker = Ticker()
    ticker._due_ns = 10 * MS
    for now in range(10 * MS, 100 * MS, 10 * MS):
        ticker.see(now)
    assert (ticker.ticks, ticker.late) == (9, 0)
    ticker.see(400 * MS)  # ticks 100 to 400: the ones at 400 and 395 … are in time
    assert (ticker.ticks, ticker.late, ticker.worst_ns) == (40, 30, 300 * MS)
