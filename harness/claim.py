"""What a scenario claims: statements that its run can support or refute. Parsed and checked here, judged in judge.py.

A claim has one condition, or several that are joined under `all`; keys that stand beside `all` hold for each of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NoReturn

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt, StrictStr, WithJsonSchema

from harness import endpoints, metrics, percent, wording
from harness.errors import UserError
from harness.modes import CAPACITY
from harness.table import Name, Table

if TYPE_CHECKING:
    from harness.scenario import Scenario

FACTOR: Final = r"^(>=|<=|>|<) ?([0-9]+(?:\.[0-9]+)?)(?: ?[x×])?$"
QUANTITY: Final = r"^([0-9]+(?:\.[0-9]+)?) ?(ms|s|req/s|/s|MiB|)$"
SCALES: Final = {"ms": ("ms", 1.0), "s": ("ms", 1000.0), "req/s": ("req/s", 1.0), "/s": ("req/s", 1.0)}
KINDS: Final = ("by", "equivalent_within", "at_most", "at_least", "raises")
PAIRED: Final = ("by", "equivalent_within")


@dataclass(frozen=True)
class Factor:
    """How many times better, at least or at most: `>= 1.5`."""

    sign: str
    value: float

    @property
    def at_least(self) -> bool:
        return self.sign in (">=", ">")

    def __str__(self) -> str:
        return f"{self.sign} {self.value:g}×"


@dataclass(frozen=True)
class Quantity:
    """A limit with its unit, times in ms."""

    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}".strip()


def _factor(text: Any) -> Factor:
    found = re.fullmatch(FACTOR, text) if isinstance(text, str) else None
    if found is None or not float(found[2]) > 0:
        _refuse("a factor such as '>= 1.5' or '<= 1.1'", text)
    return Factor(found[1], float(found[2]))


def _quantity(text: Any) -> Quantity:
    found = re.fullmatch(QUANTITY, text) if isinstance(text, str) else None
    if found is None:
        _refuse("a limit such as '250ms', '1.5s', '200/s' or '64 MiB'", text)
    unit, scale = SCALES.get(found[2], (found[2], 1.0))
    return Quantity(float(found[1]) * scale, unit)


def _refuse(expected: str, got: Any) -> NoReturn:
    raise ValueError(f"expected {expected}, got {got!r}")


def _text(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


class Condition(Table):
    """One thing that has to hold, on one cell or between two."""

    metric: Literal[tuple(metrics.BY_KEY)] | None = None  # type: ignore[valid-type]
    endpoint: StrictStr | None = None
    level: StrictInt | StrictFloat | None = None
    better: Name | None = None
    than: Name | None = None
    arm: Name | None = None
    by: Annotated[Factor, BeforeValidator(_factor), _text(FACTOR)] | None = None
    equivalent_within: Annotated[float, BeforeValidator(percent.part), _text(percent.PATTERN)] | None = None
    at_most: Annotated[Quantity, BeforeValidator(_quantity), _text(QUANTITY)] | None = None
    at_least: Annotated[Quantity, BeforeValidator(_quantity), _text(QUANTITY)] | None = None
    raises: Annotated[StrictStr, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None

    @property
    def kinds(self) -> list[str]:
        """Which of KINDS it is; exactly one, once checked."""
        return [kind for kind in KINDS if getattr(self, kind) is not None]

    @property
    def arms(self) -> list[str]:
        """The arms it is about."""
        return [name for name in (self.better, self.than, self.arm) if name is not None]

    def told(self, scenario: "Scenario") -> str:
        """This condition on one line."""
        level = "" if self.level is None else f" @ {self.level:g}"
        what = f"raises {self.raises}" if self.raises else f"{metric_of(self, scenario).key} {self._limit}"
        return f"{self.endpoint}{level}, {' over '.join(self.arms)}: {what}"

    @property
    def _limit(self) -> str:
        if self.by is not None:
            return str(self.by)
        if self.equivalent_within is not None:
            return f"equivalent within ±{100 * self.equivalent_within:g} %"
        return f"at most {self.at_most}" if self.at_most is not None else f"at least {self.at_least}"

    def level_in(self, scenario: "Scenario") -> float:
        """Its level; the endpoint's only one where none is given."""
        return levels(scenario)[str(self.endpoint)][0] if self.level is None else self.level


class Claim(Condition):
    """A statement, and what has to hold for it to be supported."""

    text: Annotated[StrictStr, Field(min_length=5, max_length=500, pattern=r"^[^\x00-\x1f]*$")]
    all: list[Condition] = []

    @property
    def conditions(self) -> list[Condition]:
        """All that has to hold."""
        own = {name: getattr(self, name) for name in Condition.model_fields if name in self.model_fields_set}
        if not self.all:
            return [Condition.model_construct(set(own), **own)]
        given = [{name: getattr(one, name) for name in one.model_fields_set} for one in self.all]
        return [Condition.model_construct(set(own | more), **(own | more)) for more in given]


