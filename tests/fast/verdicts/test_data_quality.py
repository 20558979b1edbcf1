"""The grade of a run's data, and what lowers it."""

from pathlib import Path

import pytest
from support.fakes import FakeLoad
from support.runs import analysed
from support.scenarios import tiny

from harness.analysis.analysis import Analysis
from harness.verdicts import data_quality, validity
from harness.verdicts.data_quality import Quality

LINE = {"name": "send lag", "figure": "1 ms", "limit": "0.5 ms", "advice": "wait"}


def quality(analysis: Analysis) -> Quality:
    return data_quality.of(analysis, validity.check(analysis))


def test_a_sound_run_is_graded_a_and_says_what_was_looked_at(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=4), FakeLoad())
    result.run.head["calibration"] = {"lines": [LINE | {"passed": True}] * 7}
    found = quality(result)
    assert found.line.startswith(
        "data quality: A   calibration 7/7 · steady 6/6 · A/A within noise 2/2 · steal 0 % · other processes 0 %"
    )


@pytest.mark.parametrize(("failed", "grade"), [(1, "B"), (3, "C"), (5, "D")])
def test_failed_calibration_lowers_it_by_its_share(tmp_path: Path, failed: int, grade: str) -> None:
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad())
    result.run.head["calibration"] = {"lines": [LINE | {"passed": place >= failed} for place in range(7)]}
    assert f"calibration {7 - failed}/7 ({grade})" in quality(result).line
    assert quality(result).grade == grade


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("steal", 0.10, "steal 10 % (C)"),
        ("others", 0.50, "other processes 50 % (D)"),
        ("throughput_drift", 0.30, "steady 0/6 (D)"),
        ("failures", 1_000, "6 of 6 cells INVALID (D)"),
    ],
)
def test_what_a_machine_or_its_cells_did_lowers_it(tmp_path: Path, column: str, value: float, text: str) -> None:
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad())
    result.per_block[column] = value
    assert text in quality(result).line
    assert quality(result).grade == text[-2]


def test_a_core_that_ran_unevenly_lowers_it(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=4), FakeLoad())
    result.per_block["cpu_ms_per_request"] = 1 + 0.5 * (result.per_block.block % 2)
    assert "core speed ±23 % (C)" in quality(result).line


def test_an_a_a_pair_that_differs_lowers_it(tmp_path: Path) -> None:
    def latency(slice_: object, rng: object) -> float:
        return 20.0 if slice_.cell.arm == "async again" else 10.0  # type: ignore[attr-defined]

    found = quality(analysed(tmp_path, tiny(blocks=4), FakeLoad(latency)))
    assert "A/A within noise 0/2 (C)" in found.line
    assert found.grade == "C"


def test_without_calibration_or_control_nothing_is_said_of_them(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=1), FakeLoad())
    result.run.head["calibration"] = {}
    assert "calibration" not in quality(result).line
    assert "A/A" not in quality(result).line  # one block cannot be judged
