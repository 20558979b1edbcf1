"""What is shown of a run while it goes on: live, in plain lines, as events."""

import io
import re
from dataclasses import replace
from pathlib import Path

from support.fakes import FakeLoad, FakeStage
from support.scenarios import tiny
from support.watched import new_run, opening, standings, twice_as_slow

from harness.display import plain_lines
from harness.display.plain_lines import PlainProgress
from harness.measure import runner
from harness.plan import layout
from harness.verdicts import interim_analysis
from harness.verdicts.interim import SoFar


def test_plain_lines_tell_each_blocks_comparisons(tmp_path: Path) -> None:
    asked, told = tiny(blocks=3), io.StringIO()
    run = new_run(tmp_path, asked)
    progress = PlainProgress(opening(run.path, asked), interim_analysis.so_far, told)
    runner.run(asked, run, FakeStage(), FakeLoad(twice_as_slow), progress)
    lines = told.getvalue().splitlines()
    assert "block 3 of 3: starting servers, then about 24 slices" in lines or any(
        "block 3 of 3" in one for one in lines
    )
    assert "by throughput, after 1 block:" in lines
    last = lines[lines.index("by throughput, after 3 blocks:") :]
    assert re.fullmatch(r"  wait ms=10 @ 8 users  async / sync  1\.\d+× \[1\.\d+, 1\.\d+\]  faster", last[-1])
    assert "\x1b" not in told.getvalue()


def test_no_more_than_a_few_comparisons_are_told_in_lines() -> None:
    lines = plain_lines.lines("closed", SoFar("throughput", 3, standings(9)))
    assert len(lines) == 8
    assert lines[-1] == "  … and 3 more"


def test_a_run_that_was_given_a_time_has_the_rest_of_it_left(tmp_path: Path) -> None:
    asked, told = tiny(blocks=4, time=420.0), io.StringIO()
    run = new_run(tmp_path, asked)
    progress = PlainProgress(
        replace(opening(run.path, asked), expected_s=420.0, slices=10), lambda _: SoFar("", 0, ()), told
    )
    block = layout.expand(tiny())[0]
    progress.slice_played(block, block.slices[0], None, None)
    assert re.search(r"^1 slices, 4(20|19) s left;", told.getvalue())
