"""Duets: the ratio of CPU per request, and everything for which it does not stand for a comparison."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.analysis import arm_comparison, side_by_side
from harness.analysis.side_by_side import Duets, Place, SideBySide
from harness.registry.metrics import CPU, P50, THROUGHPUT, Metric
from harness.samples import Outcome

PLACE: Place = ("async", "sync", "hello", 16)

SECOND = 1_000_000_000


def block(duets: int = 8, cost: float = 2.0, share: float = 0.5, full: float = 0.98, **spoilt: Any) -> Any:
    """A block of duets of one second in which the first arm's requests cost so many times the second's."""
    slices, requests, seen = [], [], []
    for number in range(duets):
        wobble = 1 + 0.02 * (number % 2)
        for side, arm in enumerate(("async", "sync")):
            index = 2 * number + side
            answered = 1000 if side else int(1000 * share / (1 - share) / cost * wobble)
            failures = spoilt.get("failures", 0)
            slices.append(
                {
                    "least_s": 0.0,
                    "index": index,
                    "beside": 2 * number + 1 - side,
                    "purpose": "duet",
                    "arm": arm,
                    "endpoint": "hello",
                    "level": 16,
                    "start_ns": 0,
                    "drained_ns": SECOND,
                    "requests": answered + failures,
                    "failures": failures,
                    "server_cpu_ns": full * SECOND * (1 - share if side else share),
                    "server_gc_ns": 0,
                    "server_gc_young": 10,
                }
            )
            requests.append(pd.DataFrame({"slice": index, "outcome": [int(Outcome.OK)] * answered}))
            others_ns = spoilt.get("others", 0.0) * SECOND
            unseen = spoilt.get("unseen", 0)
            seen.append({"slice": index, "seen": answered - unseen, "others_ns": others_ns, "wall_ns": SECOND})
    return SimpleNamespace(slices=pd.DataFrame(slices), requests=pd.concat(requests), conditions=pd.DataFrame(seen))


def test_the_ratio_is_that_of_cpu_by_correct_responses() -> None:
    told = side_by_side.of_block(block(share=0.48), cores=1)[PLACE]
    assert told.count == 8
    assert np.exp(told.cost) == pytest.approx(2.0, rel=0.02)
    assert told.share == pytest.approx(0.48)
    assert told.why_not == ""
    assert np.exp(told.spread / 2) == pytest.approx(0.0184 / np.sqrt(8), rel=0.05)


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ({"share": 0.62}, "the first arm had 62% of the core"),
        ({"full": 0.7}, "both together used 70% of the core"),
        ({"failures": 3}, "48 of "),
        ({"unseen": 1}, "16 requests are missing in the server's own count"),
    ],
)
def test_a_duet_that_shows_something_else_stands_for_nothing(spoilt: dict[str, Any], why: str) -> None:
    told = side_by_side.of_block(block(**spoilt), cores=1)
    assert told[PLACE].why_not.startswith(why)
    assert np.isnan(side_by_side.over_blocks({0: told}, [0])[PLACE].costs).all()


def test_one_duet_in_eight_that_is_off_by_a_factor_does_not_show() -> None:
    """Whatever made it."""
    disturbed = block(share=0.5)
    disturbed.slices.loc[4, "server_cpu_ns"] *= 1.8
    assert np.exp(side_by_side.of_block(disturbed, cores=1)[PLACE].cost) == pytest.approx(2.0, rel=0.025)


@pytest.mark.parametrize(("users", "share"), [(16, 80 / 120), (256, 1.0)], ids=["as many users", "more users"])
def test_full_collections_are_charged_to_what_allocated_and_not_to_the_duet_they_fall_into(
    users: int, share: float
) -> None:
    """The first arm's fall all into one duet of eight, and a third of what it allocates is for another endpoint: with as many
    users it is due a third of them; with more, it has others."""
    plain, collecting = block(), block()
    collecting.slices.loc[4, "server_gc_ns"] = 0.6 * 0.49 * SECOND
    of_it = collecting.requests["slice"] == 4
    collecting.requests = collecting.requests[~of_it | (of_it.cumsum() <= 200)]
    collecting.slices.loc[4, "requests"] = collecting.conditions.loc[4, "seen"] = 200
    elsewhere = collecting.slices.loc[[0]].assign(
        index=200, purpose="measure", endpoint="wait", beside=None, level=users, server_gc_young=40, server_gc_ns=0
    )
    collecting.slices = pd.concat([collecting.slices, elsewhere], ignore_index=True)
    told = [side_by_side.of_block(one, cores=1)[PLACE] for one in (plain, collecting)]
    own_share = 0.6 * 0.49 * share
    rest = 8 * 0.49 - 0.6 * 0.49
    assert np.exp(told[1].cost - told[0].cost) == pytest.approx(1 + own_share / rest, rel=0.01)


def test_uneven_shares_in_every_block_are_none_of_chance() -> None:
    """In one block 59 % may be."""
    uneven, even = (side_by_side.of_block(block(share=share), cores=1) for share in (0.59, 0.5))
    solo = np.full(4, 0.7)
    mixed = side_by_side.over_blocks({0: uneven, 1: even, 2: even, 3: even}, range(4))[PLACE]
    every = side_by_side.over_blocks(dict.fromkeys(range(4), uneven), range(4))[PLACE]
    assert mixed.objection(mixed.costs, solo) == ""
    assert every.objection(every.costs, solo) == "the first arm had 59% of the core"


def test_one_duet_in_which_a_process_ended_spoils_no_other() -> None:
    broken = block()
    broken.slices.loc[4, "server_cpu_ns"] = np.nan
    told = side_by_side.of_block(broken, cores=1)[PLACE]
    assert told.why_not == ""
    assert np.exp(told.cost) == pytest.approx(2.0, rel=0.02)


def test_arms_of_which_only_one_counts_its_collections_are_not_compared_by_duets() -> None:
    """An older revision of the project does not; the other would be charged alone."""
    old = block()
    old.slices.loc[old.slices.arm == "sync", "server_gc_young"] = 0
    assert side_by_side.of_block(old, cores=1)[PLACE].why_not == "an arm does not count its garbage collections"


def test_a_collection_is_part_of_what_an_arm_used_of_the_core() -> None:
    """A sixth of each duet, in one arm: none of the requests' cost, and the core was full and evenly shared all the same."""
    busy = block()
    busy.slices.loc[busy.slices.arm == "async", "server_gc_ns"] = 0.16 * SECOND
    told = side_by_side.of_block(busy, cores=1)[PLACE]
    assert (told.share, told.why_not) == (pytest.approx(0.5), "")


