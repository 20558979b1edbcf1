"""Going on with a run: what is finished is never touched, what is left follows the stored plan, and all else is refused."""

from pathlib import Path

from support.commands import QUICK
from support.programs import kill_nine
from support.resumed import blocks_of, sums
from support.runs import read_json

from harness.storage.reader import Stored
from harness.system import ports


def test_a_run_killed_after_its_first_block_is_completed_and_that_block_untouched(tmp_path: Path) -> None:
    file = tmp_path / "quick.toml"
    file.write_text(QUICK.replace("blocks = 2", "blocks = 3"))
    harness = kill_nine.start(tmp_path, file)
    try:
        assert ports.poll(lambda: len(list(tmp_path.glob("results/*/blocks/*"))) >= 1, 90)
    finally:
        harness.kill()
        harness.wait()
    assert kill_nine.wait_for_none(tmp_path) == []
    (run,) = (tmp_path / "results").iterdir()
    assert Stored.open(run).state == "cut off"
    before = sums(run / "blocks")
    assert before
    resumed = kill_nine.start_command(tmp_path, "run", "--resume", str(run))
    assert resumed.wait(timeout=120) == 0, (tmp_path / "log").read_text()
    assert kill_nine.survivors(tmp_path) == []
    assert blocks_of(run) == ["000", "001", "002"]
    assert before.items() <= sums(run / "blocks").items()
    assert (run / "report" / "report.md").exists()
    assert read_json(run / "run.json")["state"] == "finished"
