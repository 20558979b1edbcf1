"""A slice as it was played."""

from harness.samples import Played


def played(**changes: object) -> Played:
    values = {"index": 1, "start_ns": 10, "cut_ns": 20, "end_ns": 30, "drained_ns": 40, "requests": 5, "dropped": 1}
    values |= {"failures": 2, "late": 3, "shortage": False, "latency_ms": 7.0, "ticks": 10, "late_ticks": 1}
    return Played(**{**values, "worst_tick_ms": 2.0, **changes})  # type: ignore[arg-type]
