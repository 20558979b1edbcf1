"""The last lines of a run: who is ahead, by how much, how sure, and why."""

import re
from pathlib import Path

import numpy as np
import pytest
from support import claimed
from support.fakes import FakeLoad, FakeStage
from support.latencies import slower_when_sync
from support.runs import analysed
from support.scenarios import TINY, tiny

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.plan.slices import Cell, Slice
from harness.report import summary
from harness.samples import COLUMNS, Outcome
from harness.verdicts import validity


def lines(analysis: Analysis) -> list[str]:
    return summary.lines(analysis, validity.check(analysis))


def analysed_text(folder: Path, text: str) -> Analysis:
    run = claimed.run_of(folder, text.replace("blocks = 6", "blocks = 1"), FakeLoad())
    return analysis.analyse(frames.open_run(run))


def test_a_difference_is_told_with_its_size_interval_and_p(tmp_path: Path) -> None:
    told = lines(analysed(tmp_path, tiny(blocks=4), FakeLoad(slower_when_sync)))
    assert told[0].startswith("async vs …   throughput, 95 % CI, n = 4 blocks; ~ = no significant difference")
    (hello,) = (line for line in told if line.startswith("  hello @ 4"))
    assert re.search(r"sync  \d\.\d\d× higher  \[\d\.\d+, \d\.\d+\]  p < 0\.001", hello)


def test_what_is_lower_is_told_as_how_many_times(tmp_path: Path) -> None:
    def slower_when_async(slice_: Slice, rng: object) -> float:
        return 30.0 if slice_.cell.arm.startswith("async") else 10.0

    told = lines(analysed(tmp_path, tiny(blocks=4), FakeLoad(slower_when_async)))
    (hello,) = (line for line in told if line.startswith("  hello @ 4"))
    times, low, high = map(float, re.findall(r"(\d\.\d\d)× lower +\[(\d\.\d+), (\d\.\d+)\]", hello)[0])
    assert low <= times <= high
    assert times == pytest.approx(3, rel=0.1)


def test_too_few_blocks_say_so_in_place_of_a_reason(tmp_path: Path) -> None:
    told = lines(analysed(tmp_path, tiny(blocks=1), FakeLoad()))
    assert sum("at least 3 blocks are needed" in line for line in told) == 2


def test_what_differs_between_two_arms_stands_below(tmp_path: Path) -> None:
    told = lines(analysed(tmp_path, tiny(blocks=4), FakeLoad(slower_when_sync)))
    (pair,) = (line for line in told if line.startswith("  vs sync: "))
    assert "2 higher" in pair
    assert pair.endswith("server, view and threads differ")


def test_only_the_view_differs(tmp_path: Path) -> None:
    text = TINY.replace('"gunicorn-gthread"', '"uvicorn"').replace("threads = 8\n", "")
    (pair,) = (line for line in lines(analysed_text(tmp_path, text)) if line.startswith("  vs sync: "))
    assert pair.endswith("only the view differs")


def test_without_a_second_arm_every_cell_is_told(tmp_path: Path) -> None:
    first, second = TINY.index('[[arms]]\nname = "async"'), TINY.index("[[endpoints]]")
    alone = (TINY[:first] + TINY[second:]).replace('comparisons = [{ arm = "async", over = "sync" }]', "")
    told = lines(analysed_text(tmp_path, alone))
    assert told[0] == "throughput [req/s], n = 1 block"
    assert [line.split()[:4] for line in told if " @ " in line] == [
        ["hello", "@", "4", "sync"],
        ["wait", "@", "8", "sync"],
    ]


def test_in_a_narrow_terminal_p_is_left_out_first_and_nothing_is_wider(tmp_path: Path) -> None:
    run = analysed(tmp_path, tiny(blocks=4), FakeLoad(slower_when_sync))
    for width, with_p in ((100, True), (50, False)):
        told = summary.lines(run, validity.check(run), width)
        assert max(map(len, told)) <= width
        (hello,) = (line for line in told if line.startswith("  hello @ 4"))
        assert re.search(r"\d× higher +\[", hello)
        assert ("p <" in hello) is with_p
        assert "no significant difference" in " ".join(line.strip() for line in told)


def test_invalid_cells_are_named_with_their_reason_and_nothing_is_wider_than_a_terminal(tmp_path: Path) -> None:
    def failing(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if slice_.cell == Cell("sync", "hello", 4):
            rows[:, COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
        return rows

    told = lines(analysed(tmp_path, tiny(blocks=2), FakeLoad(spoil=failing), FakeStage(log="ValueError: " + "x" * 200)))
    assert any(line.startswith("✗ sync on hello @ 4: INVALID, 100 % of ") for line in told)
    assert max(map(len, told)) <= summary.WIDTH
    assert not any(line.startswith("  hello @ 4") for line in told)
    assert any(line.startswith("data quality: ") for line in told)
