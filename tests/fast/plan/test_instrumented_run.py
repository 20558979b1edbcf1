"""A scenario's instrumented run, and what is made of its counts: made-up ones here, those of real servers at the end."""

import pytest
from support.scenarios import TINY, tiny

from harness.errors import UserError
from harness.location import ROOT
from harness.plan import instrumented_run, layout
from harness.registry.servers import SERVERS
from harness.scenario import reader
from harness.scenario.arm import Arm


def test_every_arm_is_asked_with_and_without_the_probe_and_nothing_is_claimed_of_it() -> None:
    twice = instrumented_run.instrumented(tiny())
    assert [(arm.name, arm.instrumented) for arm in twice.arms] == [
        ("sync", False),
        ("sync (instrumented)", True),
        ("async", False),
        ("async (instrumented)", True),
    ]
    assert (twice.blocks, twice.claims, twice.instrumented) == (1, [], True)
    assert [(pair.arm, pair.over) for pair in twice.pairs] == [
        ("sync (instrumented)", "sync"),
        ("async (instrumented)", "async"),
    ]


def test_a_run_that_was_given_a_time_is_explained_by_one_short_block() -> None:
    (block,) = layout.expand(instrumented_run.instrumented(tiny(time=420.0, blocks=4)))
    assert sum(one.purpose == "measure" for one in block.slices) == 8  # four arms, two endpoints, one visit each


def test_an_endpoint_that_some_arms_are_asked_for_is_asked_of_their_instrumented_arms() -> None:
    endpoints = [one.model_copy(update={"arms": ["async", "async again"]}) for one in tiny().endpoints]
    assert instrumented_run.instrumented(tiny(endpoints=endpoints)).endpoints[0].arms == [
        "async",
        "async (instrumented)",
    ]
    of_controls = [endpoints[0].model_copy(update={"arms": ["async again"]}), endpoints[1]]
    assert [one.name for one in instrumented_run.instrumented(tiny(endpoints=of_controls)).endpoints] == ["wait"]


def test_a_slice_is_short_but_long_enough_for_its_wait() -> None:
    long = tiny().load.model_copy(update={"mode": "open", "slice_max_s": 20.0})
    slow = [tiny().endpoints[1].model_copy(update={"query": {"ms": 1_000}})]
    assert instrumented_run.short(long, tiny().endpoints).slice_max_s == 1.0
    assert instrumented_run.short(long, slow).slice_max_s == 5.0
    assert instrumented_run.short(long.model_copy(update={"slice_max_s": 0.5}), slow).slice_max_s == 0.5


def test_a_search_is_explained_with_the_sockets_of_its_run_although_its_arms_are_twice_as_many() -> None:
    search = reader.load(ROOT / "scenarios" / "capacity.toml")
    twice = instrumented_run.instrumented(search)
    assert len(twice.arms) * layout.most_connections(twice) == len(search.arms) * layout.most_connections(search)
    few = search.model_copy(update={"load": search.load.model_copy(update={"max_in_flight": 50})})
    assert instrumented_run.instrumented(few).load.max_in_flight == 50
    assert instrumented_run.instrumented(tiny()).load.max_in_flight is None


@pytest.mark.parametrize("key", ["blocks = 6", "[[arms]]"])
def test_a_file_cannot_ask_for_the_probe(key: str) -> None:
    text = TINY.replace(key, f"{key}\n{'instrumented'} = true", 1)
    with pytest.raises(UserError, match=r"instrumented: set by `djbench explain SCENARIO`, not allowed in a scenario"):
        reader.parse(text, "tiny.toml")


def test_the_hash_of_a_plan_does_not_know_of_the_probe() -> None:
    assert "probe" not in tiny().model_dump_json()
    assert "instrumented" not in tiny().model_dump_json()


@pytest.mark.parametrize("server", SERVERS)
def test_an_instrumented_arm_has_the_command_line_of_the_plain_one(server: str) -> None:
    threads = {"threads": 4} if "threads" in SERVERS[server].options else {}
    arm = Arm(name="x", server=server, view="sync", **threads)
    plain, instrumented = (one.table.argv(one, 1) for one in (arm, instrumented_run.with_probe(arm)))
    assert plain == instrumented
    assert f"djbench_injected.{arm.table.interface.lower()}:application" in plain
