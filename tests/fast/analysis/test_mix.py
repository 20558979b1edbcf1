"""A level that mixes endpoints: what is drawn, what is sent, what is reported of the whole and of each part."""

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from support.fakes import FakeLoad, FakeStage
from support.runs import fake_run
from support.scenarios import TINY

from harness.analysis import analysis, cells, frames
from harness.errors import UserError
from harness.plan import arrivals, layout
from harness.plan.slices import Cell, Slice
from harness.report import sections
from harness.samples import COLUMNS, Outcome
from harness.scenario import reader
from harness.scenario.model import Scenario
from harness.verdicts import validity
from locustfiles.slices import drawn

MIXED = (
    TINY.split("[[endpoints]]")[0].replace("blocks = 6", "blocks = 3")
    + """
[[endpoints]]
name = "neighbours"
mix = { "wait ms=10" = 0.25, hello = 0.75 }
users = [16]
"""
)
PART = COLUMNS.index("part")
WHOLE, WAIT, HELLO = (Cell("async", f"neighbours{part}", 16) for part in ("", ": wait ms=10", ": hello"))


def mixed() -> Scenario:
    return reader.parse(MIXED, "mixed.toml")


def slow_waits(slice_: Slice, rows: np.ndarray) -> np.ndarray:
    """The part that waits takes twice as long as the other."""
    slow = rows[:, PART] == 0
    rows[slow, COLUMNS.index("done_ns")] += 10_000_000
    return rows


def analysed(tmp_path: Path, load: FakeLoad, stage: FakeStage | None = None) -> analysis.Analysis:
    run = fake_run(tmp_path, mixed(), load, stage)
    (run / "scenario.toml").write_text(MIXED)
    return analysis.analyse(frames.open_run(run))


def test_the_whole_and_each_part_are_cells_of_their_own(tmp_path: Path) -> None:
    result = analysed(tmp_path, FakeLoad(spoil=slow_waits))
    rates = [result.rows(cell).sum("ok_in_window") for cell in (WHOLE, WAIT, HELLO)]
    assert rates[0] == rates[1] + rates[2]
    assert rates[1] / rates[0] == pytest.approx(0.25, abs=0.05)
    slow, fast = (result.rows(cell).median("p50_ms") for cell in (WAIT, HELLO))
    assert slow - fast == pytest.approx(10, abs=1)


def test_parts_have_sections_and_comparisons_and_no_cpu_of_their_own(tmp_path: Path) -> None:
    result = analysed(tmp_path, FakeLoad())
    titles = [section.title for section in sections.sections(result, validity.check(result))]
    assert [title.partition(" ·")[0] for title in titles] == [
        "neighbours",
        "neighbours: wait ms=10",
        "neighbours: hello",
    ]
    assert {c.endpoint for c in result.compared} == {"neighbours", "neighbours: wait ms=10", "neighbours: hello"}
    assert not len(result.rows(HELLO).known("cpu_ms_per_request"))


