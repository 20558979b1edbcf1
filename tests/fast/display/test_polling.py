"""What is shown of a run while it goes on: live, in plain lines, as events."""

from pathlib import Path

import pytest
from support.fakes import FakeLoad, FakeStage
from support.scenarios import tiny
from support.watched import new_run, opening

from harness.display.polling import Asking
from harness.display.watch import Watch
from harness.errors import UserError
from harness.measure import runner
from harness.verdicts.interim import SoFar


def test_a_dear_answer_is_asked_for_less_often() -> None:
    now_s, asked = [0.0], []

    def ask(_: Path) -> SoFar:
        now_s[0] += 5.0
        asked.append(now_s[0])
        return SoFar("throughput", len(asked), ())

    asking, told = Asking(ask, lambda: now_s[0]), []
    for _ in range(12):
        now_s[0] += 10.0
        told.append(asking(Path()).blocks)
    assert told == [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3]


def test_a_damaged_block_does_not_end_a_run_that_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def ask(_: Path) -> SoFar:
        raise UserError("blocks/000: cannot be read")

    run = new_run(tmp_path, tiny(blocks=1))
    with Watch(ask, plain=True).show(opening(run.path, tiny(blocks=1))) as watcher:
        runner.run(tiny(blocks=1), run, FakeStage(), FakeLoad(), watcher)
    assert "! interim results not available: blocks/000: cannot be read" in capsys.readouterr().out
