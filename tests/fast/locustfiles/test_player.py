"""The load generator's arithmetic: how long a slice lasts, and whether batches leave Locust's statistics right."""

import random
import time

import numpy as np
import pytest
from locust.stats import RequestStats

from harness.samples import COLUMNS, Outcome
from locustfiles.player import in_flight
from locustfiles.recorder import Recorder, fold_into

MS = 1_000_000


def rows(count: int) -> np.ndarray:
    rng, now = random.Random(7), time.perf_counter_ns()
    made = []
    for i in range(count):
        sent = now - rng.randrange(3_000) * MS
        outcome = rng.choice([Outcome.OK] * 9 + [Outcome.HTTP_ERROR])
        made.append(
            (0, i, sent, sent, 0, sent + rng.randrange(1, 4_000_000_000), 200, outcome, rng.randrange(500), 1, 0)
        )
    return np.array(made, dtype=np.int64)


def test_a_batch_leaves_locust_s_statistics_as_single_requests_would() -> None:
    batch = rows(3_000)
    ours, theirs = RequestStats(), RequestStats()
    half = len(batch) // 2
    fold_into(ours, "x", batch[:half])
    fold_into(ours, "x", batch[half:])
    for row in batch.tolist():
        named = dict(zip(COLUMNS, row, strict=True))
        theirs.log_request("GET", "x", (named["done_ns"] - named["intended_ns"]) / 1e6, named["bytes"])
        if named["outcome"] != Outcome.OK:
            theirs.log_error("GET", "x", Outcome(named["outcome"]).name.lower().replace("_", " "))
    for mine, reference in ((ours.total, theirs.total), (ours.get("x", "GET"), theirs.get("x", "GET"))):
        assert mine.num_requests == reference.num_requests
        assert mine.num_failures == reference.num_failures
        assert mine.total_content_length == reference.total_content_length
        assert mine.total_response_time == pytest.approx(reference.total_response_time, rel=1e-4)
        assert mine.response_times == reference.response_times
        for quantile in (0.5, 0.95, 0.99):
            assert mine.get_response_time_percentile(quantile) == reference.get_response_time_percentile(quantile)
    assert {e.error: e.occurrences for e in ours.errors.values()} == {
        e.error: e.occurrences for e in theirs.errors.values()
    }


def test_locust_s_rate_is_that_of_the_time_since_the_first_request() -> None:
    """A batch arrives a second late; its statistics must not start a second late."""
    stats, now = RequestStats(), time.perf_counter_ns()
    made = [(0, 0, now - 4_000 * MS + i * MS, 0, 0, now - 3_999 * MS + i * MS, 200, 0, 1, 1, 0) for i in range(4_000)]
    fold_into(stats, "x", np.array(made, dtype=np.int64))
    assert stats.get("x", "GET").total_rps == pytest.approx(1_000, rel=0.01)


def test_an_empty_batch_changes_nothing() -> None:
    stats = RequestStats()
    fold_into(stats, "x", Recorder().take())
    assert stats.total.num_requests == 0


def test_taking_rows_empties_the_recorder() -> None:
    recorder = Recorder()
    recorder.record(tuple(range(len(COLUMNS))))
    assert recorder.take().tolist() == [list(range(len(COLUMNS)))]
    assert recorder.take().shape == (0, len(COLUMNS))


def test_what_is_under_way_is_told_for_each_half_of_the_window() -> None:
    """Two requests in the first half, of which one goes on, and one more in the second; a dropped one counts for nothing."""
    spans = [(0, 500, Outcome.OK), (-100, 1_200, Outcome.OK), (500, 900, Outcome.OK), (0, 1_000, Outcome.DROPPED)]
    made = np.zeros((len(spans), len(COLUMNS)), dtype=np.int64)
    for row, (intended, done, outcome) in zip(made, spans, strict=True):
        row[[COLUMNS.index(name) for name in ("intended_ns", "done_ns", "outcome")]] = intended, done, outcome
    assert in_flight(made, 0, 1_000) == pytest.approx((2.0, 1.8))
