"""When a closed-loop slice is analysed: by what its users have seen, and not by a guess."""

import pytest

from harness.samples import FILLING_ANSWERS
from locustfiles import closed_loop
from locustfiles.closed_loop import Window, call_until

MS = 1_000_000


class Clock:
    """Moves only when somebody is served."""

    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class Served:
    """A connection on which every answer takes as long as the list says; the last value goes on."""

    def __init__(self, clock: Clock, taking_ms: list[float]) -> None:
        self.clock, self.taking_ms, self.calls = clock, taking_ms, 0

    def call(self, request: bytes, body: bytes | None) -> tuple[int, ...]:
        sent_ns = self.clock.now_ns
        self.clock.now_ns += int(self.taking_ms[min(self.calls, len(self.taking_ms) - 1)] * MS)
        self.calls += 1
        return sent_ns, self.clock.now_ns, self.clock.now_ns, 200, 0, 2, 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(closed_loop, "perf_counter_ns", made)
    return made


def played(clock: Clock, taking_ms: list[float], window: Window) -> list[tuple[int, ...]]:
    rows: list[tuple[int, ...]] = []
    call_until(window, Served(clock, taking_ms), iter(lambda: (0, b"", None), 1), rows.append, (0, 0))  # type: ignore[arg-type]
    return rows


def test_the_window_begins_with_the_last_answer_of_the_filling_and_lasts_five_latencies(clock: Clock) -> None:
    window = Window(users=1, end_ns=10_000 * MS, shortest_ns=1, latencies=5)
    rows = played(clock, [10, 100], window)
    assert (window.cut_ns, window.end_ns) == (110 * MS, 610 * MS)
    assert len(rows) == FILLING_ANSWERS + 5
    assert clock.now_ns == window.end_ns


def test_a_slow_rise_is_seen_in_the_last_answer_and_not_in_the_first(clock: Clock) -> None:
    window = Window(users=1, end_ns=10_000 * MS, shortest_ns=1, latencies=5)
    played(clock, [1, 650], window)
    assert window.end_ns - window.cut_ns == 5 * 650 * MS


def test_quick_answers_are_watched_for_the_shortest_time(clock: Clock) -> None:
    window = Window(users=1, end_ns=10_000 * MS, shortest_ns=250 * MS, latencies=5)
    played(clock, [1], window)
    assert window.end_ns - window.cut_ns == 250 * MS


def test_a_latency_is_at_least_the_endpoint_s_own(clock: Clock) -> None:
    window = Window(users=1, end_ns=10_000 * MS, shortest_ns=1, latencies=5, least_ns=100 * MS)
    clock.now_ns = 10 * MS
    window.user_is_in(MS)
    assert window.end_ns - window.cut_ns == 500 * MS


def test_the_window_waits_for_the_last_of_its_users(clock: Clock) -> None:
    window = Window(users=3, end_ns=10_000 * MS, shortest_ns=250 * MS, latencies=5)
    for at_ms in (10, 20):
        clock.now_ns = at_ms * MS
        window.user_is_in(10 * MS)
        assert window.end_ns == 10_000 * MS
    clock.now_ns = 700 * MS
    window.user_is_in(400 * MS)
    assert (window.cut_ns, window.end_ns) == (700 * MS, 950 * MS)  # the median answer took 10 ms


def test_what_fills_slowly_is_watched_for_longer(clock: Clock) -> None:
    window = Window(users=1, end_ns=10_000 * MS, shortest_ns=250 * MS, latencies=5, start_ns=0)
    played(clock, [300, 60], window)
    assert (window.cut_ns, window.end_ns) == (360 * MS, 1_080 * MS)  # twice as long
    clock.now_ns = 0
    window = Window(users=1, end_ns=10_000 * MS, shortest_ns=250 * MS, latencies=5, start_ns=0)
    rows = played(clock, [700, 100], window)
    assert (window.cut_ns, window.end_ns) == (800 * MS, 1_800 * MS)  # up to a second
    assert len(rows) == FILLING_ANSWERS + 10


def test_to_warm_up_it_goes_on_for_a_moment_when_every_user_has_had_an_answer(clock: Clock) -> None:
    window = Window(users=1, end_ns=100_000 * MS, shortest_ns=250 * MS, latencies=0)
    rows = played(clock, [30], window)
    assert (window.cut_ns, window.end_ns) == (30 * MS, 130 * MS)
    assert len(rows) == 5


def test_a_slice_that_never_fills_is_ended_and_has_no_window(clock: Clock) -> None:
    window = Window(users=2, end_ns=1_000 * MS, shortest_ns=250 * MS, latencies=5)
    rows = played(clock, [400], window)
    assert len(rows) == 3
    assert window.cut_ns == window.end_ns == 1_000 * MS


def test_a_slice_that_fills_late_is_ended_in_time(clock: Clock) -> None:
    window = Window(users=1, end_ns=1_000 * MS, shortest_ns=250 * MS, latencies=5)
    played(clock, [300], window)
    assert (window.cut_ns, window.end_ns) == (600 * MS, 1_000 * MS)
