"""Responses that come bit by bit: first byte, streams at once, and claims about them."""

from pathlib import Path

import numpy as np
import pytest
from support.fakes import MS, FakeLoad
from support.runs import fake_run
from support.scenarios import TINY
from support.streams import SSE

from harness.analysis import analysis, frames, streaming
from harness.analysis.analysis import Analysis
from harness.errors import UserError
from harness.plan.slices import Cell, Slice
from harness.report import sections
from harness.samples import COLUMNS, Outcome
from harness.scenario import reader
from harness.verdicts import claim_verdicts, validity

FIRST, DONE, INTENDED = (COLUMNS.index(f"{name}_ns") for name in ("first", "done", "intended"))


def served(slice_: Slice, rows: np.ndarray) -> np.ndarray:
    """The async arms send the first byte 10 ms after they were asked; the sync arm has room for two streams."""
    if slice_.cell.endpoint.startswith("sse"):
        rows[:, FIRST] = rows[:, INTENDED] + 10 * MS
        if slice_.cell.arm == "sync":
            rows[rows[:, COLUMNS.index("user")] >= 2, FIRST] = 0
    return rows


def analysed(tmp_path: Path, text: str = SSE) -> Analysis:
    run = fake_run(tmp_path, reader.parse(text, "sse.toml"), FakeLoad(spoil=served))
    (run / "scenario.toml").write_text(text)
    return analysis.analyse(frames.open_run(run))


def at_once(*spans: tuple[int, int]) -> int:
    first, done = np.array(spans, dtype=np.int64).reshape(-1, 2).T
    return streaming.at_once(first, done)


def test_streams_at_once_are_those_between_their_first_and_last_byte() -> None:
    assert at_once() == 0
    assert at_once((10, 20)) == 1
    assert at_once((10, 20), (20, 30)) == 1  # one after the other
    assert at_once((10, 40), (15, 20), (18, 30), (35, 50)) == 3
    assert at_once((0, 40), (10, 20)) == 1  # no byte came of the first


def test_first_byte_and_streams_are_told_of_endpoints_that_stream_and_of_no_other(tmp_path: Path) -> None:
    result = analysed(tmp_path)
    sse, hello = (
        result.rows(Cell("async", label, level)) for label, level in (("sse ms=40 every=10", 8), ("hello", 4))
    )
    assert sse["first_byte_ms"].tolist() == [10.0] * 6
    assert sse["streams"].tolist() == [8] * 6
    assert not len(hello.known("first_byte_ms"))
    assert not len(hello.known("streams"))
    of_hello, of_sse = (section.tables[0].columns for section in sections.sections(result, validity.check(result)))
    assert {"first byte [ms]", "concurrent streams"} <= set(of_sse)
    assert not {"first byte [ms]", "concurrent streams"} & set(of_hello)


def test_streams_enter_no_ratios(tmp_path: Path) -> None:
    assert not {one.metric.key for one in analysed(tmp_path).compared} & {"first", "streams"}


def test_claims_of_first_bytes_and_streams_are_judged(tmp_path: Path) -> None:
    result = analysed(tmp_path)
    told = claim_verdicts.claims(result, validity.check(result))
    assert [one.word for one in told] == ["supported", "supported", "refuted"]


def test_a_claim_of_first_bytes_where_nothing_streams_is_refused() -> None:
    of_sse, of_hello = (
        f'endpoint = "{label}"\narm = "async"\nmetric = "first"' for label in ("sse ms=40 every=10", "hello")
    )
    with pytest.raises(UserError, match=r"claims\[0\]\.metric: expected 'first' only of what streams \("):
        reader.parse(SSE.replace(of_sse, of_hello), "sse.toml")


def test_a_part_of_a_mix_may_stream(tmp_path: Path) -> None:
    text = TINY.replace("blocks = 6", "blocks = 1").split("[[endpoints]]")[0] + (
        '[[endpoints]]\nname = "both"\nmix = { "sse ms=40 every=10" = 0.5, hello = 0.5 }\nusers = [8]\n'
    )
    result = analysed(tmp_path, text)
    whole, part, other = (Cell("async", f"both{rest}", 8) for rest in ("", ": sse ms=40 every=10", ": hello"))
    assert len(result.rows(part).known("streams")) == len(result.rows(part))
    assert not len(result.rows(whole).known("streams"))
    assert not len(result.rows(other).known("streams"))


def test_a_failed_stream_has_no_first_byte_in_the_median(tmp_path: Path) -> None:
    def half(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        rows = served(slice_, rows)
        rows[::1000, COLUMNS.index("outcome")] = Outcome.EARLY_EOF
        rows[::1000, FIRST] = rows[::1000, INTENDED] + 1
        rows[:, FIRST] = np.minimum(rows[:, FIRST], rows[:, DONE])
        return rows

    run = fake_run(tmp_path, reader.parse(SSE, "sse.toml").model_copy(update={"blocks": 1}), FakeLoad(spoil=half))
    (run / "scenario.toml").write_text(SSE)
    row = analysis.analyse(frames.open_run(run)).rows(Cell("async", "sse ms=40 every=10", 8))
    assert row["first_byte_ms"].tolist() == [10.0]
