"""The open loop under a virtual clock: exact counts of what is sent, dropped and caught up. And the arrival process itself."""

import numpy as np
import pytest
from support.fakes import MS

from harness.load import calibration
from harness.plan import arrivals
from harness.plan.arrivals import BURST, SECOND_NS
from harness.registry import load_modes
from locustfiles.open_loop import Arrival, Arrivals

RATE, MANY = 1_000.0, 20 * SECOND_NS


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
