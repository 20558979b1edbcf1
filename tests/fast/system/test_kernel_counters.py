"""What the kernel counts, as far as it can be told without anything else running."""

import sys

import pytest

from harness.system import kernel_counters


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_idle_time_of_cores_adds_up_and_grows() -> None:
    one = kernel_counters.idle_ns([0])
    assert one is not None
    assert one > 0
    twice = kernel_counters.idle_ns([0, 0])
    assert twice is not None
    assert 2 * one <= twice <= 2 * one + 1_000_000_000
    assert kernel_counters.idle_ns([100_000]) is None
