"""The search for capacity against arms of known capacity, without a socket."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.scenarios import tiny
from support.searches import asked

from harness.plan import capacity_search, courses, layout
from harness.plan.capacity_search import Found
from harness.plan.confirmation import CONFIRMATIONS
from harness.plan.slices import Slice
from harness.samples import Played
from harness.scenario import objective

Holds = Callable[[Slice], float]
"""The rate up to which an arm meets its objective, for a slice."""


def play(slice_: Slice, holds: float) -> Played:
    """All in time up to `holds`, a tenth too late above."""
    requests = round(float(slice_.cell.level) * slice_.seconds)
    late = 0 if slice_.cell.level <= holds else -(-requests // 10)
    end_ns = int(slice_.seconds * 1e9)
    return Played(slice_.index, 0, 0, end_ns, end_ns, requests, 0, 0, late, False, 10.0, 1, 0, 0.0)


def search(
    holds: Holds, before: dict[tuple[str, str], float] | None = None, most: float = 1e6
) -> tuple[list[Found], list[Slice]]:
    slices: list[Slice] = []

    def played(slice_: Slice) -> Played:
        slices.append(slice_)
        return play(slice_, holds(slice_))

    return courses.follow(capacity_search.course(asked(), 0, before or {}, most), played), slices


@pytest.mark.parametrize("true_rate", [7.0, 60.0, 161.0, 734.0])
def test_the_rate_found_is_within_5_percent_of_the_true_one(true_rate: float) -> None:
    found, _ = search(lambda _: true_rate)
    for one in found:
        assert one.rate is not None
        assert true_rate / 1.055 <= one.rate <= true_rate
        assert not one.bounded


def test_a_later_block_starts_from_the_last_one_and_still_breaks_and_confirms_it() -> None:
    first, slices = search(lambda _: 161.0)
    before = {(one.arm, one.endpoint): one.rate for one in first if one.rate}
    again, fewer = search(lambda _: 161.0, before)
    assert len(fewer) < len(slices)
    for one in again:
        mine = [s for s in fewer if s.cell.arm == one.arm]
        assert any(s.cell.level > 161 for s in mine if s.purpose == "search")
        assert sum(s.purpose == "confirm" and s.cell.level == one.rate for s in mine) == CONFIRMATIONS
    drifted, _ = search(lambda _: 320.0, before)
    assert all(one.rate and 304 <= one.rate <= 320 for one in drifted)


@pytest.mark.parametrize("unlucky", range(1, 9))
def test_one_hiccup_of_the_machine_does_not_lower_the_rate(unlucky: int) -> None:
    """The objective is missed in one slice that would have met it, whichever that is."""
    seen = 0

    def holds(slice_: Slice) -> float:
        nonlocal seen
        seen += slice_.cell.arm == "sync" and slice_.purpose == "search"
        return 0.0 if seen == unlucky and slice_.cell.arm == "sync" and slice_.purpose == "search" else 161.0

    found, _ = search(holds)
    assert [round(one.rate or 0) for one in found] == pytest.approx([157, 157], abs=5)


def test_searches_take_turns() -> None:
    _, slices = search(lambda _: 161.0)
    arms = [slice_.cell.arm for slice_ in slices]
    for start in range(0, 10, 2):
        assert set(arms[start : start + 2]) == {"sync", "async"}


def test_arms_get_the_same_arrivals_at_the_same_rate_and_other_ones_when_it_is_tried_again() -> None:
    _, slices = search(lambda _: 161.0)
    tried: dict[str, dict[float, list[int]]] = {"sync": {}, "async": {}}
    for slice_ in slices:
        if slice_.purpose == "search":
            tried[slice_.cell.arm].setdefault(slice_.cell.level, []).append(slice_.seed)
    both = tried["sync"].keys() & tried["async"].keys()
    assert len(both) > 3
    for level in both:
        assert tried["sync"][level][0] == tried["async"][level][0]
    assert any(len(seeds) > 1 for seeds in tried["sync"].values())
    assert all(len(set(seeds)) == len(seeds) for seeds in tried["sync"].values())


def test_the_load_generator_s_limit_ends_a_search_and_is_told() -> None:
    found, slices = search(lambda _: 1e9, most=700.0)
    assert [(one.rate, one.bounded) for one in found] == [(700.0, True)] * 2
    assert max(slice_.cell.level for slice_ in slices) == 700.0


def test_an_arm_that_never_meets_its_objective_has_no_rate() -> None:
    found, _ = search(lambda _: 0.0)
    assert [one.rate for one in found] == [None, None]


def test_a_refused_cell_ends_its_search() -> None:
    found = courses.follow(capacity_search.course(asked(), 0, {}, 1e6), lambda _: None)
    assert [one.rate for one in found] == [None, None]


def test_one_late_request_of_fifty_is_bad_luck_and_eight_are_not() -> None:
    asked = objective.parse("p99 <= 250ms")
    assert not asked.surely_missed(50, 1)
    assert asked.surely_missed(50, 8)
    assert asked.surely_missed(0, 0)  # nothing came back at all
    assert asked.met(1000, 10)
    assert not asked.met(1000, 11)


@pytest.mark.parametrize(
    ("text", "quantile", "limit_ms"),
    [("p99 <= 250ms", 0.99, 250), ("p99.9<=1.5s", 0.999, 1500), ("p50 <= 5 ms", 0.5, 5)],
)
def test_an_objective_is_read(text: str, quantile: float, limit_ms: float) -> None:
    assert objective.parse(text) == objective.Objective(quantile, limit_ms)


def test_confirming_slices_have_the_samples_for_their_percentile() -> None:
    _, slices = search(lambda _: 7.0)
    confirming = [s for s in slices if s.purpose == "confirm" and s.cell.arm == "sync"][-CONFIRMATIONS:]
    assert sum(s.seconds * s.cell.level for s in confirming) >= 662


def test_a_search_sees_a_queue_that_surely_grows_before_anything_is_late() -> None:
    """Half a second at 1 100/s on an arm that serves 943/s: 79 more under way in its second half, and nobody is late yet."""
    slices: list[Slice] = []

    def played(slice_: Slice) -> Played:
        slices.append(slice_)
        rate = float(slice_.cell.level)
        grown = max(0.0, rate - 943) * slice_.seconds / 2
        return replace(play(slice_, 1e9), in_flight=(rate / 10, rate / 10 + grown))

    found = courses.follow(capacity_search.course(asked(), 0, {}, 1e6), played)
    rate = next(one.rate for one in found if one.arm == "async")
    assert rate is not None
    assert 850 < rate < 1_010
    confirming = [one for one in slices if one.purpose == "confirm" and one.cell.arm == "async"]
    assert len(confirming) <= 2 * CONFIRMATIONS


def test_chance_in_what_is_under_way_ends_no_search() -> None:
    found, _ = search(lambda _: 734.0)
    wavering = courses.follow(
        capacity_search.course(asked(), 0, {}, 1e6),
        lambda slice_: replace(play(slice_, 734.0), in_flight=(60.0, 80.0)),  # type: ignore[union-attr, arg-type]
    )
    assert [one.rate for one in wavering] == [one.rate for one in found]


def test_no_rate_is_tried_that_no_queue_sustains() -> None:
    """Eight threads of 10 ms each: 800 requests per second at most, whatever a short slice shows."""
    found, slices = search(lambda _: 1e9, most=2_000.0)
    assert max(slice_.cell.level for slice_ in slices if slice_.cell.arm == "sync") == 800.0
    assert [(one.arm, one.rate, one.bounded) for one in found] == [("sync", 800.0, False), ("async", 2_000.0, True)]


def test_the_plan_of_a_search_has_no_slices_and_its_own_hash() -> None:
    blocks = layout.expand(asked())
    assert [block.slices for block in blocks] == [()] * 3
    assert layout.digest(asked(), blocks) != layout.digest(asked(start_rate=70), layout.expand(asked(start_rate=70)))
    assert capacity_search.expected_s(asked()) > 60


def test_a_closed_scenario_without_a_time_knows_its_slices_beforehand() -> None:
    assert not tiny().adaptive
    assert asked().adaptive
