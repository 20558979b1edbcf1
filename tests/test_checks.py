"""Every check must be able to fail: each has its fault planted here, and a sound run on which it is silent."""

from pathlib import Path

import numpy as np
import pytest
from conftest import MS, FakeLoad, FakeStage, analysed, fake_run, read_json, tiny

from harness import checks, frames, report, store
from harness.analysis import Analysis, analyse
from harness.plan import Cell, Slice
from harness.samples import COLUMNS, Outcome

SYNC_WAIT = Cell("sync", "wait ms=10", 8)
SYNC_HELLO = Cell("sync", "hello", 4)
OUTCOME, STATUS = COLUMNS.index("outcome"), COLUMNS.index("status")
GEVENT = "RuntimeError: You cannot use AsyncToSync in the same thread as an async event loop - just await it."


def reasons_of(result: Analysis, cell: Cell) -> list[str]:
    return [reason.text for reason in checks.check(result) if reason.cell == cell]


def test_a_sound_run_has_no_reason_at_all(tmp_path: Path) -> None:
    assert checks.check(analysed(tmp_path, tiny(), FakeLoad())) == []


def failing(share: float) -> FakeLoad:
    def spoil(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if slice_.cell == SYNC_HELLO:
            failed = np.arange(len(rows)) < share * len(rows)
            rows[failed, OUTCOME], rows[failed, STATUS] = Outcome.HTTP_ERROR, 500
        return rows

    return FakeLoad(spoil=spoil)


def test_failures_above_one_in_a_thousand_are_invalid_with_the_cause_from_the_log(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(), failing(0.48), FakeStage(log=f"Internal Server Error: /\n{GEVENT}\n"))
    (reason,) = reasons_of(result, SYNC_HELLO)
    assert "48 % of" in reason
    assert "You cannot use AsyncToSync in the same thread" in reason
    text = report.text(result)
    assert "✗ sync: INVALID, 48 % of" in text
    row = next(line for line in text.splitlines() if line.startswith("sync "))
    assert row.split() == ["sync", "INVALID"]  # never a rate


def test_an_invalid_cell_takes_no_part_in_a_comparison(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(), failing(0.48))
    lost = checks.invalid_cells(checks.check(result))
    assert lost == {SYNC_HELLO}
    assert {c.endpoint for c in report.valid_comparisons(result, lost)} == {"wait ms=10"}


def test_one_failure_in_a_thousand_is_still_valid(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=12), failing(0.0))
    assert reasons_of(result, SYNC_HELLO) == []


def test_failures_do_not_count_as_throughput(tmp_path: Path) -> None:
    sound, spoiled = analysed(tmp_path / "a", tiny(), FakeLoad()), analysed(tmp_path / "b", tiny(), failing(0.5))
    rates = [result.rows(SYNC_HELLO).throughput_rps.median() for result in (sound, spoiled)]
    assert rates[1] == pytest.approx(rates[0] / 2, rel=0.1)


def test_an_answer_before_its_wait_is_over_is_invalid(tmp_path: Path) -> None:
    load = FakeLoad(lambda slice_, rng: 5.0 if slice_.cell == SYNC_WAIT else 11.0)
    assert any(
        "5.00 ms where the work takes 10.0 ms" in text
        for text in reasons_of(analysed(tmp_path, tiny(), load), SYNC_WAIT)
    )


def test_more_answers_than_little_s_law_allows_are_invalid(tmp_path: Path) -> None:
    def double(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        return np.repeat(rows, 2, axis=0) if slice_.cell == SYNC_HELLO else rows

    found = reasons_of(analysed(tmp_path, tiny(), FakeLoad(spoil=double)), SYNC_HELLO)
    assert any("Little's law" in text for text in found)


def test_more_answers_than_the_declared_cap_allows_are_invalid(tmp_path: Path) -> None:
    """Eight users on an arm that says it has room for two, yet nobody waits: the threads are not what was declared."""
    few = [arm.model_copy(update={"threads": 2}) if arm.name == "sync" else arm for arm in tiny().arms]
    result = analysed(tmp_path, tiny(), FakeLoad())
    scenario = tiny(arms=few)
    claimed = Analysis(**{**vars(result), "run": type(result.run)(result.run.path, result.run.head, scenario)})
    assert any("declared cap of 2 allows 200" in text for text in reasons_of(claimed, SYNC_WAIT))


def test_nothing_in_any_window_is_invalid(tmp_path: Path) -> None:
    def late(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if slice_.cell == SYNC_HELLO:
            rows[:, COLUMNS.index("done_ns")] += 10_000 * MS
        return rows

    assert any(
        "no correct response" in text
        for text in reasons_of(analysed(tmp_path, tiny(), FakeLoad(spoil=late)), SYNC_HELLO)
    )


def test_a_busy_load_maker_is_invalid(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(), FakeLoad())
    result.per_block["load_busy"] = 0.93
    assert any("load maker used 93 %" in text for text in reasons_of(result, SYNC_HELLO))


def test_steal_is_flagged_and_not_invalid(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(), FakeLoad())
    result.per_block["steal"] = 0.10
    found = checks.check(result)
    assert all("the host took 10 %" in reason.text for reason in found)
    assert not checks.invalid_cells(found)


def test_a_cell_that_does_not_drain_is_flagged_as_overloaded(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(), FakeLoad(shortage=lambda slice_: slice_.cell == SYNC_WAIT))
    assert any("overloaded" in text for text in reasons_of(result, SYNC_WAIT))


def test_a_queue_longer_than_its_slice_is_flagged(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(), FakeLoad())
    result.per_block["mean_ms"] = 3_000.0
    assert any("longer than a slice (2 s)" in text for text in reasons_of(result, SYNC_WAIT))


def test_a_refused_cell_is_invalid_with_the_twins_words(tmp_path: Path) -> None:
    stage = FakeStage({("sync", "hello"): "the twins disagree: 'a' where the others answer 'b'"})
    assert any(
        "the twins disagree" in text for text in reasons_of(analysed(tmp_path, tiny(), FakeLoad(), stage), SYNC_HELLO)
    )


def test_throughput_that_moves_within_the_windows_is_flagged(tmp_path: Path) -> None:
    def slowing(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        """From half a window on, three of four requests of one cell are not sent."""
        middle = rows[:, COLUMNS.index("sent_ns")].min() + 275 * MS
        late = rows[:, COLUMNS.index("sent_ns")] > middle
        return rows[~late | (np.arange(len(rows)) % 4 == 0)] if slice_.cell == SYNC_HELLO else rows

    result = analysed(tmp_path, tiny(), FakeLoad(spoil=slowing))
    assert any("not steady: throughput fell by" in text for text in reasons_of(result, SYNC_HELLO))
    assert SYNC_HELLO not in checks.invalid_cells(checks.check(result))


def test_a_request_that_was_counted_and_not_stored_is_invalid(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=1), FakeLoad())
    notes = read_json(run / "blocks/000/block.json")
    cell = {"arm": "sync", "endpoint": "hello", "level": 4}
    index = next(s["index"] for s in notes["slices"] if s["cell"] == cell and s["purpose"] == "measure")
    next(p for p in notes["played"] if p["index"] == index)["requests"] += 1
    store.write_json(run / "blocks/000/block.json", notes)
    found = reasons_of(analyse(frames.open_run(run)), SYNC_HELLO)
    assert any("1 requests are scheduled or counted but not stored" in text for text in found)
