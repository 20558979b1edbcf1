"""Made-up runs are runs: the report believes them, they are as large as asked, and what measures the report can fail."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, TINY, tiny

from harness import analysis, bulk, checks, frames, scale
from harness.errors import EXIT_FAILED, UserError
from harness.frames import Run
from harness.scale import MILLION, Measured, shortfalls


def made_up(folder: Path, requests: int = 30_000, seed: int = 1) -> Run:
    *_, path = bulk.make(tiny(), TINY, requests, folder, seed)
    return frames.open_run(path)


def test_a_made_up_run_is_as_large_as_asked_and_no_check_finds_fault_with_it(tmp_path: Path) -> None:
    run = made_up(tmp_path)
    assert scale.stored(run.path) == pytest.approx(30_000, rel=0.05)
    found = analysis.analyse(run)
    assert not [reason for reason in checks.check(found) if reason.invalid]
    assert found.blocks == 6
    assert len(found.cells) == 6
    assert all(found.estimate(cell, found.metrics[0]) for cell in found.cells)
    assert found.per_block.failures.sum() > 0


def test_the_same_seed_makes_the_same_run_and_another_does_not(tmp_path: Path) -> None:
    first, again, other = (made_up(tmp_path / str(n), 5_000, seed) for n, seed in enumerate((1, 1, 2)))
    tables = [next(run.blocks()).requests for run in (first, again, other)]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


def test_what_cannot_be_made_up_is_refused(tmp_path: Path) -> None:
    open_loop = tiny(load=tiny().load.model_copy(update={"mode": "open"}))
    with pytest.raises(UserError, match="only closed loop"):
        next(bulk.make(open_loop, TINY, 1_000, tmp_path))


def grown(cost: Callable[[float], float], name: str) -> list[Measured]:
    """What runs of 1, 3, 6 and 10 million would come to at this cost of n million."""
    other = {"seconds": 9.0, "cpu_s": 9.0, "mib": 300.0}
    return [Measured(n * MILLION, **other | {name: cost(n)}) for n in (1, 3, 6, 10)]


@pytest.mark.parametrize("name", ["cpu_s", "mib"])
def test_linear_growth_passes_and_so_does_what_is_hidden_by_a_fixed_cost_at_first(name: str) -> None:
    assert not shortfalls(grown(lambda n: 9 + 0.3 * n, name))
    assert not shortfalls(grown(lambda n: max(9.5, 9 + 0.4 * n), name))
    assert not shortfalls(grown(lambda n: 9.0, name))


@pytest.mark.parametrize("name", ["cpu_s", "mib"])
def test_what_grows_faster_than_the_requests_fails(name: str) -> None:
    assert "grows faster" in shortfalls(grown(lambda n: 9 + 0.05 * n**2, name))[0]
    assert "grows faster" in shortfalls(grown(lambda n: 2 + 0.3 * n**1.5, name))[0]


def test_either_bar_fails_at_ten_million_and_not_below() -> None:
    slow, large = (
        grown(lambda n: 2.1 * n, "seconds"),
        grown(lambda n: 160.0 * n, "mib"),
    )
    assert [text.partition(" ")[2].partition(" ")[0] for text in (*shortfalls(slow), *shortfalls(large))] == [
        "s",
        "MiB",
    ]
    assert not shortfalls([Measured(n * MILLION, 2.1 * n, 2.1 * n, 160.0 * n) for n in (3, 6, 9)])


def test_the_benchmark_measures_the_real_command_and_removes_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "tiny.toml"
    scenario.write_text(TINY)
    monkeypatch.chdir(ROOT)
    found = scale.measure(5_000, scenario, tmp_path, repeat=1)
    assert found.requests == pytest.approx(5_000, rel=0.1)
    assert 0.5 < found.seconds < 120
    assert 50 < found.mib < 1_500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.log", "tiny.toml"]
    assert "requests made up" in capsys.readouterr().out


def test_a_report_that_fails_ends_the_benchmark_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match="not a run folder"):
        scale.report(tmp_path / "nothing", 1)


def test_a_failed_benchmark_says_so_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench-report", "--requests", "1", "3", "10"])
    monkeypatch.setattr("harness.scale.signal.signal", lambda *given: None)
    costs = iter(grown(lambda n: 2.1 * n, "seconds")[i] for i in (0, 1, 3))
    monkeypatch.setattr(scale, "measure", lambda *given: next(costs))
    assert scale.main() == EXIT_FAILED
    assert "FAIL  21.0 s for 10 000 000 requests (limit 20 s)" in capsys.readouterr().out.replace("\u202f", " ")
