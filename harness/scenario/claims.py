"""Claims of a scenario: statements that its run can support or refute. Parsed here, judged in verdicts.claim_verdicts.

A claim has one condition, or several that are joined under `all`; keys that stand beside `all` hold for each of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NoReturn

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt, StrictStr, WithJsonSchema

from harness.errors import UserError
from harness.registry import metrics
from harness.scenario import percentages
from harness.scenario.base_model import Name, Table

FACTOR: Final = r"^(>=|<=|>|<) ?([0-9]+(?:\.[0-9]+)?)(?: ?[x×])?$"

QUANTITY: Final = r"^([0-9]+(?:\.[0-9]+)?) ?(ms|s|req/s|/s|MiB|)$"

SCALES: Final = {"ms": ("ms", 1.0), "s": ("ms", 1000.0), "req/s": ("req/s", 1.0), "/s": ("req/s", 1.0)}

KINDS: Final = ("by", "equivalent_within", "at_most", "at_least", "raises")

PAIRED: Final = ("by", "equivalent_within")

Line = Annotated[StrictStr, Field(min_length=5, max_length=500, pattern=r"^[^\x00-\x1f]*$")]


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

    metric: Literal[tuple(metrics.BY_KEY | metrics.INSTRUMENTED)] | None = None  # type: ignore[valid-type]
    endpoint: StrictStr | None = None
    level: StrictInt | StrictFloat | None = None
    better: Name | None = None
    than: Name | None = None
    than_endpoint: StrictStr | None = None
    arm: Name | None = None
    by: Annotated[Factor, BeforeValidator(_factor), _text(FACTOR)] | None = None
    equivalent_within: Annotated[float, BeforeValidator(percentages.part), _text(percentages.PATTERN)] | None = None
    at_most: Annotated[Quantity, BeforeValidator(_quantity), _text(QUANTITY)] | None = None
    at_least: Annotated[Quantity, BeforeValidator(_quantity), _text(QUANTITY)] | None = None
    raises: Annotated[StrictStr, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None

    @property
    def kinds(self) -> list[str]:
        """Which of KINDS it is; exactly one, once checked."""
        return [kind for kind in KINDS if getattr(self, kind) is not None]

    @property
    def instrumented(self) -> bool:
        """Whether it is about what the probe counts."""
        return self.metric in metrics.INSTRUMENTED

    @property
    def arms(self) -> list[str]:
        """The arms it is about."""
        return [name for name in (self.better, self.than, self.arm) if name is not None]

    @property
    def asked(self) -> list[tuple[str, str]]:
        """(arm, endpoint) on either side; the same endpoint on both unless `than_endpoint` says otherwise."""
        endpoints = (str(self.endpoint), self.than_endpoint or str(self.endpoint))
        return list(zip(self.arms, endpoints, strict=False))

    @property
    def sides(self) -> list[str]:
        """Either side in words: its arm, and the other endpoint where there is one."""
        return [
            f"{arm} on {endpoint}" if self.than_endpoint and place else arm
            for place, (arm, endpoint) in enumerate(self.asked)
        ]

    @property
    def limit(self) -> str:
        if self.by is not None:
            return str(self.by)
        if self.equivalent_within is not None:
            return f"equivalent within ±{100 * self.equivalent_within:g} %"
        return f"at most {self.at_most}" if self.at_most is not None else f"at least {self.at_least}"


class Claim(Condition):
    """A statement, published figures, and the conditions under which it is supported."""

    text: Line
    published: Line | None = None
    all: list[Condition] = []

    @property
    def conditions(self) -> list[Condition]:
        """All that has to hold."""
        own = {name: getattr(self, name) for name in Condition.model_fields if name in self.model_fields_set}
        if not self.all:
            return [Condition.model_construct(set(own), **own)]
        given = [{name: getattr(one, name) for name in one.model_fields_set} for one in self.all]
        return [Condition.model_construct(set(own | more), **(own | more)) for more in given]


def refuse_none(claims: Sequence[Claim], source: str) -> None:
    """UserError if there are no claims: a gate without any would always pass."""
    if not claims:
        raise UserError(f"{source}: --gate: expected claims that could fail, got none; add [[claims]] to the scenario")
