"""What stands beside what: no peak that is smaller because less was asked of its arm, no words about lines that are not there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from support import claimed
from support.fakes import FakeLoad
from support.scenarios import TINY

from harness.analysis import analysis, frames
from harness.analysis.arm_comparison import Beside
from harness.analysis.side_by_side import SideBySide
from harness.report.chart_style import DUETS
from harness.report.html import page
from harness.report.plots import caption, level_charts, memory_chart, ratio_chart
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


def test_bars_and_ratios_that_were_measured_in_two_ways_say_so(tmp_path: Path) -> None:
    """A ratio of duets is not that of the two bars: whoever divides one by the other has to know."""
    plain = subject(tmp_path, TINY, blocks=3)
    one = next(one for one in plain.analysis.compared if one.endpoint == "hello")
    told = SideBySide(-one.logs, np.zeros(3), -9.0, 9, 0.5, [])
    compared = [
        replace(each, duets=Beside(told, each.logs, "")) if each.key == one.key else each
        for each in plain.analysis.compared
    ]
    both = replace(plain, analysis=replace(plain.analysis, compared=compared))
    for draw in (level_charts.throughput, ratio_chart.ratios):
        for drawn, expected in ((plain, 0), (both, 1)):
            texts = " ".join(text.get_text() for figure in draw(drawn) for text in figure.findobj(Text))
            assert ("duets" in texts) == bool(expected), draw.__name__
    assert DUETS in page.html(both.analysis, [])
    assert DUETS not in page.html(plain.analysis, [])