def test_an_invalid_mix_makes_its_parts_invalid_and_one_bad_part_only_itself(tmp_path: Path) -> None:
    def failing(part: int) -> FakeLoad:
        def spoil(slice_: Slice, rows: np.ndarray) -> np.ndarray:
            mine = np.flatnonzero((rows[:, PART] == part) & (slice_.cell.arm == "async"))
            rows[mine[: len(mine) // 200 + 1], COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
            return rows

        return FakeLoad(spoil=spoil)

    result = analysed(tmp_path / "a", failing(0))
    lost = validity.invalid_cells(validity.check(result))
    assert {WHOLE, WAIT, HELLO} <= lost
    texts = {reason.cell: reason.text for reason in validity.check(result)}
    assert "part of neighbours, which is INVALID" in texts[HELLO]

    def early(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        mine = (rows[:, PART] == 0) & (slice_.cell.arm == "async")
        rows[mine, COLUMNS.index("done_ns")] = rows[mine, COLUMNS.index("sent_ns")] + 1_000_000
        return rows

    result = analysed(tmp_path / "b", FakeLoad(spoil=early))
    lost = validity.invalid_cells(validity.check(result))
    assert WAIT in lost
    assert HELLO not in lost


def test_a_refused_part_leaves_the_mix_unloaded(tmp_path: Path) -> None:
    load = FakeLoad()
    result = analysed(tmp_path, load, FakeStage({("async", "neighbours: hello"): "HTTP 500"}))
    assert "async" not in {slice_.cell.arm for slice_ in load.played}
    assert {WHOLE, WAIT, HELLO} <= validity.invalid_cells(validity.check(result))


def test_each_call_of_a_mix_has_its_path_and_share() -> None:
    calls = layout.expand(mixed())[0].slices[0].calls
    assert [(call.path.split("/", 2)[2], call.share) for call in calls] == [("wait/?ms=10", 0.25), ("hello/", 0.75)]


def test_users_draw_by_share_and_the_same_again_from_the_same_seed() -> None:
    calls = [(0, b"a", None), (1, b"b", None)]
    first, again = (list(islice(drawn(calls, [0.1, 0.9], "7/3"), 5_000)) for _ in range(2))
    assert first == again
    assert Counter(part for part, _, _ in first)[0] / 5_000 == pytest.approx(0.1, abs=0.02)
    assert [part for part, _, _ in islice(drawn(calls[:1], [1.0], "7/3"), 3)] == [0, 0, 0]


def test_arrivals_draw_by_share_and_the_same_again_from_the_same_seed() -> None:
    parts = arrivals.draw([0.2, 0.5, 0.3], 10_000, 5)
    assert np.bincount(parts) / 10_000 == pytest.approx([0.2, 0.5, 0.3], abs=0.02)
    assert (parts == arrivals.draw([0.2, 0.5, 0.3], 10_000, 5)).all()
    assert not arrivals.draw([1.0], 10, 5).any()


def test_a_slice_of_a_mix_is_as_long_as_its_slowest_part_needs() -> None:
    slices = layout.expand(mixed())[0].slices
    assert {slice_.least_s for slice_ in slices} == {0.01}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hello = 0.75", "helo = 0.75", "endpoints[0].mix.helo: expected one of hello"),
        ("hello = 0.75", "helo = 0.75", "did you mean 'hello'?"),
        ("hello = 0.75", "hello = 0.7", "shares that add up to 1"),
        (", hello = 0.75", "", "two endpoints or more with shares that add up to 1"),
        ("hello = 0.75", "hello = 1.75", "endpoints[0].mix.hello: expected less than 1"),
        ("wait ms=10", "wait sm=10", "endpoints[0].mix.wait sm=10.sm: expected one of ms, spread for wait"),
        ('"neighbours"', '"hello"', "expected a name of its own for a mix"),
        ("users = [16]", "users = [16]\nquery = { ms = 1 }", "endpoints[0].query: expected none beside mix"),
    ],
)
def test_a_malformed_mix_is_refused_in_words(old: str, new: str, message: str) -> None:
    assert old in MIXED
    with pytest.raises(UserError) as caught:
        reader.parse(MIXED.replace(old, new), "mixed.toml")
    assert message in str(caught.value)


def test_a_page_that_streams_has_a_first_byte_and_the_mix_that_it_is_part_of_has_none() -> None:
    calls = [{"endpoint": "visitors: events", "streams": True}, {"endpoint": "visitors: front page"}]
    assert not cells._stream("visitors", calls)
    assert cells._stream("visitors: events", calls[:1])
    assert cells._stream("events", [{"endpoint": "events", "streams": True}])
    assert cells._stream("sse ms=100", [{"endpoint": "sse ms=100"}])


def test_paths_of_a_list_are_one_part_of_a_mix_and_none_by_themselves() -> None:
    listed = [{"endpoint": "articles", "share": 0.5}, {"endpoint": "articles", "share": 0.5}]
    assert list(cells._parts("articles", listed)) == []
    mixed = [
        {"endpoint": "visitors: articles", "share": 0.25},
        {"endpoint": "visitors: articles", "share": 0.25},
        {"endpoint": "visitors: front page", "share": 0.5},
    ]
    assert list(cells._parts("visitors", mixed)) == [
        ("visitors: articles", [0, 1], 0.5),
        ("visitors: front page", [2], 0.5),
    ]
