"""The whole pipeline without sockets: a plan in, a report out; and what is on disk between."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.fakes import MS, FakeLoad
from support.latencies import slower_when_sync
from support.runs import analysed, fake_run
from support.scenarios import tiny

from harness.analysis import analysis, frames
from harness.plan.slices import Cell, Slice
from harness.registry.metrics import METRICS
from harness.samples import COLUMNS, OTHERS_MOST
from harness.verdicts import verdict

THROUGHPUT = METRICS[0]


def test_a_true_factor_of_two_comes_out_as_a_factor_of_two(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=3), FakeLoad(slower_when_sync))
    found = [c for c in result.compared if c.endpoint == "hello" and c.metric is THROUGHPUT]
    assert found[0].ratio.value == pytest.approx(2.0, rel=0.03)
    assert verdict.of(found[0], result).word == "faster"


def test_throughput_counts_correct_responses_done_in_the_window(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=2), FakeLoad())
    result = analysis.analyse(frames.open_run(run))
    block = frames.read_block(run / "blocks" / "000")
    cell = Cell("async", "hello", 4)
    chosen = block.slices[
        (block.slices.arm == "async") & (block.slices.endpoint == "hello") & (block.slices.purpose == "measure")
    ]
    expected, seconds = 0, 0.0
    for one in chosen.itertuples():
        rows = block.requests[block.requests.slice == one.index]
        expected += ((rows.done_ns >= one.cut_ns) & (rows.done_ns < one.end_ns) & (rows.outcome == 0)).sum()
        seconds += (one.end_ns - one.cut_ns) / 1e9
    row, *_ = result.rows(cell).each("throughput_rps", "requests")
    assert row["throughput_rps"] == pytest.approx(expected / seconds)
    assert row["requests"] == sum((block.requests.slice == one.index).sum() for one in chosen.itertuples())


@pytest.mark.parametrize("by", ["others_ns", "steal_ns"])
@pytest.mark.parametrize(("disturbed", "kept"), [([0], [1, 2]), ([0, 2], [1]), ([0, 1, 2], [0, 1, 2]), ([], [0, 1, 2])])
def test_a_visit_that_others_disturbed_is_not_analysed_where_there_is_another(
    tmp_path: Path, by: str, disturbed: list[int], kept: list[int]
) -> None:
    """It is counted: failures of it are failures."""
    run, cell = fake_run(tmp_path, tiny(blocks=1), FakeLoad(slower_when_sync)), Cell("async", "hello", 4)
    folder = run / "blocks" / "000"
    block = frames.read_block(folder)
    of_cell = (block.slices.arm == cell.arm) & (block.slices.endpoint == cell.endpoint)
    visits = block.slices[of_cell & (block.slices.purpose == "measure")]
    assert len(visits) == 3
    conditions = pd.read_parquet(folder / "conditions.parquet")
    others = conditions.slice.isin(visits["index"].iloc[disturbed])
    conditions[by] = ((0.3 + 2 * OTHERS_MOST * others) * conditions.wall_ns).astype(np.int64)
    conditions.to_parquet(folder / "conditions.parquet")
    row, *_ = analysis.analyse(frames.open_run(run)).rows(cell).each("window_s", "requests", "throughput_rps")
    chosen = visits.iloc[kept]
    assert row["window_s"] == pytest.approx((chosen.end_ns - chosen.cut_ns).sum() / 1e9)
    assert row["requests"] == block.requests.slice.isin(visits["index"]).sum()


def test_percentiles_are_those_of_the_merged_raw_samples(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=2), FakeLoad())
    result = analysis.analyse(frames.open_run(run))
    cell, merged = Cell("async", "wait ms=10", 8), []
    for folder in sorted((run / "blocks").iterdir()):
        block = frames.read_block(folder)
        joined = block.requests.merge(block.slices, left_on="slice", right_on="index")
        joined = joined[(joined.arm == cell.arm) & (joined.endpoint == cell.endpoint) & (joined.purpose == "measure")]
        joined = joined[(joined.sent_ns >= joined.cut_ns) & (joined.sent_ns < joined.end_ns)]
        merged.append((joined.done_ns - joined.intended_ns) / MS)
    p95 = next(metric for metric in METRICS if metric.column == "p95_ms")
    assert result.estimate(cell, p95).value == pytest.approx(np.quantile(pd.concat(merged), 0.95), rel=0.001)


def test_a_connection_that_is_opened_while_a_slice_fills_is_not_told(tmp_path: Path) -> None:
    """As a level's further users open theirs when it is first visited; the window begins 50 ms after the slice."""

    def opened(until_ms: int) -> float:
        def spoil(slice_: Slice, rows: np.ndarray) -> np.ndarray:
            since = rows[:, COLUMNS.index("intended_ns")] - rows[:, COLUMNS.index("intended_ns")].min()
            rows[:, COLUMNS.index("reused")] = since >= until_ms * MS
            return rows

        result = analysed(tmp_path / str(until_ms), tiny(blocks=1), FakeLoad(spoil=spoil))
        return float(result.rows(Cell("sync", "hello", 4))["connections_per_request"][0])

    assert opened(until_ms=40) == 0
    assert 0.1 < opened(until_ms=200) < 0.6
