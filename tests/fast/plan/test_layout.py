"""The plan: every cell in every round, shuffled, seeded, pure."""

from collections import Counter
from dataclasses import replace

import pytest
from support.fakes import MS
from support.scenarios import tiny

from harness.plan import layout
from harness.plan.slices import Call, Cell, Slice
from harness.scenario.model import Scenario


def test_every_round_visits_every_cell_once() -> None:
    scenario = tiny()
    cells = [cell for cell, _, _ in layout.cells(scenario)]
    for block in layout.expand(scenario):
        rounds = [block.slices[i : i + len(cells)] for i in range(0, len(block.slices), len(cells))]
        assert len(rounds) == 1 + scenario.load.visits
        for one in rounds:
            assert Counter(slice_.cell for slice_ in one) == Counter(cells)


def test_the_first_round_of_a_block_is_warm_up_and_only_that() -> None:
    scenario = tiny()
    count = len(list(layout.cells(scenario)))
    for block in layout.expand(scenario):
        assert [slice_.purpose for slice_ in block.slices] == ["warm-up"] * count + ["measure"] * (
            count * scenario.load.visits
        )


def test_the_order_differs_between_rounds_and_between_blocks() -> None:
    blocks = layout.expand(tiny())
    count = len(list(layout.cells(tiny())))
    orders = {
        tuple(slice_.cell for slice_ in block.slices[i : i + count])
        for block in blocks
        for i in range(0, len(block.slices), count)
    }
    assert len(orders) > 20  # of 24 rounds of 6 cells


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert digest(tiny()) == digest(tiny())
    assert digest(tiny()) != digest(tiny(seed=2))


def test_the_first_blocks_of_a_longer_run_are_those_of_a_shorter_one() -> None:
    assert layout.expand(tiny(blocks=3)) == layout.expand(tiny(blocks=6))[:3]


def test_a_warm_up_slice_is_long_enough_to_see_its_endpoint_s_latency() -> None:
    for slice_ in layout.expand(tiny())[0].slices:
        assert slice_.seconds >= 2 * slice_.least_s if slice_.purpose == "warm-up" else slice_.seconds > 0


def test_the_path_carries_view_endpoint_and_query() -> None:
    paths = {slice_.calls[0].path for slice_ in layout.expand(tiny())[0].slices}
    assert paths == {"/sync/hello/", "/async/hello/", "/sync/wait/?ms=10", "/async/wait/?ms=10"}


def test_the_expected_time_grows_with_the_blocks() -> None:
    assert layout.expected_s(tiny(blocks=12)) == 2 * layout.expected_s(tiny(blocks=6))


def digest(scenario: Scenario) -> str:
    return layout.digest(scenario, layout.expand(scenario))


def slice_(least_s: float = 0.0, seconds: float = 0.25, longest_s: float = 2.0) -> Slice:
    return Slice(0, Cell("arm", "wait", 1), (Call("wait", "/"),), "measure", least_s, seconds, longest_s, 1)


@pytest.mark.parametrize(
    ("asked", "latency_ms", "filling_ms"),
    [
        (slice_(), None, 0),  # nothing known, nothing waited for: all users start at once
        (slice_(), 5, 5),  # their starts are spread over the cell's latency
        (slice_(least_s=0.1), None, 100),  # the declared wait stands in for an unknown latency
        (slice_(least_s=0.1), 20, 100),  # and is its least
    ],
)
def test_users_starts_are_spread_over_the_latency_that_is_known(
    asked: Slice, latency_ms: float | None, filling_ms: float
) -> None:
    assert layout.told(asked, latency_ms)["filling_ns"] == filling_ms * MS


def test_a_slice_lasts_five_latencies_and_a_warm_up_until_it_is_full() -> None:
    assert layout.told(slice_(), None)["latencies"] == 5
    assert layout.told(replace(slice_(), purpose="warm-up"), None)["latencies"] == 0


def test_a_control_is_asked_once_to_warm_up_what_only_its_arm_is_measured_for() -> None:
    few, many = tiny().endpoints
    only = many.model_copy(update={"arms": ["sync", "async"]})
    scenario = tiny(endpoints=[few, only])
    assert layout.rehearsals(tiny()) == []
    assert [(cell.arm, cell.endpoint) for cell, _, _ in layout.rehearsals(scenario)] == [("async again", only.label)]
    (first, *_) = layout.expand(scenario)
    of_it = [one for one in first.slices if (one.cell.arm, one.cell.endpoint) == ("async again", only.label)]
    assert [one.purpose for one in of_it] == ["warm-up"]
    assert of_it[0].calls[0].path.startswith("/async/")
