"""When a run with a time may end before its last block."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.fakes import FakeLoad, FakeStage
from support.runs import new_run
from support.scenarios import TINY, tiny

from harness.analysis import arm_comparison
from harness.registry.metrics import P50, THROUGHPUT
from harness.verdicts import stopping_rule

LOGS = {
    "equal": [0.004, -0.006, 0.001, 0.0, 0.003],
    "much": [0.7, 0.71, 0.69, 0.7, 0.7],
    "significant": [0.14, 0.06, 0.19, 0.10, 0.18],
}


def run(*kinds: str, **changes: Any) -> Any:
    """An analysed run of these comparisons; of a latency, which is not primary, nothing is decided."""
    told = [
        arm_comparison.Logs(("async", "sync", f"{kind} {at}", 8, THROUGHPUT), np.array(LOGS[kind]))
        for at, kind in enumerate(kinds)
    ]
    compared = arm_comparison.judged(told, [], 0.05)[0] if told else []
    compared += [replace(one, metric=P50, p=1.0, ratio=replace(one.ratio, low=0.1, high=9.0)) for one in compared]
    scenario = SimpleNamespace(margin=0.05, **changes)
    return SimpleNamespace(compared=compared, metrics=[THROUGHPUT, P50], run=SimpleNamespace(scenario=scenario))


def test_a_run_without_comparisons_and_without_a_rule_goes_on(tmp_path: Path) -> None:
    alone = tiny(blocks=1, comparisons=[], arms=[tiny().arms[0]])
    endpoints = [one.model_copy(update={"arms": []}) for one in alone.endpoints]
    run_ = new_run(tmp_path, alone.model_copy(update={"endpoints": endpoints}), FakeLoad(), FakeStage())
    text = TINY.split("[[arms]]")
    single = (
        text[0].split("comparisons")[0] + "[[arms]]" + text[1] + "[[endpoints]]" + TINY.split("[[endpoints]]", 1)[1]
    )
    (run_ / "scenario.toml").write_text(single)
    assert not stopping_rule.reached(run_)


@pytest.mark.parametrize(
    ("kinds", "ends"),
    [(["equal", "much"], True), (["equal", "much", "significant"], False), ([], False)],
    ids=["all is known", "a difference that shows is no reason", "nothing to decide"],
)
def test_a_run_ends_where_every_comparison_is_narrow_or_beyond_doubt(kinds: list[str], ends: bool) -> None:
    found = run(*kinds)
    assert stopping_rule.decided(found) == ends
    if "significant" in kinds:
        told = next(one for one in found.compared if one.endpoint.startswith("significant"))
        assert stopping_rule.SURE < told.p < 0.05
