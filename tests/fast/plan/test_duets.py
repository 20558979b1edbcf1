"""Duets: which arms share the core, for how long, and how much of a block is theirs."""

import random
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter

import pytest
from support.played import played
from support.scenarios import tiny

from harness.plan import duets, groups, layout, time_budget
from harness.plan.earlier import Earlier
from harness.plan.slices import Duet, Slice, Turn
from harness.samples import Played

SECOND = 1_000_000_000


def answer(slice_: Slice, busy: float, latency_ms: float = 10.0) -> Played:
    """A slice of 0.3 s, or of its own length, in which the server used this share of a core."""
    length = int((slice_.seconds if slice_.beside is not None else 0.3) * SECOND)
    return played(
        index=slice_.index,
        start_ns=0,
        drained_ns=length,
        requests=300,
        failures=0,
        latency_ms=latency_ms,
        server_cpu_ns=int(busy * length),
    )


def turns(
    busy: dict[str, float],
    seconds: float = 60.0,
    cores: int = 1,
    latency_ms: float = 10.0,
    mode: str = "closed",
    before: Sequence[Earlier] = (),
) -> list[Turn]:
    """A block of the tiny scenario in which arms use these shares of the core by themselves."""
    scenario = tiny(time=600.0, blocks=4)
    scenario = scenario.model_copy(update={"load": scenario.load.model_copy(update={"mode": mode})})
    course, asked = time_budget.course(scenario, 0, seconds, cores, before), list[Turn]()
    try:
        turn = next(course)
        while True:
            asked.append(turn)
            slices = (turn.first, turn.second) if isinstance(turn, Duet) else (turn,)
            share = 0.5 if isinstance(turn, Duet) else 1.0
            given = [answer(one, share * busy[one.cell.arm], latency_ms) for one in slices]
            turn = course.send(tuple(given) if isinstance(turn, Duet) else given[0])
    except StopIteration:
        return asked


INDEX = attrgetter("index")

FULL = {"sync": 0.99, "async": 0.99, "async again": 0.99}


def test_arms_that_fill_the_core_are_mostly_loaded_side_by_side() -> None:
    asked = turns(FULL)
    both = [one for one in asked if isinstance(one, Duet)]
    pairs = Counter(tuple(sorted((one.first, one.second), key=INDEX)[side].cell.arm for side in (0, 1)) for one in both)
    assert len({(one.first.cell.arm, one.second.cell.arm) for one in both}) == 2 * len(pairs)  # either may be first
    assert set(pairs) == {("async", "sync"), ("async again", "async")}
    assert max(pairs.values()) - min(pairs.values()) <= 2
    solo = Counter(one.cell for one in asked if isinstance(one, Slice) and one.purpose == "measure")
    rounds = len(both) / len(pairs) / 2  # of each endpoint
    assert rounds / (groups.DUETS_PER_SOLO + 2) <= max(solo.values()) <= rounds


@pytest.mark.parametrize(
    "spoilt",
    [
        {"busy": FULL | {"async": 0.6}},
        {"busy": FULL, "cores": 0},
        {"busy": FULL, "cores": 2},
        {"busy": FULL, "latency_ms": 1_100.0},
        {"busy": FULL, "mode": "open"},
    ],
    ids=["an arm with CPU left", "no cores of their own", "more cores than the arm fills", "too long", "arrivals"],
)
def test_there_are_none_where_arms_do_not_share_a_full_core(spoilt: dict[str, object]) -> None:
    asked = turns(**spoilt)  # type: ignore[arg-type]
    assert not [one for one in asked if isinstance(one, Duet)]


def test_where_one_pair_cannot_both_ways_go_on() -> None:
    asked = turns(FULL | {"async again": 0.5})
    assert {frozenset((one.first.cell.arm, one.second.cell.arm)) for one in asked if isinstance(one, Duet)} == {
        frozenset(("async", "sync"))
    }
    assert sum(isinstance(one, Slice) and one.cell.arm == "async again" for one in asked) > 6


def test_both_begin_and_end_together_and_know_of_each_other() -> None:
    visits = {visit[0].arm: visit for visit in layout.cells(tiny()) if visit[0].endpoint == "hello"}
    duet = duets.of(7, (visits["async"], visits["sync"]), (100.0, 20.0), tiny().load, seed=3)
    assert [(one.index, one.beside) for one in (duet.first, duet.second)] == [(7, 8), (8, 7)]
    for one in (duet.first, duet.second):
        assert (one.purpose, one.seconds, one.longest_s, one.seed) == ("duet", 0.4, 0.4, 3)


def test_turned_round_the_first_arm_is_still_the_lower_index() -> None:
    visits = {visit[0].arm: visit for visit in layout.cells(tiny()) if visit[0].endpoint == "hello"}
    duet = duets.of(7, (visits["async"], visits["sync"]), (100.0, 20.0), tiny().load, seed=3, turned=True)
    assert [(one.cell.arm, one.index, one.beside) for one in (duet.first, duet.second)] == [
        ("sync", 8, 7),
        ("async", 7, 8),
    ]


