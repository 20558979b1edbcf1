"""Two revisions of the measured project as arms of one run, and the gate over them."""

from pathlib import Path

import pytest
from support.changes import BASE, doubled, run_of
from support.fakes import FakeLoad
from support.scenarios import tiny

from harness.analysis import frames
from harness.plan import ab, layout


def test_every_arm_is_there_at_both_revisions_and_the_first_once_more_as_control() -> None:
    arms = {arm.name: (arm.revision, arm.control_of) for arm in doubled().arms}
    assert arms == {
        "sync @ main": (BASE.sha, None),
        "sync @ the change": (BASE.change, None),
        "async @ main": (BASE.sha, None),
        "async @ the change": (BASE.change, None),
        "sync @ main (control)": (BASE.sha, "sync @ main"),
    }


def test_the_change_is_compared_with_the_base_arm_by_arm() -> None:
    pairs = [(pair.arm, pair.over) for pair in doubled().pairs]
    assert pairs == [("sync @ the change", "sync @ main"), ("async @ the change", "async @ main")]


def test_an_endpoint_that_only_some_arms_are_asked_for_stays_so() -> None:
    only_async = [endpoint.model_copy(update={"arms": ["async"]}) for endpoint in tiny().endpoints]
    asked = doubled(endpoints=only_async)
    assert {arm.name for arm in asked.arms_of(asked.endpoints[0])} == {"async @ main", "async @ the change"}


def test_a_long_revision_is_named_by_its_first_ten_letters() -> None:
    name = ab.doubled(tiny(), BASE.model_copy(update={"ref": "c" * 40})).arms[0].name
    assert name == f"sync @ {'c' * 10}"


def test_a_stored_run_of_a_change_is_read_as_what_it_was(tmp_path: Path) -> None:
    assert frames.open_run(run_of(tmp_path, FakeLoad(), blocks=1)).scenario == doubled(blocks=1)


def test_visits_become_the_time_that_they_would_take_so_that_arms_can_be_loaded_side_by_side() -> None:
    change = doubled()
    assert change.time == pytest.approx(layout.expected_s(doubled(time=None).model_copy(update={"time": None})))
    assert change.adaptive
    assert doubled(time=90.0).time == 90.0
    opened = tiny().load.model_copy(update={"mode": "open"})
    assert ab.doubled(tiny(load=opened), BASE).time is None
