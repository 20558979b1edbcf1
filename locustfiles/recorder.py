"""Raw samples in memory, handed on in batches: to Locust's statistics, and to a file of int64 rows.

Locust's `request` event costs about as much as the request itself, so nothing is fired per request:
`record` is a bound `array.extend`, and a batch is folded into Locust's statistics with the method Locust itself uses to merge
the reports of its workers.
"""

import time
from array import array
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from locust.stats import RequestStats, StatsEntry, StatsError
from numpy.typing import NDArray

from harness.samples import COLUMNS, Outcome

INTENDED, DONE = COLUMNS.index("intended_ns"), COLUMNS.index("done_ns")

OUTCOME, BYTES = COLUMNS.index("outcome"), COLUMNS.index("bytes")

Rows = NDArray[np.int64]


class Recorder:
    """Collects rows of `harness.samples.COLUMNS` until they are taken."""

    def __init__(self) -> None:
        self._rows = array("q")
        self.record: Callable[[tuple[int, ...]], None] = self._rows.extend

    def take(self) -> Rows:
        """All rows since the last call, shape (requests, len(COLUMNS)); the recorder is empty afterwards."""
        rows = np.array(self._rows, dtype=np.int64).reshape(-1, len(COLUMNS))
        del self._rows[:]
        return rows


def write(rows: Rows, file: BinaryIO) -> None:
    """Append the rows to the file as native int64, row by row."""
    file.write(rows.tobytes())
    file.flush()


def fold_into(stats: RequestStats, name: str, rows: Rows) -> None:
    """Add a batch of GET requests called `name` to Locust's statistics."""
    if not len(rows):
        return
    batch = _entry(stats, name, rows)
    stats.total.extend(batch)
    stats.entries[(name, "GET")].extend(batch)
    for outcome, count in _counts(rows[rows[:, OUTCOME] != Outcome.OK, OUTCOME]):
        message = Outcome(outcome).name.lower().replace("_", " ")
        key = StatsError.create_key("GET", name, message)
        error = stats.errors.setdefault(key, StatsError("GET", name, message))
        error.occurrences += count


def _entry(stats: RequestStats, name: str, rows: Rows) -> StatsEntry:
    """The batch as Locust would have counted it, request by request."""
    entry = StatsEntry(stats, name, "GET")
    latency_ms = (rows[:, DONE] - rows[:, INTENDED]) / 1e6
    wall_offset_ns = time.time_ns() - time.perf_counter_ns()
    second = (rows[:, DONE] + wall_offset_ns) // 1_000_000_000
    failed = rows[:, OUTCOME] != Outcome.OK
    entry.start_time = float((rows[:, INTENDED].min() + wall_offset_ns) / 1e9)  # extend() keeps the earliest
    entry.num_requests = len(rows)
    entry.num_failures = int(failed.sum())
    entry.total_response_time = round(latency_ms.sum())
    entry.min_response_time = round(latency_ms.min())
    entry.max_response_time = round(latency_ms.max())
    entry.total_content_length = int(rows[:, BYTES].sum())
    entry.last_request_timestamp = float((rows[:, DONE].max() + wall_offset_ns) / 1e9)
    entry.num_reqs_per_sec.update(_counts(second))
    entry.num_fail_per_sec.update(_counts(second[failed]))
    entry.response_times.update(_counts(buckets(latency_ms)))
    return entry


def buckets(latency_ms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Locust's `bucket_response_time` for a whole array: two significant digits from 100 ms on."""
    step = np.select([latency_ms < 100, latency_ms < 1_000, latency_ms < 10_000], [1, 10, 100], default=1_000)
    bucket: NDArray[np.int64] = (np.rint(latency_ms / step) * step).astype(np.int64)
    return bucket


def _counts(values: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Each distinct value with how often it occurs."""
    unique, counts = np.unique(values, return_counts=True)
    return list(zip(unique.tolist(), counts.tolist(), strict=True))
