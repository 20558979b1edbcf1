"""What stands beside what: no peak that is smaller because less was asked of its arm, no words about lines that are not there."""

from pathlib import Path

import pytest
from support import claimed
from support.fakes import FakeLoad
from support.scenarios import TINY

from harness.analysis import analysis, frames
from harness.report.plots import caption, level_charts, memory_chart
from harness.report.plots.drawing import Subject
from harness.report.plots.page_size import PAGE


def subject(folder: Path, text: str, blocks: int = 1) -> Subject:
    run = claimed.run_of(folder, text.replace("blocks = 6", f"blocks = {blocks}"), FakeLoad())
    return Subject.of(analysis.analyse(frames.open_run(run)), PAGE)


def test_an_arm_that_serves_fewer_endpoints_has_no_peak_beside_the_others(tmp_path: Path) -> None:
    text = TINY.replace("users = [8]", 'users = [8]\narms = ["sync", "async"]')
    assert memory_chart.comparable(subject(tmp_path, text)) == ["sync", "async"]


def test_where_no_arm_serves_all_of_them_all_are_drawn(tmp_path: Path) -> None:
    text = TINY.replace("users = [4]", 'users = [4]\narms = ["async", "async again"]')
    text = text.replace("users = [8]", 'users = [8]\narms = ["sync"]')
    assert memory_chart.comparable(subject(tmp_path, text)) == ["sync", "async", "async again"]


@pytest.mark.parametrize(("left", "told"), [("async again", False), ("sync", True)])
def test_a_control_that_is_not_asked_everywhere_is_no_omission(tmp_path: Path, left: str, told: bool) -> None:
    arms = [name for name in ("sync", "async", "async again") if name != left]
    text = TINY.replace("users = [8]", f"users = [8]\narms = {arms}".replace("'", '"'))
    found = subject(tmp_path, text)
    notes = caption.missing(found.analysis, found.reasons, found.analysis.cells)
    assert notes == ([f"Not part of this scenario: wait ms=10 on {left}."] if told else [])


@pytest.mark.parametrize(("blocks", "words"), [(3, "from 6 blocks on"), (6, "thin line: 95 % interval")])
def test_a_median_of_few_blocks_has_no_interval_and_the_caption_knows(tmp_path: Path, blocks: int, words: str) -> None:
    assert words in level_charts.over_blocks(subject(tmp_path, TINY, blocks))
