"""A scenario file in, a checked Scenario out, or a UserError that names file, key, expected and got.

A scenario is refused whole and before anything starts: everything in it that cannot work on this
table of servers and endpoints is found here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StrictFloat, StrictInt, StrictStr, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from harness.registry import metrics
from harness.registry.endpoints import DATABASE, ENDPOINTS
from harness.registry.load_modes import CAPACITY, CLOSED, OPEN, Kind
from harness.scenario.arm import Arm
from harness.scenario.base_model import Name, Pass, Table
from harness.scenario.blocks import Blocks, Rule
from harness.scenario.claims import Claim, Condition
from harness.scenario.database import Database
from harness.scenario.duration import Duration
from harness.scenario.objective import Objective

Seconds = Annotated[StrictFloat | StrictInt, Field(gt=0, le=600)]

Users = Annotated[StrictInt, Field(ge=1, le=10_000)]

Rate = Annotated[StrictFloat | StrictInt, Field(ge=0.1, le=100_000)]

Query = dict[StrictStr, StrictInt | StrictStr]

LONGEST_CLOSED_S: Final = 60.0

OPEN_S: Final = 2.0

HELD: Final = 0
"""The level of a capacity cell: the highest rate that keeps the promise, which only the run will tell."""


@dataclass(frozen=True)
class Part:
    """One kind of work in a level: all of it, or a share of a mix."""

    name: str
    query: dict[str, int | str]
    share: float  # of the requests
    label: str  # as it stands in reports: `wait ms=100`; in a mix called neighbours `neighbours: wait ms=100`

    @property
    def least_ms(self) -> float:
        """The least time a correct answer can take, in ms."""
        return ENDPOINTS[self.name].least_ms(self.query)


class Endpoint(Table):
    """One kind of work and how hard it is pushed: `users` in closed loop, `rate` in open loop, neither for capacity.

    `arms` names those that are asked for it, where not all of them are.
    Or a mix of several, `mix = { greeting = 0.9, "wait ms=100" = 0.1 }`: each request draws its endpoint by these shares.
    """

    name: Annotated[StrictStr, WithJsonSchema({"anyOf": [{"enum": list(ENDPOINTS)}, {"type": "string"}]})]
    query: Query = {}
    mix: dict[StrictStr, Annotated[StrictFloat, Field(gt=0, lt=1)]] = {}
    users: list[Users] = []
    rate: list[Rate] = []
    arms: list[Name] = []

    @property
    def levels(self) -> Sequence[int | float]:
        """How hard it is pushed, level by level."""
        return self.users or self.rate or [HELD]

    @property
    def parts(self) -> Sequence[Part]:
        """What is asked at this level: one kind of work, or those of the mix."""
        if not self.mix:
            return [Part(self.name, self.query, 1.0, self.label)]
        named = [(text, *read_label(text), share) for text, share in self.mix.items()]
        return [Part(name, query, share, f"{self.name}: {text}") for text, name, query, share in named]

    @property
    def least_ms(self) -> float:
        """The least time a correct answer can take, in ms."""
        return min(part.least_ms for part in self.parts)

    @property
    def mean_ms(self) -> float:
        """The least time that a correct answer takes on average, in ms: of a mix, weighed by shares."""
        return sum(part.share * part.least_ms for part in self.parts)

    @property
    def longest_ms(self) -> float:
        """The least time that a correct answer of its slowest part can take, in ms."""
        return max(part.least_ms for part in self.parts)

    @property
    def label(self) -> str:
        """The endpoint with its query, as it stands in reports: `wait ms=100`; of a mix, its name."""
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.query.items())])

    @property
    def labels(self) -> Sequence[str]:
        """What is reported at this level: the endpoint; of a mix, all of it and then each part."""
        return [self.label, *(part.label for part in self.parts)] if self.mix else [self.label]


def read_label(text: str) -> tuple[str, dict[str, int | str]]:
    """Name and query of an endpoint written as in reports: `wait ms=100`. Whether they make sense is checked in fit.py."""
    name, *pairs = text.split() or [""]
    split = (pair.partition("=") for pair in pairs)
    return name, {key: int(value) if value.isdecimal() else value for key, _, value in split}


class Load(Table):
    """How a slice is driven."""

    mode: Literal["closed", "open", "capacity"] = "closed"
    arrivals: Kind = "poisson"
    max_in_flight: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None
    processes: Annotated[StrictInt, Field(ge=1, le=16)] = 1
    objective: Objective | None = None
    start_rate: Rate = 50
    slice_s: Seconds = 0.25
    slice_max_s: Seconds | None = None
    visits: Annotated[StrictInt, Field(ge=1, le=100)] = 3
    timeout_s: Seconds = 30.0
    drain_s: Seconds = 30.0

    @property
    def seconds(self) -> float:
        """From the moment it is full, a closed-loop slice lasts at least this."""
        return float(self.slice_s)

    @property
    def longest_s(self) -> float:
        """After this a closed-loop slice is ended, full or not; an open-loop slice lasts exactly this."""
        given = LONGEST_CLOSED_S if self.mode == CLOSED else OPEN_S
        return float(given if self.slice_max_s is None else self.slice_max_s)

    @property
    def in_words(self) -> str:
        """What kind of load it is: `closed loop`, `open loop, poisson arrivals`."""
        if self.mode == CLOSED:
            return "closed loop"
        kind = f"open loop, {self.arrivals} arrivals"
        return kind if self.mode == OPEN else f"{kind}, {self.objective}"

    @model_validator(mode="after")
    def check(self) -> Self:
        if self.longest_s < self.slice_s:
            raise ValueError(f"slice_max_s: expected at least slice_s = {self.slice_s:g}, got {self.longest_s:g}")
        for key, mode in (("objective", CAPACITY), ("start_rate", CAPACITY)):
            if key in self.model_fields_set and self.mode != mode:
                raise ValueError(f"{key}: expected only with mode = {mode!r}, got it with mode = {self.mode!r}")
        for key in ("arrivals", "max_in_flight"):
            if key in self.model_fields_set and self.mode == CLOSED:
                raise ValueError(f"{key}: expected only with mode = 'open' or 'capacity', got it with mode = 'closed'")
        if self.max_in_flight is not None and self.max_in_flight < self.processes:
            raise ValueError(
                f"max_in_flight: expected at least one per process = {self.processes}, got {self.max_in_flight}"
            )
        if self.mode == CAPACITY and self.objective is None:
            raise ValueError("objective: expected a promise such as 'p99 <= 250ms' with mode = 'capacity', got nothing")
        return self


class Base(Table):
    """What a change of the measured project is compared with."""

    ref: StrictStr  # as it was asked for
    sha: StrictStr
    change: StrictStr  # the working tree, as a commit


class Comparison(Table):
    """One arm over another, on every cell that both have."""

    arm: Name
    over: Name


class Scenario(Table):
    """The question, the arms, the endpoints. Everything else has a default."""

    question: Annotated[StrictStr, Field(min_length=10, max_length=500)]
    blocks: Blocks = 6
    time: Duration | None = None
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 1
    margin: Annotated[StrictFloat, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.03
    load: Load = Load()
    database: Database = Database()
    arms: Annotated[list[Arm], Field(min_length=1)]
    endpoints: Annotated[list[Endpoint], Field(min_length=1)]
    comparisons: list[Comparison] = []
    claims: list[Claim] = []
    base: Annotated[Base | None, SkipJsonSchema()] = None  # set by change.doubled, and not in a file
    explained: Pass = False  # set by explain.probed, and not in a file

    def arms_of(self, endpoint: Endpoint) -> list[Arm]:
        """The arms that are asked for this endpoint: all of them, or those it names."""
        return [arm for arm in self.arms if not endpoint.arms or arm.name in endpoint.arms]

    def arm(self, name: str) -> Arm:
        """The arm with this name; KeyError if there is none."""
        return {arm.name: arm for arm in self.arms}[name]

    @property
    def needs(self) -> frozenset[str]:
        """Which services the endpoints ask, and middleware that reads sessions: DATABASE, CACHE, UPSTREAM."""
        parts = [part for endpoint in self.endpoints for part in endpoint.parts]
        sessions = {DATABASE} if any(arm.profile == "sessions" for arm in self.arms) else set()
        return frozenset(sessions).union(*(ENDPOINTS[part.name].needs for part in parts))

    @property
    def rule(self) -> Rule | None:
        """By which a run ends before its last block; None: the number of blocks is fixed."""
        return self.blocks if isinstance(self.blocks, Rule) else None

    @property
    def fewest_blocks(self) -> int:
        """So many are measured whatever comes out."""
        return self.blocks.min if isinstance(self.blocks, Rule) else self.blocks

    @property
    def most_blocks(self) -> int:
        """So many are planned."""
        return self.blocks.max if isinstance(self.blocks, Rule) else self.blocks

    @property
    def adaptive(self) -> bool:
        """Whether the slices of a block follow from how the earlier ones went."""
        return self.load.mode == CAPACITY or self.time is not None

    @property
    def overrides(self) -> dict[str, Any]:
        """What the command line can change, as JSON: scenario.toml and these give the same scenario again."""
        return self.model_dump(include={"blocks", "time", "seed", "base", "explained"}, exclude_none=True)

    @property
    def pairs(self) -> list[Comparison]:
        """The declared comparisons; without any, every arm over the first one."""
        if self.comparisons:
            return self.comparisons
        return [Comparison(arm=arm.name, over=self.arms[0].name) for arm in self.arms[1:] if arm.control_of is None]

    @property
    def levels(self) -> dict[str, list[float]]:
        """Every label that is reported → its levels."""
        return {label: list(endpoint.levels) for endpoint in self.endpoints for label in endpoint.labels}

    def level_of(self, condition: Condition) -> float:
        """Its level; the endpoint's only one where none is given."""
        return self.levels[str(condition.endpoint)][0] if condition.level is None else condition.level

    def metric_of(self, condition: Condition) -> metrics.Metric:
        """What it is about: throughput where nothing else is said; in open loop the median latency, in a search the rate."""
        if condition.metric is None:
            return metrics.of(self.load.mode)[0]
        return (metrics.BY_KEY | metrics.PROBED)[condition.metric]

    def told(self, condition: Condition) -> str:
        """This condition on one line."""
        level = "" if condition.level is None else f" @ {condition.level:g}"
        what = (
            f"raises {condition.raises}" if condition.raises else f"{self.metric_of(condition).key} {condition.limit}"
        )
        return f"{condition.endpoint}{level}, {' over '.join(condition.sides)}: {what}"
