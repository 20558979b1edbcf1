"""The open loop under a virtual clock: exact counts of what is sent, dropped and caught up. And the arrival process itself."""

from support.played import played

from harness.load import locust_process


def test_what_several_load_generators_played_adds_up() -> None:
    both = locust_process.merged([played(), played(drained_ns=50, shortage=True, latency_ms=None, worst_tick_ms=9.0)])
    assert both == played(
        drained_ns=50, requests=10, dropped=2, failures=4, late=6, shortage=True, ticks=20, late_ticks=2, worst_tick_ms=9.0
    )  # fmt: skip


def test_a_load_generator_without_users_has_no_say_in_the_window() -> None:
    nobody = played(cut_ns=60_000, end_ns=60_000, requests=0, latency_ms=None)
    both = locust_process.merged([nobody, played()])
    assert (both.cut_ns, both.end_ns) == (20, 30)


def test_windows_that_do_not_overlap_leave_none() -> None:
    both = locust_process.merged([played(), played(cut_ns=35, end_ns=45)])
    assert both.cut_ns == both.end_ns == 30
