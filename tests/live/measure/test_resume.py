"""Going on with a run: what is finished is never touched, what is left follows the stored plan, and all else is refused."""

import re
from pathlib import Path

from support import disturbed
from support.commands import QUICK, here, the_run
from support.programs import kill_nine
from support.resumed import blocks_of, sums
from support.runs import read_json

from harness.storage.reader import Stored
from harness.system import ports


def test_a_run_killed_after_its_first_block_can_be_reported_and_completed_and_that_block_stays_untouched(
    tmp_path: Path,
) -> None:
    file = tmp_path / "quick.toml"
    file.write_text(QUICK.replace("blocks = 2", "blocks = 3"))
    harness = kill_nine.start(tmp_path, file, kill_nine.LIGHT)
    try:
        assert ports.poll(lambda: len(list(tmp_path.glob("results/*/blocks/*"))) >= 1, 200)
    finally:
        harness.kill()
        harness.wait()
    assert kill_nine.wait_for_none(tmp_path) == []
    run = the_run(tmp_path)
    assert Stored.open(run).state == "cut off"
    reported = here("report", str(run))
    assert reported.returncode in disturbed.codes(run), reported.stderr
    assert re.search(r"! cut off after \d+ of 3 blocks", reported.stdout)
    before = sums(run / "blocks")
    assert before
    resumed = here("run", "--resume", str(run))
    assert resumed.returncode in disturbed.codes(run), resumed.stdout + resumed.stderr
    assert blocks_of(run) == ["000", "001", "002"]
    assert before.items() <= sums(run / "blocks").items()
    assert (run / "report" / "report.md").exists()
    assert read_json(run / "run.json")["state"] == "finished"