def test_two_cores_are_not_full_with_one_and_a_half() -> None:
    wide = block(full=1.5)
    assert side_by_side.of_block(wide, cores=1)[PLACE].why_not == ""
    assert side_by_side.of_block(wide, cores=2)[PLACE].why_not == ""
    assert side_by_side.of_block(block(full=1.4), cores=2)[PLACE].why_not == "both together used 70% of the core"


def test_an_arm_that_answers_nothing_is_no_ratio() -> None:
    told = side_by_side.of_block(block(cost=5000.0), cores=1)[PLACE]
    assert told.why_not == "an arm answered nothing"


def test_a_block_without_duets_has_none() -> None:
    assert side_by_side.of_block(SimpleNamespace(slices=pd.DataFrame({"purpose": ["measure"]})), 1) == {}  # type: ignore[arg-type]


def told(costs: list[float], why: str = "") -> SideBySide:
    """Of a run whose blocks gave these logarithms of the ratio of costs; NaN: of that block it does not stand."""
    blocks = {at: {PLACE: Duets(8, one, -9.0, 0.5, 0.0, why if np.isnan(one) else "")} for at, one in enumerate(costs)}
    return side_by_side.over_blocks(blocks, range(len(costs)))[PLACE]


def compared(solo: list[float], run: SideBySide, metric: Metric = THROUGHPUT) -> arm_comparison.Logs:
    """A comparison of arms that showed these log ratios one after the other, with what they showed side by side."""
    return arm_comparison.with_duets(arm_comparison.Logs((*PLACE, metric), np.array(solo), -4.0), {PLACE: run})


SOLO = [0.60, 0.80, 0.72, 0.66]


def test_throughput_is_the_inverse_of_the_cost_where_both_keep_the_core_busy_and_a_latency_has_no_duets() -> None:
    run, falling = told([0.70, 0.69, 0.71, 0.70]), [-one for one in SOLO]
    by_throughput = compared(falling, run)
    assert by_throughput.values == pytest.approx([-0.70, -0.69, -0.71, -0.70])
    assert by_throughput.covariate == pytest.approx(-9.0)
    assert compared(SOLO, run, CPU).values == pytest.approx([0.70, 0.69, 0.71, 0.70])
    latency = compared(SOLO, run, P50)
    assert latency.values.tolist() == SOLO
    assert latency.duets is None


