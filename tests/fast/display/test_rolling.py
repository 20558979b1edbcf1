"""What is shown of a run while it goes on: live, in plain lines, as events."""

import pytest
from support.watched import played

from harness.display.rolling import Last, Pace


def test_the_last_slices_are_weighed_by_their_length_and_percentiles_are_not_averaged() -> None:
    last = Last()
    assert last.lately is None
    last.add(played(requests=100, failures=10), 0.2)
    last.add(played(requests=300, end_ns=3_000_000_000, drained_ns=3_000_000_000, p95_ms=40.0), 0.6)
    lately = last.lately
    assert lately is not None
    assert lately.rate_rps == pytest.approx(390 / 4)
    assert lately.load_busy == pytest.approx((0.2 + 3 * 0.6) / 4)
    assert (lately.worst_p95_ms, lately.failures) == (40.0, 10)


def test_the_time_left_follows_how_the_run_goes() -> None:
    pace = Pace(blocks=4, slices=10, expected_s=100.0)
    assert pace.left_s(0.0) == pytest.approx(100.0)
    pace.finished = 2
    assert pace.left_s(50.0) == pytest.approx(50.0)
    assert 85 < pace.left_s(100.0) < 100
    pace.finished = 4
    assert pace.left_s(100.0) == 0


def test_a_run_that_was_given_a_time_is_as_far_as_its_time() -> None:
    assert Pace(blocks=4, slices=10, expected_s=100.0, finished=1, played=10).part(90.0) == pytest.approx(0.4975)
    timed = Pace(blocks=4, slices=10, expected_s=100.0, timed=True, finished=1, played=10)
    assert timed.part(70.0) == pytest.approx(0.7)
    assert timed.part(170.0) == 1.0
