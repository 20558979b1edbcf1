"""Whether the claims of a scenario fit its arms, endpoints and metrics."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.registry import endpoints, metrics
from harness.registry.load_modes import CAPACITY
from harness.scenario import error_messages
from harness.scenario.claims import KINDS, PAIRED

if TYPE_CHECKING:
    from harness.scenario.claims import Condition
    from harness.scenario.model import Scenario


def problems(scenario: "Scenario") -> Iterator[str]:
    """One line per thing in the claims that does not fit the scenario: key path, expected, got."""
    for index, claim in enumerate(scenario.claims):
        for place, condition in enumerate(claim.conditions):
            where = f"claims[{index}].all[{place}]" if claim.all else f"claims[{index}]"
            yield from _kind_problems(where, condition)
            yield from _name_problems(where, condition, scenario)
            yield from _metric_problems(where, condition, scenario)


def _kind_problems(where: str, condition: "Condition") -> Iterator[str]:
    kinds = condition.kinds
    if len(kinds) != 1:
        yield f"{where}: expected one of {', '.join(KINDS)}; got {' and '.join(kinds) or 'none of them'}"
        return
    needed = ("better", "than") if kinds[0] in PAIRED else ("arm",)
    for key in ("better", "than", "arm"):
        given = getattr(condition, key) is not None
        if key in needed and not given:
            yield f"{where}.{key}: expected the name of an arm with {kinds[0]}, got nothing"
        if key not in needed and given:
            yield f"{where}.{key}: expected only {' and '.join(needed)} with {kinds[0]}, got it as well"
    asked = condition.asked
    if len(asked) == 2 and asked[0] == asked[1]:
        yield f"{where}: expected two different arms (or than_endpoint), got {condition.better!r} twice"
    if condition.than_endpoint is not None and kinds[0] not in PAIRED:
        yield f"{where}.than_endpoint: expected only with {' or '.join(PAIRED)}, got it with {kinds[0]}"


def _name_problems(where: str, condition: "Condition", scenario: "Scenario") -> Iterator[str]:
    arms, known = [arm.name for arm in scenario.arms], scenario.levels
    for key in ("better", "than", "arm"):
        name = getattr(condition, key)
        if name is not None and name not in arms:
            yield f"{where}.{key}: expected the name of an arm, got {name!r}{error_messages.hint(name, arms)}"
    if condition.endpoint is None:
        yield f"{where}.endpoint: expected one of {', '.join(known)}; got nothing"
    asked = dict.fromkeys((key, getattr(condition, key)) for key in ("endpoint", "than_endpoint"))
    for key, label in asked:
        if label is not None:
            yield from _place_problems(where, key, label, condition, scenario)


def _place_problems(where: str, key: str, label: str, condition: "Condition", scenario: "Scenario") -> Iterator[str]:
    """The endpoint is there, asked of the arm, at this level."""
    known = scenario.levels
    if label not in known:
        yield f"{where}.{key}: expected one of {', '.join(known)}; got {label!r}{error_messages.hint(label, known)}"
        return
    at_level = [one for one in scenario.endpoints if label in one.labels and condition.level in (None, *one.levels)]
    asked = [arm.name for one in at_level for arm in scenario.arms_of(one)]
    for name in (arm for arm, endpoint in condition.asked if endpoint == label):
        if at_level and name not in asked:
            yield f"{where}: expected arms that {label} is asked of ({', '.join(dict.fromkeys(asked))}), got {name!r}"
    choices = known[label]
    if condition.level is None and len(choices) > 1:
        yield f"{where}.level: expected one of {', '.join(f'{level:g}' for level in choices)}, got nothing"
    if condition.level is None and key == "than_endpoint" and choices != known.get(str(condition.endpoint)):
        yield f"{where}.level: expected one that both endpoints have, got nothing"
    if condition.level is not None and (scenario.load.mode == CAPACITY or condition.level not in choices):
        expected = "none" if scenario.load.mode == CAPACITY else f"one of {', '.join(f'{c:g}' for c in choices)}"
        yield f"{where}.level: expected {expected} for {label}, got {condition.level:g}"


def _metric_problems(where: str, condition: "Condition", scenario: "Scenario") -> Iterator[str]:
    if condition.raises is not None:
        if condition.metric is not None:
            yield f"{where}.metric: expected none with raises, got {condition.metric!r}"
        return
    told = [metric.key for metric in metrics.of(scenario.load.mode)]
    metric = scenario.metric_of(condition)
    if condition.instrumented and condition.kinds[0] in PAIRED:
        yield f"{where}.metric: expected at_most or at_least of one arm with {metric.key!r}, which the probe counts once"
    if not condition.instrumented and metric.key not in told:
        yield f"{where}.metric: expected one of {', '.join(told)} with load.mode = {scenario.load.mode!r}, got {metric.key!r}"
    limit = condition.at_most or condition.at_least
    if limit is not None and limit.unit != metric.unit:
        unit = f"in {metric.unit}" if metric.unit else "without a unit"
        key = "at_most" if condition.at_most else "at_least"
        yield f"{where}.{key}: expected a limit {unit} for {metric.key}, got '{limit}'"
    if metric in metrics.OF_STREAMS and condition.endpoint not in (able := _streaming(scenario)):
        demos = [name for name in endpoints.ENDPOINTS if endpoints.streams(name)]
        named = ", ".join(able or (demos if scenario.project is None else ["streams = true"]))
        yield f"{where}.metric: expected {metric.key!r} only of what streams ({named}), got it of {condition.endpoint}"
    if (condition.instrumented or metric in metrics.WHOLE_SLICE) and any(
        condition.endpoint == label for label in _parts(scenario)
    ):
        yield f"{where}.metric: expected one that a part of a mix has of its own, got {metric.key!r}"


def _parts(scenario: "Scenario") -> Iterator[str]:
    return (part.reported for endpoint in scenario.endpoints if endpoint.mix for part in endpoint.parts)


def _streaming(scenario: "Scenario") -> list[str]:
    """What is reported and answers in streams."""
    parts = [part for endpoint in scenario.endpoints for part in endpoint.parts]
    return [part.reported for part in parts if part.name in endpoints.ENDPOINTS or part.page if part.facts.streams]
