"""The whole pipeline without sockets: a plan in, a report out; and what is on disk between."""

from pathlib import Path

import pandas as pd
from support.fakes import FakeLoad, FakeStage, Quiet
from support.runs import analysed, fake_run
from support.scenarios import tiny

from harness.measure import runner
from harness.plan.slices import Cell
from harness.samples import COLUMNS, Outcome
from harness.storage import writer
from harness.verdicts import validity


def test_an_arm_left_with_work_is_restarted_before_its_next_slice(tmp_path: Path) -> None:
    load = FakeLoad(shortage=lambda slice_: slice_.cell == Cell("sync", "wait ms=10", 8))
    stage = FakeStage()
    run = writer.RunFolder.create(tmp_path, "tiny", "", {})
    runner.run(tiny(blocks=1), run, stage, load, Quiet())
    assert stage.servers is not None
    assert stage.servers.restarts == ["sync"] * 4  # the warm-up and three visits


def test_a_refused_cell_is_not_loaded(tmp_path: Path) -> None:
    load = FakeLoad()
    result = analysed(tmp_path, tiny(blocks=1), load, FakeStage({("sync", "hello"): "other body"}))
    assert Cell("sync", "hello", 4) not in {slice_.cell for slice_ in load.played}
    assert any("other body" in reason.text for reason in validity.check(result))


def test_every_request_is_kept_as_it_was_recorded(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=1), FakeLoad())
    requests = pd.read_parquet(run / "blocks" / "000" / "requests.parquet")
    assert list(requests.columns) == list(COLUMNS)
    assert (requests.outcome == Outcome.OK).all()
    assert (requests.done_ns > requests.sent_ns).all()
    assert not list(run.glob("**/.*.tmp"))