def levels(scenario: "Scenario") -> dict[str, list[float]]:
    """Every label that is reported → its levels."""
    return {label: list(endpoint.levels) for endpoint in scenario.endpoints for label in endpoint.labels}


def refuse_none(scenario: "Scenario", source: str) -> None:
    """UserError if there are no claims: a gate without any would let everything pass."""
    if not scenario.claims:
        raise UserError(
            f"{source}: --gate: expected claims that could fail, got none; write [[claims]] into the scenario"
        )


def problems(scenario: "Scenario") -> Iterator[str]:
    """One line per thing in the claims that does not fit the scenario: key path, expected, got."""
    for index, claim in enumerate(scenario.claims):
        for place, condition in enumerate(claim.conditions):
            where = f"claims[{index}].all[{place}]" if claim.all else f"claims[{index}]"
            yield from _kind_problems(where, condition)
            yield from _name_problems(where, condition, scenario)
            yield from _metric_problems(where, condition, scenario)


def _kind_problems(where: str, condition: Condition) -> Iterator[str]:
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
    if len(condition.arms) == 2 and condition.better == condition.than:
        yield f"{where}: expected two different arms, got {condition.better!r} twice"


def _name_problems(where: str, condition: Condition, scenario: "Scenario") -> Iterator[str]:
    arms, known = [arm.name for arm in scenario.arms], levels(scenario)
    for key in ("better", "than", "arm"):
        name = getattr(condition, key)
        if name is not None and name not in arms:
            yield f"{where}.{key}: expected the name of an arm, got {name!r}{wording.hint(name, arms)}"
    endpoint = condition.endpoint
    if endpoint not in known:
        got = "nothing" if endpoint is None else f"{endpoint!r}{wording.hint(endpoint, known)}"
        yield f"{where}.endpoint: expected one of {', '.join(known)}; got {got}"
        return
    asked = next(one for one in scenario.endpoints if endpoint in one.labels)
    for name in condition.arms:
        if asked.arms and name not in asked.arms:
            yield f"{where}: expected arms that {endpoint} is asked of ({', '.join(asked.arms)}), got {name!r}"
    choices = known[endpoint]
    if condition.level is None and len(choices) > 1:
        yield f"{where}.level: expected one of {', '.join(f'{level:g}' for level in choices)}, got nothing"
    if condition.level is not None and (scenario.load.mode == CAPACITY or condition.level not in choices):
        expected = "none" if scenario.load.mode == CAPACITY else f"one of {', '.join(f'{c:g}' for c in choices)}"
        yield f"{where}.level: expected {expected} for {endpoint}, got {condition.level:g}"


def _metric_problems(where: str, condition: Condition, scenario: "Scenario") -> Iterator[str]:
    if condition.raises is not None:
        if condition.metric is not None:
            yield f"{where}.metric: expected none with raises, got {condition.metric!r}"
        return
    told = [metric.key for metric in metrics.of(scenario.load.mode)]
    metric = metric_of(condition, scenario)
    if metric.key not in told:
        yield f"{where}.metric: expected one of {', '.join(told)} with load.mode = {scenario.load.mode!r}, got {metric.key!r}"
    limit = condition.at_most or condition.at_least
    if limit is not None and limit.unit != metric.unit:
        unit = f"in {metric.unit}" if metric.unit else "without a unit"
        key = "at_most" if condition.at_most else "at_least"
        yield f"{where}.{key}: expected a limit {unit} for {metric.key}, got '{limit}'"
    if metric in metrics.OF_STREAMS and not endpoints.streams(condition.endpoint or ""):
        able = ", ".join(name for name in endpoints.ENDPOINTS if endpoints.streams(name))
        yield f"{where}.metric: expected {metric.key!r} only of an endpoint that streams ({able}), got it of {condition.endpoint}"
    if metric in metrics.WHOLE_SLICE and any(condition.endpoint == label for label in _parts(scenario)):
        yield f"{where}.metric: expected one that a part of a mix has of its own, got {metric.key!r}"


def _parts(scenario: "Scenario") -> Iterator[str]:
    return (part.label for endpoint in scenario.endpoints if endpoint.mix for part in endpoint.parts)


def metric_of(condition: Condition, scenario: "Scenario") -> metrics.Metric:
    """What it is about: throughput where nothing else is said; in open loop the median latency, in a search the rate."""
    if condition.metric is None:
        return metrics.of(scenario.load.mode)[0]
    return metrics.BY_KEY[condition.metric]
