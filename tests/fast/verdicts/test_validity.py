"""Every check must be able to fail: each has its fault planted here, and a sound run on which it is silent."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.fakes import MS, FakeLoad, FakeStage
from support.runs import analysed, fake_run, read_json
from support.scenarios import tiny

from harness.analysis import frames
from harness.analysis.analysis import Analysis, analyse
from harness.plan.slices import Cell, Slice
from harness.report import run_report, sections
from harness.samples import COLUMNS, Outcome
from harness.scenario.endpoint import Endpoint
from harness.scenario.model import Load as LoadSettings
from harness.storage import files
from harness.verdicts import validity

SYNC_WAIT = Cell("sync", "wait ms=10", 8)
SYNC_HELLO = Cell("sync", "hello", 4)
OUTCOME, STATUS = COLUMNS.index("outcome"), COLUMNS.index("status")
GEVENT = "RuntimeError: You cannot use AsyncToSync in the same thread as an async event loop - just await it."


def reasons_of(result: Analysis, cell: Cell) -> list[str]:
    return [reason.text for reason in validity.check(result) if reason.cell == cell]


def test_a_sound_run_has_no_reason_at_all(tmp_path: Path) -> None:
    assert validity.check(analysed(tmp_path, tiny(blocks=2), FakeLoad())) == []


def failing(share: float) -> FakeLoad:
    def spoil(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if slice_.cell == SYNC_HELLO:
            failed = np.arange(len(rows)) < share * len(rows)
            rows[failed, OUTCOME], rows[failed, STATUS] = Outcome.HTTP_ERROR, 500
        return rows

    return FakeLoad(spoil=spoil)


def test_failures_above_one_in_a_thousand_are_invalid_with_the_cause_from_the_log(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=2), failing(0.48), FakeStage(log=f"Internal Server Error: /\n{GEVENT}\n"))
    (reason,) = reasons_of(result, SYNC_HELLO)
    assert "48 % of" in reason
    assert "You cannot use AsyncToSync in the same thread" in reason
    text = run_report.text(result)
    assert "✗ sync: INVALID, 48 % of" in text
    row = next(line for line in text.splitlines() if line.startswith("sync "))
    assert row.split() == ["sync", "INVALID"]  # never a rate


def test_an_invalid_cell_takes_no_part_in_a_comparison(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=2), failing(0.48))
    lost = validity.invalid_cells(validity.check(result))
    assert lost == {SYNC_HELLO}
    assert {c.endpoint for c in sections.valid_comparisons(result, lost)} == {"wait ms=10"}


@pytest.mark.parametrize(("failures", "valid"), [(1, True), (2, False)])
def test_one_failure_in_a_thousand_is_still_valid_and_two_are_not(tmp_path: Path, failures: int, valid: bool) -> None:
    left = failures

    def spoil(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        nonlocal left
        if left and slice_.cell == SYNC_HELLO and slice_.purpose == "measure":
            rows[:left, OUTCOME], rows[:left, STATUS], left = Outcome.HTTP_ERROR, 500, 0
        return rows

    result = analysed(tmp_path, tiny(blocks=2), FakeLoad(spoil=spoil))
    assert 1_000 < result.rows(SYNC_HELLO).sum("requests") < 2_000
    assert result.rows(SYNC_HELLO).sum("failures") == failures
    assert (SYNC_HELLO not in validity.invalid_cells(validity.check(result))) == valid


def test_failures_do_not_count_as_throughput(tmp_path: Path) -> None:
    sound, spoiled = (
        analysed(tmp_path / "a", tiny(blocks=2), FakeLoad()),
        analysed(tmp_path / "b", tiny(blocks=2), failing(0.5)),
    )
    rates = [result.rows(SYNC_HELLO).median("throughput_rps") for result in (sound, spoiled)]
    assert rates[1] == pytest.approx(rates[0] / 2, rel=0.1)


def test_an_answer_before_its_wait_is_over_is_invalid(tmp_path: Path) -> None:
    load = FakeLoad(lambda slice_, rng: 5.0 if slice_.cell == SYNC_WAIT else 11.0)
    assert any(
        "fastest response 5.00 ms, minimum possible 10.0 ms" in text
        for text in reasons_of(analysed(tmp_path, tiny(blocks=2), load), SYNC_WAIT)
    )


def test_more_answers_than_little_s_law_allows_are_invalid(tmp_path: Path) -> None:
    def double(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        return np.repeat(rows, 2, axis=0) if slice_.cell == SYNC_HELLO else rows

    found = reasons_of(analysed(tmp_path, tiny(blocks=2), FakeLoad(spoil=double)), SYNC_HELLO)
    assert any("Little's law" in text for text in found)


def test_more_answers_than_the_concurrency_limit_allows_are_invalid(tmp_path: Path) -> None:
    """Eight users on an arm with a concurrency limit of two, yet nobody waits: the limit was not in force."""
    few = [arm.model_copy(update={"threads": 2}) if arm.name == "sync" else arm for arm in tiny(blocks=2).arms]
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad())
    scenario = tiny(arms=few)
    claimed = Analysis(**{**vars(result), "run": type(result.run)(result.run.path, result.run.head, scenario)})
    assert any("concurrency limit of 2 allows at most 200" in text for text in reasons_of(claimed, SYNC_WAIT))


def test_nothing_in_any_window_is_invalid(tmp_path: Path) -> None:
    def late(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if slice_.cell == SYNC_HELLO:
            rows[:, COLUMNS.index("done_ns")] += 10_000 * MS
        return rows

    assert any(
        "no correct response" in text
        for text in reasons_of(analysed(tmp_path, tiny(blocks=2), FakeLoad(spoil=late)), SYNC_HELLO)
    )


def test_a_busy_load_generator_is_invalid(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad())
    result.per_block["load_busy"] = 0.93
    assert any("load generator CPU 93 %" in text for text in reasons_of(result, SYNC_HELLO))


def test_steal_is_flagged_and_not_invalid(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad())
    result.per_block["steal"] = 0.10
    found = validity.check(result)
    assert all("CPU steal 10 %" in reason.text for reason in found)
    assert not validity.invalid_cells(found)


def test_a_cell_that_does_not_drain_is_flagged_as_overloaded(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad(shortage=lambda slice_: slice_.cell == SYNC_WAIT))
    assert any("overloaded" in text for text in reasons_of(result, SYNC_WAIT))


def test_a_queue_longer_than_its_slice_is_flagged(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad())
    result.per_block["mean_ms"] = 70_000.0
    assert any("exceeds the slice (60 s)" in text for text in reasons_of(result, SYNC_WAIT))


def test_an_a_a_pair_that_differs_is_flagged_with_its_ratio(tmp_path: Path) -> None:
    def uneven(slice_: Slice, rng: random.Random) -> float:
        return 10.0 * rng.uniform(0.99, 1.01) * (1.3 if slice_.cell.arm == "async again" else 1.0)

    result = analysed(tmp_path, tiny(blocks=3), FakeLoad(uneven))
    told = [text for text in reasons_of(result, Cell("async again", "hello", 4)) if text.startswith("A/A: ")]
    assert len(told) == 1
    assert "that of async, the same arm (p" in told[0]
    assert {one.arm for one in result.uneven} == {"async again"}


def test_a_refused_cell_is_invalid_with_verification_s_words(tmp_path: Path) -> None:
    stage = FakeStage({("sync", "hello"): "the sync/async pair disagrees: body 'a', other arms 'b'"})
    assert any(
        "the sync/async pair disagrees" in text
        for text in reasons_of(analysed(tmp_path, tiny(blocks=2), FakeLoad(), stage), SYNC_HELLO)
    )


def test_throughput_that_moves_within_the_windows_is_flagged(tmp_path: Path) -> None:
    def slowing(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        """From half a window on, three of four requests of one cell are not sent."""
        middle = rows[:, COLUMNS.index("sent_ns")].min() + 275 * MS
        late = rows[:, COLUMNS.index("sent_ns")] > middle
        return rows[~late | (np.arange(len(rows)) % 4 == 0)] if slice_.cell == SYNC_HELLO else rows

    result = analysed(tmp_path, tiny(blocks=2), FakeLoad(spoil=slowing))
    assert any("no steady state: throughput fell" in text for text in reasons_of(result, SYNC_HELLO))
    assert SYNC_HELLO not in validity.invalid_cells(validity.check(result))


def test_a_request_that_was_counted_and_not_stored_is_invalid(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=1), FakeLoad())
    notes = read_json(run / "blocks/000/block.json")
    cell = {"arm": "sync", "endpoint": "hello", "level": 4}
    index = next(s["index"] for s in notes["slices"] if s["cell"] == cell and s["purpose"] == "measure")
    next(p for p in notes["played"] if p["index"] == index)["requests"] += 1
    files.write_json(run / "blocks/000/block.json", notes)
    found = reasons_of(analyse(frames.open_run(run)), SYNC_HELLO)
    assert any("1 requests differ between schedule, counters and storage" in text for text in found)


# what the load generator, the server and the machine say of themselves: the fault is planted in one block's row


def planted(folder: Path, **columns: object) -> Analysis:
    """A sound run in whose second block the cell SYNC_WAIT has these figures instead."""
    result = analysed(folder, tiny(blocks=2), FakeLoad())
    rows = result.per_block
    place = (rows.arm == "sync") & (rows.endpoint == "wait ms=10") & (rows.block == 1)
    for column, value in columns.items():
        rows[column] = rows[column].astype(float)
        rows.loc[place, column] = value
    return result


@pytest.mark.parametrize(
    ("columns", "text", "invalid"),
    [
        (
            {"requests": 700, "lagging": 20, "lag_p99_ms": 12.0, "lag_limit_ms": 1.0},
            "send lag p99 12.0 ms in block 1",
            True,
        ),
        (
            {"ticks": 100, "late_ticks": 30, "worst_tick_ms": 300.0},
            "30 of 100 ticks of the load generator's 10 ms clock",
            True,
        ),
        ({"unseen": 1}, "1 requests differ between load generator and application", True),
        ({"workers": 2}, "2 worker processes, expected 1", True),
        ({"workers": 1, "new_workers": 1}, "1 workers exited under load and were replaced", True),
        ({"swapped_bytes": 4096 * 1024}, "4.00 MiB swapped", True),
        ({"in_flight": 7.9, "threads": 5}, "at most 5 threads seen", True),
        ({"dropped": 7}, "overloaded: 7 of", True),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_fault_in_one_block_is_enough(tmp_path: Path, columns: dict[str, object], text: str, invalid: bool) -> None:
    result = planted(tmp_path, **columns)
    found = [reason for reason in validity.check(result) if text in reason.text]
    assert [(reason.cell, reason.invalid) for reason in found] == [(SYNC_WAIT, invalid)]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"requests": 100, "lagging": 2, "lag_p99_ms": 12.0}, "two late requests of a hundred are bad luck"),
        ({"ticks": 100, "late_ticks": 2, "worst_tick_ms": 9.0}, "and so are two late ticks"),
        ({"in_flight": 7.9, "threads": 10}, "eight threads, and two that are not in the pool"),
        ({"workers": float("nan"), "new_workers": float("nan")}, "workers that nobody counted cannot be too few"),
    ],
)
def test_what_proves_nothing_is_not_told(tmp_path: Path, columns: dict[str, object], why: str) -> None:
    assert validity.check(planted(tmp_path, **columns)) == [], why


@pytest.mark.parametrize(
    ("columns", "text", "invalid"),
    [
        ({"others": 0.4}, "other processes used 40 % of a core (limit 10 %)", False),
        ({"upstream_late_ms": 7.5}, "slow API late by 7.50 ms (p99", False),
        ({"little": 0.2}, "Little's-law check off by 20 %", False),
        ({"unsettled": True}, "no steady state: not settled within half the slice in 2 of 2 blocks (MSER-5)", False),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_condition_of_all_blocks_is_flagged(
    tmp_path: Path, columns: dict[str, object], text: str, invalid: bool
) -> None:
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad())
    for column, value in columns.items():
        result.per_block[column] = value
    found = [reason for reason in validity.check(result) if reason.cell == SYNC_WAIT]
    assert [(text in reason.text, reason.invalid) for reason in found] == [(True, invalid)]


@pytest.mark.parametrize(
    ("share", "text", "invalid"),
    [(0.6, "(limit 50 %)", True), (0.4, "(limit 35 %)", False), (0.2, None, False)],
)
def test_the_load_generator_s_ceiling_bounds_what_may_be_offered(
    tmp_path: Path, share: float, text: str | None, invalid: bool
) -> None:
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad())
    rows = result.rows(SYNC_WAIT)
    result.run.head["calibration"] = {"ceiling_rps": float(np.median(rows["requests"] / rows["slice_s"]) / share)}
    found = [reason for reason in validity.check(result) if reason.cell == SYNC_WAIT]
    assert [reason.invalid for reason in found] == ([invalid] if text else [])
    assert all(text in reason.text for reason in found if text)


OPEN_LOOP = tiny(
    blocks=2,
    load=LoadSettings(mode="open", visits=1, slice_max_s=1.0),
    endpoints=[Endpoint(name="hello", rate=[100]), Endpoint(name="wait", query={"ms": 10}, rate=[200])],
)
SYNC_OPEN = Cell("sync", "wait ms=10", 200)


def opened(folder: Path, load: FakeLoad) -> Analysis:
    run = fake_run(folder, OPEN_LOOP, load)
    opened = frames.open_run(run)
    return analyse(type(opened)(opened.path, opened.head, OPEN_LOOP))


def test_a_sound_open_loop_run_has_no_reason_at_all(tmp_path: Path) -> None:
    assert validity.check(opened(tmp_path, FakeLoad())) == []


def spoiled(change: Callable[[np.ndarray], np.ndarray]) -> FakeLoad:
    return FakeLoad(spoil=lambda slice_, rows: change(rows) if slice_.cell == SYNC_OPEN else rows)


def late(rows: np.ndarray) -> np.ndarray:
    """Sent 300 ms late in the last third of the slice, as after a halt."""
    start = len(rows) * 2 // 3
    rows[start:, COLUMNS.index("sent_ns")] += 300 * MS
    rows[start:, COLUMNS.index("done_ns")] += 300 * MS
    return rows


def test_late_requests_name_send_lag_and_an_offered_rate_that_was_not_kept(tmp_path: Path) -> None:
    found = reasons_of(opened(tmp_path, spoiled(late)), SYNC_OPEN)
    assert any("send lag p99 300 ms" in text for text in found)
    assert any("due in block 0 (limit 1 %): the load generator did not keep up" in text for text in found)


def test_a_request_that_was_scheduled_and_never_recorded_is_invalid(tmp_path: Path) -> None:
    found = reasons_of(opened(tmp_path, spoiled(lambda rows: rows[1:])), SYNC_OPEN)
    assert any("2 requests differ between schedule, counters and storage" in text for text in found)


def test_dropped_arrivals_are_an_outcome_and_no_failure(tmp_path: Path) -> None:
    def drop(rows: np.ndarray) -> np.ndarray:
        rows[::10, OUTCOME], rows[::10, STATUS] = Outcome.DROPPED, 0
        return rows

    result = opened(tmp_path, spoiled(drop))
    assert any("overloaded: " in text and "(10 %)" in text for text in reasons_of(result, SYNC_OPEN))
    row, *_ = result.rows(SYNC_OPEN).each("requests", "dropped", "failures", "unaccounted")
    assert row["failures"] == 0
    assert abs(row["requests"] + row["dropped"] - 10 * row["dropped"]) < 10
    assert row["unaccounted"] == 0


def test_unfinished_requests_enter_the_latency_with_their_age(tmp_path: Path) -> None:
    def abandon(rows: np.ndarray) -> np.ndarray:
        rows[:, COLUMNS.index("done_ns")] += 900 * MS
        rows[:, OUTCOME] = Outcome.UNFINISHED
        return rows

    result = opened(tmp_path, spoiled(abandon))
    assert float(result.latencies[SYNC_OPEN].min()) > 900
    assert any("requests failed" in text for text in reasons_of(result, SYNC_OPEN))


def test_an_analysis_is_checked_once_however_often_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every panel of every chart asks: a run's report took 27 s of CPU for that."""
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad())
    asked: list[object] = []
    monkeypatch.setattr(validity, "_checked", lambda told: asked.append(told) or [])
    sound, _ = validity.sound(result)
    run_report.text(sound)
    validity.check(result).append("not kept")  # type: ignore[arg-type]
    assert validity.check(result) == []
    assert asked == [result]


def test_a_cell_whose_slices_all_ended_before_they_were_full_is_invalid_with_what_to_raise(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=2), FakeLoad())
    for notes in run.glob("blocks/*/block.json"):
        told = read_json(notes)
        own = {one["index"] for one in told["slices"] if one["cell"]["arm"] == "sync"}
        for played in told["played"]:
            if played["index"] in own:
                played["cut_ns"] = played["end_ns"]
        files.write_json(notes, told)
    result = analyse(frames.open_run(run))
    assert any(
        text.startswith("no correct response in any window: raise load.slice_max_s")
        for text in reasons_of(result, SYNC_HELLO)
    )
    assert reasons_of(result, Cell("async", "hello", 4)) == []
