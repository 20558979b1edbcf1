"""A block that has a certain time: nothing is left out, the time is kept, and it goes where it narrows most."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.scenarios import tiny

from harness.errors import UserError
from harness.plan import courses, groups, layout, time_budget
from harness.plan.earlier import Earlier, spare_s
from harness.plan.slices import Slice
from harness.samples import Played
from harness.scenario.model import Scenario

LENGTH_S = {"hello": 0.3, "wait ms=10": 2.0}


def played(slice_: Slice, length_s: float, rate: float) -> Played:
    """A slice of this length with this rate."""
    end_ns = int(length_s * 1e9)
    counted = {
        "dropped": 0,
        "failures": 0,
        "late": 0,
        "shortage": False,
        "ticks": 1,
        "late_ticks": 0,
        "worst_tick_ms": 0.1,
    }
    return Played(slice_.index, 0, 0, end_ns, end_ns, requests=int(rate * length_s), latency_ms=1.0, **counted)  # type: ignore[arg-type]


Before = list[Earlier]


def block(
    scenario: Scenario,
    seconds: float,
    rate: Callable[[Slice], float] = lambda _: 1_000.0,
    before: Before | None = None,
    disturbed: Callable[[Slice], bool] = lambda _: False,
) -> tuple[list[Slice], float]:
    """The slices of its first block, and how long they took. `disturbed`: beside which other processes were busy."""
    course, asked, took_s = time_budget.course(scenario, 0, seconds, before=before or []), list[Slice](), 0.0
    try:
        slice_ = next(course)
        while True:
            asked.append(slice_)
            length_s = LENGTH_S[slice_.cell.endpoint]
            took_s += length_s + layout.PAUSE_S
            slice_ = course.send(replace(played(slice_, length_s, rate(slice_)), disturbed=disturbed(slice_)))
    except StopIteration:
        return asked, took_s


def timed(**changes: object) -> Scenario:
    return tiny(time=600.0, blocks=4, **changes)


def measured(slices: list[Slice], endpoint: str) -> int:
    return sum(one.purpose == "measure" and one.cell.endpoint == endpoint for one in slices)


def test_every_cell_is_warmed_up_and_measured_however_short_the_time() -> None:
    slices, _ = block(timed(), seconds=1.0)
    cells = {cell for cell, _, _ in layout.cells(timed())}
    for purpose in ("warm-up", "measure"):
        assert {one.cell for one in slices if one.purpose == purpose} == cells
    assert [one.index for one in slices] == list(range(len(slices)))


@pytest.mark.parametrize("seconds", [40.0, 90.0, 200.0])
def test_the_time_is_kept_and_used(seconds: float) -> None:
    _, took_s = block(timed(), seconds)
    assert 0.9 * seconds <= took_s <= seconds


def test_no_cell_is_measured_much_less_often_than_the_others_of_its_endpoint() -> None:
    slices, _ = block(timed(), 120.0)
    for endpoint in LENGTH_S:
        counts = Counter(one.cell.arm for one in slices if one.cell.endpoint == endpoint and one.purpose == "measure")
        hub = groups.hub_of(timed())
        others = {count for arm, count in counts.items() if arm != hub}
        assert len(others) == 1
        assert counts[str(hub)] >= min(others)


def earlier(rate: Callable[[Slice, random.Random], float], blocks: int = 4, visits: int = 5) -> Before:
    """Visits of the blocks before, each with this rate."""
    rng = random.Random(1)
    slices = [one for one in block(timed(), 1.0)[0] if one.purpose == "measure"]
    return [
        Earlier(index, (one.cell,), (played(one, LENGTH_S[one.cell.endpoint], rate(one, rng)),))
        for index in range(blocks)
        for one in visits * slices
    ]


def counts(slices: list[Slice], endpoint: str = "hello") -> Counter[str]:
    """Arm → how often it was measured there."""
    return Counter(one.cell.arm for one in slices if one.cell.endpoint == endpoint and one.purpose == "measure")


def quiet(_: Slice, rng: random.Random) -> float:
    return 1_000.0 * rng.uniform(0.98, 1.02)


def test_more_time_goes_where_visits_of_the_blocks_before_differed_more() -> None:
    def wild(slice_: Slice, rng: random.Random) -> float:
        return quiet(slice_, rng) * (rng.uniform(0.3, 3.0) if slice_.cell.endpoint == "hello" else 1.0)

    alike, differing = (block(timed(), 100.0, before=earlier(rate))[0] for rate in (quiet, wild))
    assert measured(differing, "hello") > 1.5 * measured(alike, "hello")


def test_what_differs_from_block_to_block_is_no_reason_to_look_again() -> None:
    """No visit more of this block lowers it."""
    drifting = earlier(quiet)
    for place, one in enumerate(drifting):
        faster = replace(one.played[0], requests=int(one.played[0].requests * (1 + one.block)))
        drifting[place] = replace(one, played=(faster,))
    alike = block(timed(), 100.0, before=earlier(quiet))[0]
    assert block(timed(), 100.0, before=drifting)[0] == alike


def test_what_a_block_shows_itself_does_not_decide_what_it_looks_at() -> None:
    rng = random.Random(2)
    cells = [
        [one.cell for one in block(timed(), 60.0, rate)[0]] for rate in (lambda _: 1e3, lambda _: 1e3 * rng.random())
    ]
    assert cells[0] == cells[1]


def test_an_arm_whose_visits_others_disturbed_is_visited_again() -> None:
    seen = Counter[str]()

    def disturbed(slice_: Slice) -> bool:
        """The first four visits of this arm."""
        seen[slice_.cell.arm] += slice_.purpose == "measure" and slice_.cell.endpoint == "hello"
        return slice_.cell.arm == "async again" and slice_.cell.endpoint == "hello" and seen["async again"] <= 4

    alike = counts(block(timed(), 100.0)[0])
    again = counts(block(timed(), 100.0, disturbed=disturbed)[0])
    assert again["async again"] - again["sync"] > alike["async again"] - alike["sync"]


def test_a_visit_that_others_disturbed_says_nothing_of_how_much_visits_differ() -> None:
    one = earlier(quiet)[0]
    assert one.log is not None
    assert replace(one, played=(replace(one.played[0], disturbed=True),)).log is None


def test_an_arm_that_shows_the_same_each_time_is_left_out_of_most_rounds() -> None:
    def wild(slice_: Slice, rng: random.Random) -> float:
        return 1_000.0 * (1.0 if slice_.cell.arm == "sync" else rng.uniform(0.5, 2.0))

    slices, took_s = block(timed(), 300.0, before=earlier(wild))
    assert 1 < counts(slices)["sync"] < 0.6 * counts(slices)["async again"]
    assert took_s > 270


def test_arms_that_were_far_apart_in_the_blocks_before_get_no_more_than_every_arm_does() -> None:
    def far(slice_: Slice, rng: random.Random) -> float:
        return quiet(slice_, rng) * (2 if (slice_.cell.arm, slice_.cell.endpoint) == ("sync", "hello") else 1)

    alike, apart = (counts(block(timed(), 100.0, before=earlier(rate))[0]) for rate in (quiet, far))
    assert apart["sync"] < 0.7 * apart["async again"]
    assert alike["sync"] > 0.9 * alike["async again"]


def test_an_arm_that_only_fails_draws_no_further_rounds() -> None:
    course, asked = time_budget.course(timed(), 0, 60.0), list[Slice]()
    try:
        slice_ = next(course)
        while True:
            asked.append(slice_)
            told = played(slice_, LENGTH_S[slice_.cell.endpoint], 1_000.0)
            slice_ = course.send(replace(told, failures=told.requests) if slice_.cell.arm == "sync" else told)
    except StopIteration:
        pass
    assert counts(asked)["sync"] == 1
    assert counts(asked)["async again"] > 5


def test_a_control_has_its_arm_s_past_before_anything_is_measured() -> None:
    few, many = timed().endpoints
    slices, _ = block(timed(endpoints=[few, many.model_copy(update={"arms": ["sync", "async"]})]), 60.0)
    own = [(one.cell.endpoint, one.purpose) for one in slices if one.cell.arm == "async again"]
    assert own.count((many.label, "warm-up")) == 1
    assert (many.label, "measure") not in own
    first = next(place for place, one in enumerate(slices) if one.purpose == "measure")
    assert (many.label, "async again") in [(one.cell.endpoint, one.cell.arm) for one in slices[:first]]


def test_whether_a_collection_fell_into_a_visit_is_no_difference_between_visits() -> None:
    (slice_, *_), _ = block(timed(), 1.0)
    one = played(slice_, 1.0, 900.0)
    assert time_budget.rate_of(one) == 900.0
    assert time_budget.rate_of(replace(one, server_gc_ns=100_000_000)) == pytest.approx(1_000.0)
    assert time_budget.rate_of(replace(one, server_gc_ns=5_000_000_000)) == pytest.approx(1_800.0)


def test_an_endpoint_that_waits_with_many_users_is_warm_as_soon_as_it_is_full() -> None:
    few, many = timed().endpoints
    scenario = timed(endpoints=[few, many.model_copy(update={"users": [50]})])
    warm = {one.cell.endpoint for one in block(scenario, 60.0)[0] if one.purpose == "warm-up"}
    assert warm == {few.label}
    at_once = timed(endpoints=[few.model_copy(update={"users": [50]}), many])  # whose users would all start at once
    assert few.label in {one.cell.endpoint for one in block(at_once, 60.0)[0] if one.purpose == "warm-up"}


def test_the_arm_of_most_comparisons_stands_between_the_others() -> None:
    slices, _ = block(timed(), 60.0)
    assert groups.hub_of(timed()) == "async"
    short = [one.cell.arm for one in slices if one.cell.endpoint == "hello" and one.purpose == "measure"]
    later = short[len(set(short)) :]  # after the first round, which visits each once
    assert later[0::2] == ["async"] * (len(later) // 2)
    assert "async" not in later[1::2]


def test_the_same_answers_give_the_same_course_and_another_seed_another() -> None:
    first, again, other = (block(timed(seed=seed), 60.0)[0] for seed in (1, 1, 2))
    assert first == again
    assert [one.cell for one in first] != [one.cell for one in other]


def test_what_is_left_of_the_time_is_shared_by_the_blocks_that_are_left() -> None:
    def standing(elapsed_s: float, finished: int) -> courses.Standing:
        return courses.Standing(lambda _: {}, 0.0, elapsed_s, finished)

    scenario = timed()
    counted = {}
    for name, so_far in {"first": standing(0.0, 0), "late": standing(520.0, 3)}.items():
        course, slices = courses.course(scenario, layout.expand(scenario)[0], so_far), 0
        try:
            slice_ = next(course)
            while True:
                slices += 1
                slice_ = course.send(played(slice_, LENGTH_S[slice_.cell.endpoint], 1_000.0))
        except StopIteration:
            counted[name] = slices
    assert counted["first"] > 1.5 * counted["late"]


def test_a_time_in_which_not_every_cell_can_be_measured_is_refused_with_what_it_takes() -> None:
    with pytest.raises(
        UserError, match=r"time: expected at least about \d+m for 6 cells in each of 4 blocks, got 10 s"
    ):
        courses.refuse_too_short(tiny(time=10.0, blocks=4))
    courses.refuse_too_short(timed())


def refused(scenario: Scenario, seconds: float, nothing: Callable[[Slice], bool]) -> list[Slice]:
    """The slices of its first block where some cells cannot be loaded."""
    course, asked = time_budget.course(scenario, 0, seconds), list[Slice]()
    try:
        slice_ = next(course)
        while True:
            asked.append(slice_)
            assert len(asked) < 10_000, "it does not end"
            length_s = LENGTH_S[slice_.cell.endpoint]
            slice_ = course.send(None if nothing(slice_) else played(slice_, length_s, 1_000.0))
    except StopIteration:
        return asked


def test_an_endpoint_that_is_refused_on_every_arm_takes_no_time_from_the_others() -> None:
    asked = refused(timed(), 60.0, lambda slice_: slice_.cell.endpoint == "hello")
    assert measured(asked, "hello") <= 8
    assert measured(asked, "wait ms=10") > 12
    assert refused(timed(), 60.0, lambda _: True)


def test_an_endpoint_that_only_the_arm_of_most_comparisons_serves_is_measured() -> None:
    endpoints = [timed().endpoints[0].model_copy(update={"arms": ["async"]}), timed().endpoints[1]]
    assert measured(refused(timed(endpoints=endpoints), 60.0, lambda _: False), "hello") > 1


def test_to_warm_up_every_cell_is_visited_once() -> None:
    slices, _ = block(timed(), 200.0)
    warm = Counter(one.cell for one in slices if one.purpose == "warm-up")
    assert set(warm.values()) == {1}


@pytest.mark.parametrize(
    ("elapsed_s", "measured"),
    [(0.0, [0, 1, 2, 3]), (590.0, [0, 1, 2]), (450.0, [0, 1, 2, 3]), (5_000.0, [0, 1, 2])],
)
def test_a_run_ends_after_its_time_and_not_before_a_third_block(elapsed_s: float, measured: list[int]) -> None:
    """On a slow machine: 450 s for three blocks leave time for a fourth, 590 s do not."""
    done: set[int] = set()

    def so_far() -> courses.Standing:
        return courses.Standing(lambda _: {}, 0.0, elapsed_s * len(done) / 3, len(done))

    left = courses.blocks_left(timed(), lambda: done, lambda: False, so_far)
    for block_ in left:
        done.add(block_.index)
    assert sorted(done) == measured


@pytest.mark.parametrize(
    ("elapsed_s", "finished", "fit"),
    [(0.0, 0, 4), (150.0, 1, 3), (160.0, 1, 2), (400.0, 2, 1), (590.0, 3, 1)],
)
def test_time_that_is_too_short_for_all_planned_blocks_is_shared_by_those_that_fit(
    elapsed_s: float, finished: int, fit: int
) -> None:
    so_far = courses.Standing(lambda _: {}, 1e9, elapsed_s, finished)
    assert courses.blocks_that_fit(600.0 - elapsed_s, 4 - finished, so_far) == fit


def test_what_a_block_could_have_done_without_is_no_reason_for_fewer() -> None:
    """Four blocks of 200 s: a first one that took all of its time, 30 s of it for five visits of each cell."""
    first = earlier(quiet, blocks=1)
    further_s = spare_s(first, layout.PAUSE_S)
    assert further_s == pytest.approx(4 * sum(3 * (length_s + layout.PAUSE_S) for length_s in LENGTH_S.values()))
    so_far = courses.Standing(lambda _: {}, 1e9, 180.0, 1, 0, lambda _: first)
    assert so_far.least_s == pytest.approx(180.0 - further_s)
    assert courses.blocks_that_fit(420.0, 3, so_far) == 3
    assert courses.blocks_that_fit(420.0, 3, replace(so_far, earlier=lambda _: ())) == 2


def test_pauses_that_are_longer_than_planned_are_time_of_the_block() -> None:
    def took_s(pause_s: float) -> float:
        course, now_ns = time_budget.course(timed(), 0, 100.0), 0
        try:
            slice_ = next(course)
            while True:
                length_s = LENGTH_S[slice_.cell.endpoint]
                end_ns = now_ns + int(length_s * 1e9)
                told = replace(played(slice_, length_s, 1_000.0), start_ns=now_ns, end_ns=end_ns, drained_ns=end_ns)
                now_ns = end_ns + int(pause_s * 1e9)
                slice_ = course.send(told)
        except StopIteration:
            return now_ns / 1e9

    for pause_s in (0.1, 1.5):
        assert 90 < took_s(pause_s) < 103
