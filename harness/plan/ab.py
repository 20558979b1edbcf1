"""A change of the measured project, as a scenario: every arm twice, at two revisions, compared within the same blocks. Pure."""

from typing import Final

from harness.plan import layout
from harness.registry.load_modes import CLOSED
from harness.scenario.arm import Arm
from harness.scenario.model import Base, Comparison, Scenario

LONGEST_REF: Final = 24


def doubled(scenario: Scenario, base: Base) -> Scenario:
    """Each arm at the base and at the change, and the first again at the base, as control for the A/A noise floor.

    Own controls and claims are left out: they are about other arms.
    """
    before, after = f" @ {_short(base.ref)}", " @ the change"
    arms = [arm for arm in scenario.arms if arm.control_of is None]
    first = arms[0].name + before
    twice = [_at(arm, arm.name + side, sha) for arm in arms for side, sha in ((before, base.sha), (after, base.change))]
    control = _at(arms[0], f"{first} (control)", base.sha).model_copy(update={"control_of": first})
    change = scenario.model_copy(
        update={
            "arms": [*twice, control],
            "endpoints": [
                endpoint.model_copy(update={"arms": _both(endpoint.arms, before, after)})
                for endpoint in scenario.endpoints
            ],
            "comparisons": [Comparison(arm=arm.name + after, over=arm.name + before) for arm in arms],
            "claims": [],
            "base": base,
        }
    )
    return change.model_copy(update=_time(change))


def _time(change: Scenario) -> dict[str, float]:
    """A closed loop with a number of visits gets the time that they would take: then arms that are CPU-bound are loaded side by
    side, and it ends as soon as everything is decided."""
    if change.load.mode != CLOSED or change.time is not None or change.rule is not None:
        return {}
    return {"time": layout.expected_s(change)}


def _at(arm: Arm, name: str, sha: str) -> Arm:
    return arm.model_copy(update={"name": name, "revision": sha})


def _both(names: list[str], before: str, after: str) -> list[str]:
    return [name + side for name in names for side in (before, after)]


def _short(ref: str) -> str:
    return ref if len(ref) <= LONGEST_REF else ref[:10]
