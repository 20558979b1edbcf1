"""Two revisions of the measured project as arms of one run, and the gate over them."""

import random
import re
from functools import cache
from pathlib import Path

import pytest
from support.changes import run_of
from support.fakes import FakeLoad, Latency

from harness.analysis import analysis, frames
from harness.commands import publishing
from harness.errors import EXIT_OPEN
from harness.plan.slices import Slice
from harness.report import sections
from harness.verdicts import regression_gate, validity


def slower(by: float) -> FakeLoad:
    """A load generator that finds the change slower by this fraction."""
    return FakeLoad(latency(by))


@cache
def latency(by: float) -> Latency:
    """The same function for the same fraction, so that its run is made once."""

    def latency_ms(slice_: Slice, rng: random.Random) -> float:
        factor = 1 + by if "the change" in slice_.cell.arm else 1.0
        return 13 * factor * (1 + 0.02 * rng.random())

    return latency_ms


@pytest.mark.parametrize(("by", "code"), [(0.0, 0), (0.2, 4), (-0.2, 0)])
def test_the_gate_fails_on_a_regression_and_on_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: float, code: int
) -> None:
    monkeypatch.setattr(publishing, "write", lambda *_: [])
    run = run_of(tmp_path, slower(by), blocks=3)
    assert publishing.publish_change(run, 0.05) == code
    assert publishing.publish_change(run, None) == 0
    assert publishing.publish_change(run, 0.5) == 0  # by less than that


def test_what_is_worse_is_named(tmp_path: Path) -> None:
    result, reasons = validity.sound(analysis.analyse(frames.open_run(run_of(tmp_path, slower(0.2), blocks=3))))
    compared = sections.valid_comparisons(result, validity.invalid_cells(reasons))
    worse = regression_gate.of_change(result, compared, 0.05, lost=False).regressed
    assert {one.arm for one in worse} == {"sync @ the change", "async @ the change"}
    assert "throughput" in {one.metric.key for one in worse}


def test_a_gate_with_nothing_to_compare_does_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "write", lambda *_: [])
    monkeypatch.setattr(sections, "valid_comparisons", lambda *_: [])
    assert publishing.publish_change(run_of(tmp_path, slower(0.0), blocks=3), 0.05) == 4


def test_a_gate_that_cannot_tell_says_what_may_have_regressed_and_how_long_it_would_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(publishing, "write", lambda *_: [])

    def uneven(slice_: Slice, _: random.Random) -> float:
        return 13 * (1 + 0.3 * random.Random(f"{slice_.cell.arm} {slice_.seed}").random())

    assert publishing.publish_change(run_of(tmp_path, FakeLoad(uneven), blocks=3), 0.02) == EXIT_OPEN
    told = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"\? regression gate: cannot tell: 0 of \d+ comparisons regressed by more than 2 %, \d may have; .*", told[-1]
    )
    assert any(line.startswith("? throughput on hello @ 4 users, ") for line in told)


def test_one_block_can_never_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "write", lambda *_: [])
    assert publishing.publish_change(run_of(tmp_path, slower(0.0), blocks=1), 0.05) == EXIT_OPEN
