"""A scenario's instrumented run, and what is made of its counts: made-up ones here, those of real servers at the end."""

import os

from harness.deployment import arm_environment
from harness.location import ROOT
from harness.plan import instrumented_run
from harness.scenario.arm import Arm


def test_an_instrumented_arm_finds_the_probe_behind_its_own_django() -> None:
    arm = Arm(name="x", server="uvicorn", view="sync", django="3.0.99")
    assert arm_environment.own_django(instrumented_run.with_probe(arm))["PYTHONPATH"].endswith(
        f"django/3.0.99{os.pathsep}{ROOT}"
    )
    assert arm_environment.own_django(instrumented_run.with_probe(arm.model_copy(update={"django": None}))) == {
        "PYTHONPATH": str(ROOT)
    }
    assert arm_environment.own_django(arm.model_copy(update={"django": None})) == {}


def test_an_arm_asks_for_a_collector_only_where_it_is_not_python_s_own() -> None:
    arm = Arm(name="x", server="uvicorn", view="sync")
    assert arm_environment.collector(arm) == {}
    frozen = arm.model_copy(update={"gc": "frozen"})
    assert arm_environment.collector(frozen) == {"GC": "frozen"}
    assert "loaded objects frozen (gc)" in frozen.summary
    assert "gc" not in arm.summary
