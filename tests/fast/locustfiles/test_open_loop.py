"""The open loop under a virtual clock: exact counts of what is sent, dropped and caught up. And the arrival process itself."""

from collections.abc import Sequence

from support.fakes import MS

from locustfiles.open_loop import BATCH, Arrival, Arrivals
from locustfiles.ticker import Ticker


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


def test_a_halt_of_300_ms_is_thirty_ticks_of_which_all_but_the_last_are_late() -> None:
    ticker = Ticker()
    ticker._due_ns = 10 * MS
    for now in range(10 * MS, 100 * MS, 10 * MS):
        ticker.see(now)
    assert (ticker.ticks, ticker.late) == (9, 0)
    ticker.see(400 * MS)  # ticks 100 to 400: the ones at 400 and 395 … are in time
    assert (ticker.ticks, ticker.late, ticker.worst_ns) == (40, 30, 300 * MS)
