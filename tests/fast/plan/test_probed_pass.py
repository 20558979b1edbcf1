"""A scenario's probed pass, and what is made of its counts: made-up ones here, those of real servers at the end."""

import pytest
from support.scenarios import TINY, tiny

from harness.errors import UserError
from harness.location import ROOT
from harness.plan import layout, probed_pass
from harness.registry.servers import SERVERS
from harness.scenario import reader
from harness.scenario.arm import Arm


def test_every_arm_is_asked_with_and_without_the_probe_and_nothing_is_claimed_of_it() -> None:
    twice = probed_pass.probed(tiny())
    assert [(arm.name, arm.probe) for arm in twice.arms] == [
        ("sync", False),
        ("sync (probed)", True),
        ("async", False),
        ("async (probed)", True),
    ]
    assert (twice.blocks, twice.claims, twice.explained) == (1, [], True)
    assert [(pair.arm, pair.over) for pair in twice.pairs] == [("sync (probed)", "sync"), ("async (probed)", "async")]


def test_an_endpoint_that_some_arms_are_asked_for_is_asked_of_their_twins() -> None:
    endpoints = [one.model_copy(update={"arms": ["async", "async again"]}) for one in tiny().endpoints]
    assert probed_pass.probed(tiny(endpoints=endpoints)).endpoints[0].arms == ["async", "async (probed)"]
    of_controls = [endpoints[0].model_copy(update={"arms": ["async again"]}), endpoints[1]]
    assert [one.name for one in probed_pass.probed(tiny(endpoints=of_controls)).endpoints] == ["wait"]


def test_a_slice_is_short_but_long_enough_for_its_wait() -> None:
    long = tiny().load.model_copy(update={"mode": "open", "slice_max_s": 20.0})
    slow = [tiny().endpoints[1].model_copy(update={"query": {"ms": 1_000}})]
    assert probed_pass.short(long, tiny().endpoints).slice_max_s == 1.0
    assert probed_pass.short(long, slow).slice_max_s == 5.0
    assert probed_pass.short(long.model_copy(update={"slice_max_s": 0.5}), slow).slice_max_s == 0.5


def test_a_search_is_explained_with_the_sockets_of_its_run_although_its_arms_are_twice_as_many() -> None:
    search = reader.load(ROOT / "scenarios" / "capacity.toml")
    twice = probed_pass.probed(search)
    assert len(twice.arms) * layout.most_connections(twice) == len(search.arms) * layout.most_connections(search)
    few = search.model_copy(update={"load": search.load.model_copy(update={"max_in_flight": 50})})
    assert probed_pass.probed(few).load.max_in_flight == 50
    assert probed_pass.probed(tiny()).load.max_in_flight is None


@pytest.mark.parametrize("key", ["blocks = 6", "[[arms]]"])
def test_a_file_cannot_ask_for_the_probe(key: str) -> None:
    text = TINY.replace(key, f"{key}\n{'probe' if 'arms' in key else 'explained'} = true", 1)
    with pytest.raises(UserError, match=r"probe: expected by `djbench explain SCENARIO`, and not in a scenario"):
        reader.parse(text, "tiny.toml")


def test_the_hash_of_a_plan_does_not_know_of_the_probe() -> None:
    assert "probe" not in tiny().model_dump_json()
    assert "explained" not in tiny().model_dump_json()


@pytest.mark.parametrize("server", SERVERS)
def test_a_probed_arm_differs_from_its_twin_in_the_module_alone(server: str) -> None:
    threads = {"threads": 4} if "threads" in SERVERS[server].options else {}
    arm = Arm(name="x", server=server, view="sync", **threads)
    plain, twin = (" ".join(one.table.argv(one, 1)) for one in (arm, probed_pass.twin(arm)))
    module = arm.table.interface.lower()
    assert f"config.{module}" in plain
    assert twin == plain.replace(f"config.{module}", f"probe.{module}")
