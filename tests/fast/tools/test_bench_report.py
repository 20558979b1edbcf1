"""Made-up runs are runs: the report believes them, they are as large as asked, and what measures the report can fail."""

from collections.abc import Callable
from math import log

import pytest

from harness.errors import EXIT_FAILED
from tools import bench_report
from tools.bench_report import MILLION, Measured, shortfalls

IDLE = Measured(0, 2.5, 2.4, 200.0)


def grown(cost: Callable[[float], float], name: str) -> list[Measured]:
    """What runs of 1, 3, 6 and 10 million would come to at this cost of n million."""
    other = {"seconds": 9.0, "cpu_s": 9.0, "mib": 300.0}
    return [Measured(n * MILLION, **other | {name: cost(n)}) for n in (1, 3, 6, 10)]


def test_linear_growth_passes() -> None:
    assert not shortfalls(grown(lambda n: 9 + 0.3 * n, "cpu_s"), IDLE)
    assert not shortfalls(grown(lambda n: 9.0, "cpu_s"), IDLE)
    assert not shortfalls(grown(lambda n: 9 + 0.02 * n * log(n * MILLION), "cpu_s"), IDLE)
    assert not shortfalls(grown(lambda n: 300.0, "mib"), IDLE)
    assert not shortfalls(grown(lambda n: 250 + 50 * n, "mib"), IDLE)
    assert not shortfalls(grown(lambda n: max(420, 250 + 50 * n), "mib"), IDLE)  # the pictures' memory at first


def test_what_grows_faster_than_the_requests_fails() -> None:
    for cost in (lambda n: 9 + 0.1 * n**2, lambda n: 2 + 0.3 * n**1.5):
        assert "CPU grows faster" in shortfalls(grown(cost, "cpu_s"), IDLE)[0]
    for cost in (lambda n: 280 + 3 * n**2, lambda n: 280 + 15 * n**1.5):
        assert "memory grows faster" in shortfalls(grown(cost, "mib"), IDLE)[0]


def test_either_bar_fails_at_ten_million_and_not_below() -> None:
    slow, large = grown(lambda n: 2.1 * n, "seconds"), grown(lambda n: 200 + 140.0 * n, "mib")
    assert shortfalls(slow, IDLE) == ["21.0 s at 10\u202f000\u202f000 requests (limit 20 s)"]
    assert shortfalls(large, IDLE) == ["1\u202f600 MiB at 10\u202f000\u202f000 requests (limit 1536 MiB)"]
    assert not shortfalls([Measured(n * MILLION, 2.4 * n, 2.4 * n, 200 + 160.0 * n) for n in (3, 6, 9)], IDLE)


def test_memory_that_the_benchmark_itself_holds_is_not_taken_for_its_children_s() -> None:
    assert not bench_report.blind(100.0, IDLE)
    assert "memory is not known" in bench_report.blind(200.0, IDLE)[0]
    assert bench_report.own_mib() > 50


def test_a_failed_benchmark_says_so_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench-report", "--requests", "1", "3", "10"])
    monkeypatch.setattr("tools.bench_report.signal.signal", lambda *given: None)
    costs = iter(grown(lambda n: 2.1 * n, "seconds")[i] for i in (0, 1, 3))
    monkeypatch.setattr(bench_report, "child", lambda *given: IDLE)
    monkeypatch.setattr(bench_report, "own_mib", lambda: 100.0)
    monkeypatch.setattr(bench_report, "measure", lambda *given: next(costs))
    assert bench_report.main() == EXIT_FAILED
    assert "FAIL  21.0 s at 10 000 000 requests (limit 20 s)" in capsys.readouterr().out.replace("\u202f", " ")
