"""The search for capacity against arms of known capacity, without a socket."""

from support.fakes import FakeLoad, FakeStage, Quiet
from support.searches import TEXT, Holding, asked

from harness.analysis import analysis, frames
from harness.measure import runner
from harness.report import run_report
from harness.storage import files, writer


def test_a_whole_search_ends_in_a_report_with_a_rate_per_arm(tmp_path: object) -> None:
    scenario = asked()
    facts = {"plan": {}, "overrides": {"blocks": 3, "seed": 1}, "machine": MACHINE, "database": "SQLite"}
    facts |= {"cores": {"server": [0], "load": [1], "note": None}, "calibration": {}}
    run = writer.RunFolder.create(tmp_path, "capacity", TEXT, facts)  # type: ignore[arg-type]
    runner.run(scenario, run, FakeStage(), FakeLoad(Holding()), Quiet())
    run.mark(files.FINISHED)
    result = analysis.analyse(frames.open_run(run.path))
    told = run_report.text(result)
    assert "async vs sync, highest rate: more on wait ms=10" in told
    rates = {cell.arm: result.estimate(cell, result.metrics[0]) for cell in result.cells}
    assert 95 <= rates["sync"].value <= 101  # type: ignore[union-attr]
    assert 190 <= rates["async"].value <= 201  # type: ignore[union-attr]
    assert set(result.curve.columns) >= {"rate", "latency_ms", "met"}
    assert not result.curve[result.curve.rate > 230].met.any()


MACHINE = {"system": "Test 1", "cpu": "CPU", "cores": 2, "python": "3.11.0", "packages": {"django": "5.2"}}
