"""What is shown of a run while it goes on: live, in plain lines, as events."""

import pytest

from harness.errors import EXIT_FAILED, EXIT_INVALID
from harness.statistics.estimate import Estimate
from tools import bench_display


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.97, 1.03, bench_display.PASSED),
        (0.90, 1.03, bench_display.INCONCLUSIVE),
        (0.97, 1.10, bench_display.INCONCLUSIVE),
        (0.96, 0.99, bench_display.DIFFERS),
        (1.01, 1.02, bench_display.DIFFERS),
        (None, None, bench_display.INCONCLUSIVE),
    ],
)
def test_the_cost_of_the_display_is_judged_by_its_interval(low: float, high: float, expected: str) -> None:
    assert bench_display.judged(Estimate(1.0, low, high, 6)) == expected


def test_a_display_that_costs_a_tenth_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def pair(cost: float, noise: float) -> tuple[dict[str, float], dict[str, float]]:
        return {"throughput_rps": noise - cost, "p95_ms": noise + cost}, {"throughput_rps": 0.0, "p95_ms": 0.0}

    noises = [0.01, -0.01, 0.005, -0.005]
    assert bench_display.report([pair(0.0, noise) for noise in noises]) == 0
    assert bench_display.report([pair(0.1, noise) for noise in noises]) == EXIT_FAILED
    assert bench_display.report([pair(0.0, noise) for noise in noises[:2]]) == EXIT_INVALID
    assert "0.905×" in capsys.readouterr().out