@pytest.mark.parametrize(
    ("costs", "solo", "why"),
    [
        ([0.70, 0.69, 0.71, 0.70], [0.41, 0.39, 0.40, 0.40], "26% away from what the arms show one after the other"),
        ([0.70, np.nan, np.nan, 0.70], [0.70, 0.69, 0.71, 0.70], "uneven"),
    ],
    ids=["the ways disagree", "half of the blocks"],
)
def test_where_they_do_not_stand_the_arms_one_after_the_other_do(
    costs: list[float], solo: list[float], why: str
) -> None:
    falling = [-one for one in solo]
    found = compared(falling, told(costs, "uneven"))
    assert found.values.tolist() == falling
    assert found.covariate == -4.0
    assert found.duets is not None
    assert found.duets.objection == why


def test_a_difference_that_chance_can_make_is_no_disagreement() -> None:
    for solo, costs in (([0.4, 0.9, 0.5, 0.6], [0.70, 0.69, 0.71, 0.70]), ([0.67, 0.66, 0.67, 0.66], [0.70] * 4)):
        found = compared([-one for one in solo], told(costs))
        assert found.duets is not None
        assert not found.duets.objection


def test_turned_round_it_says_the_same() -> None:
    run, solo = told([0.70, 0.69, np.nan, 0.70], "uneven"), [0.71, 0.70, 0.69, 0.72]
    for metric in (THROUGHPUT, CPU):
        sign = 1 if metric is CPU else -1
        ours = compared([sign * one for one in solo], run, metric)
        theirs = compared([-sign * one for one in solo], run.inverse, metric)
        np.testing.assert_allclose(ours.values, -theirs.values)
        assert ours.duets is not None
        assert theirs.duets is not None
        assert ours.duets.objection == theirs.duets.objection


def visits(told: Any, busy: list[float], others: list[float]) -> Any:
    """The block with visits of each arm by itself, which kept the core so busy while others used so much."""
    for number, (own, other) in enumerate(zip(busy, others, strict=True)):
        for side, arm in enumerate(("async", "sync")):
            index = 100 + 2 * number + side
            row = told.slices.iloc[0].to_dict() | {"index": index, "purpose": "measure", "arm": arm, "beside": None}
            row["server_cpu_ns"] = (own if side == 0 else 0.98) * SECOND
            told.slices = pd.concat([told.slices, pd.DataFrame([row])], ignore_index=True)
            around = {"slice": index, "seen": 1000, "others_ns": (other if side == 0 else 0.0) * SECOND}
            told.conditions = pd.concat(
                [told.conditions, pd.DataFrame([around | {"wall_ns": SECOND}])], ignore_index=True
            )
    return told


def test_a_neighbour_that_had_a_part_of_the_core_is_no_idleness_of_the_arm() -> None:
    """Where it was there in all visits of a block, other blocks say how busy the arm keeps its core."""
    quiet = side_by_side.of_block(visits(block(), [0.9, 0.9], [0.0, 0.0]), cores=1)
    once = side_by_side.of_block(visits(block(), [0.9, 0.45], [0.0, 0.5]), cores=1)
    always = side_by_side.of_block(visits(block(), [0.45, 0.45], [0.5, 0.5]), cores=1)
    assert once[PLACE].busy == quiet[PLACE].busy == pytest.approx(np.log(0.9 / 0.98))
    assert np.isnan(always[PLACE].busy)
    told = side_by_side.over_blocks({0: quiet, 1: always}, [0, 1])[PLACE]
    assert told.busy == pytest.approx([np.log(0.9 / 0.98)] * 2)
    assert side_by_side.over_blocks({0: always}, [0])[PLACE].busy == pytest.approx([0.0])


def test_a_core_that_a_neighbour_fills_with_them_is_full() -> None:
    assert side_by_side.of_block(block(full=0.66, others=0.33), cores=1)[PLACE].why_not == ""
    assert side_by_side.of_block(block(full=0.66, others=0.02), cores=1)[PLACE].why_not != ""
