"""What is shown of a run while it goes on: live, in plain lines, as events."""

import json
from pathlib import Path

from support.fakes import FakeLoad, FakeStage
from support.runs import read_json
from support.scenarios import tiny
from support.watched import new_run, opening

from harness.analysis import frames
from harness.display import watch
from harness.display.plain_lines import PlainProgress
from harness.measure import runner


def test_blocks_of_older_runs_are_read_although_they_have_no_p95(tmp_path: Path) -> None:
    run = new_run(tmp_path, tiny(blocks=1))
    runner.run(tiny(blocks=1), run, FakeStage(), FakeLoad(), PlainProgress(opening(run.path), watch.nothing))
    file = run.path / "blocks" / "0000" / "block.json"
    file = file if file.exists() else next(run.path.rglob("block.json"))
    notes = read_json(file)
    for one in notes["played"]:
        del one["p95_ms"]
    file.write_text(json.dumps(notes))
    assert len(frames.read_block(file.parent).requests)