def test_users_of_both_start_spread_over_their_latency_at_half_speed() -> None:
    """Of both, or of none: users in step cost a server less."""
    visits = {visit[0].arm: visit for visit in layout.cells(tiny()) if visit[0].endpoint == "hello"}
    duet = duets.of(0, (visits["async"], visits["sync"]), (100.0, 20.0), tiny().load, seed=3)
    assert [one.spread_s for one in (duet.first, duet.second)] == pytest.approx([0.2, 0.04])
    assert layout.told(duet.second, latency_ms=3.0)["filling_ns"] == 40_000_000


def test_a_duet_lasts_two_latencies_of_the_slower_arm_at_half_speed() -> None:
    assert duets.length_s((100.0, 20.0)) == pytest.approx(0.4)
    assert duets.length_s((1.0, 2.0)) == duets.SHORTEST_S
    assert duets.length_s((1_100.0, 2.0)) is None


@pytest.mark.parametrize(
    ("length_s", "solo_s", "latency_ms", "pays"),
    [
        (0.25, 0.3, 5.0, True),  # a short one always does
        (2.0, 11.0, 500.0, True),  # half a second each: two visits take eleven
        (1.0, 2.8, 250.0, False),
        (None, 30.0, 900.0, False),
    ],
)
def test_a_long_duet_has_to_take_less_than_the_visits_it_stands_for(
    length_s: float | None, solo_s: float, latency_ms: float, pays: bool
) -> None:
    assert groups.pays(length_s, solo_s, latency_ms) is pays


def earlier_duets(apart: float) -> list[Earlier]:
    """Of three blocks: hello's duets differ by as much from one to the next, those of other endpoints not at all."""
    asked = [one for one in turns(FULL) if isinstance(one, Duet)]
    found, rng = [], random.Random(1)
    for block in range(3):
        for duet in asked:
            slices = sorted((duet.first, duet.second), key=INDEX)
            wild = slices[0].cell.endpoint == "hello"
            factor = 1 + apart * rng.random() if wild else 1.0
            given = answer(slices[0], 0.5 * factor), answer(slices[1], 0.5)
            found.append(Earlier(block, (slices[0].cell, slices[1].cell), given))
    return found


def test_more_duets_where_those_of_the_blocks_before_differed_more() -> None:
    alike, differing = (
        Counter(one.first.cell.endpoint for one in turns(FULL, before=earlier_duets(apart)) if isinstance(one, Duet))
        for apart in (0.0, 0.5)
    )
    assert differing["hello"] > 1.3 * alike["hello"]
    assert sum(differing.values()) == pytest.approx(sum(alike.values()), abs=6)


@pytest.mark.parametrize("endpoint", ["hello", "wait ms=10"])
def test_where_time_is_short_the_same_pairs_have_duets_in_every_block(endpoint: str) -> None:
    """They stand only where most blocks have them; and fewer than three of a pair say nothing, so that there are none."""
    before = [one for one in earlier_duets(0.0) if one.cells[0].endpoint == endpoint]
    for seconds in (7.0, 7.5, 8.0):
        told = Counter(one.first.cell.endpoint for one in turns(FULL, seconds, before=before) if isinstance(one, Duet))
        assert set(told) == {endpoint}
        assert told[endpoint] >= 2 * duets.FEWEST


def test_they_go_on_for_as_long_as_there_is_time() -> None:
    """Each so many rounds of them need one of the arms by themselves, which is worth what may follow."""
    short, long = (sum(isinstance(one, Duet) for one in turns(FULL, seconds)) for seconds in (40.0, 160.0))
    assert long > 3 * short


def test_an_arm_that_was_cpu_bound_in_a_block_before_is_one_beside_a_neighbour_that_takes_half_of_the_core() -> None:
    """It cannot fill the core by itself then, and its visits say little."""
    disturbed = dict.fromkeys(FULL, 0.5)
    cells = {visit[0] for visit in layout.cells(tiny())}
    quiet = [Earlier(0, (cell,), (played(latency_ms=10.0, server_cpu_ns=99, drained_ns=100),)) for cell in cells]
    assert not any(isinstance(one, Duet) for one in turns(disturbed))
    assert any(isinstance(one, Duet) for one in turns(disturbed, before=quiet))


@pytest.mark.parametrize(
    ("own", "idle", "fills"),
    [(0.95, None, True), (0.65, None, False), (0.65, 0.3, False), (0.65, 0.05, True), (0.5, 0.0, False)],
    ids=["alone", "unknown", "it rests", "a neighbour takes the rest", "a neighbour that never waits"],
)
def test_an_arm_is_cpu_bound_that_leaves_nothing_of_its_core_idle(own: float, idle: float | None, fills: bool) -> None:
    one = played(
        start_ns=0,
        drained_ns=SECOND,
        server_cpu_ns=int(own * SECOND),
        core_idle_ns=None if idle is None else int(idle * SECOND),
    )
    assert duets.fills(one, 0.0, cores=1) is fills
