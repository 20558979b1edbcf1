"""A scenario file in, a checked Scenario out, or a UserError that names file, key, expected and got.

A scenario is refused whole and before anything starts: everything in it that these
servers and endpoints cannot do is found here.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StrictFloat, StrictInt, StrictStr, model_validator
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
from harness.scenario.endpoint import Endpoint, Rate
from harness.scenario.objective import ObjectiveText
from harness.scenario.project import Login, Project

Seconds = Annotated[StrictFloat | StrictInt, Field(gt=0, le=600)]

LONGEST_CLOSED_S: Final = 60.0

OPEN_S: Final = 2.0

FEWEST_TIMED: Final = 3
"""So many blocks are measured, however long they take: with fewer, no comparison is judged (statistics.moderated)."""


class Load(Table):
    """How a slice is driven."""

    mode: Literal["closed", "open", "capacity"] = "closed"
    arrivals: Kind = "poisson"
    max_in_flight: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None
    processes: Annotated[StrictInt, Field(ge=1, le=16)] = 1
    objective: ObjectiveText | None = None
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
            raise ValueError(
                "objective: expected an objective such as 'p99 <= 250ms' with mode = 'capacity', got nothing"
            )
        return self


class Base(Table):
    """The revision that a change of the measured project is compared with."""

    ref: StrictStr  # as it was asked for
    sha: StrictStr
    change: StrictStr  # the working tree, as a commit
    python: Annotated[StrictStr | None, Field(exclude_if=lambda one: one is None)] = None  # of one of its own


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
    margin: Annotated[StrictFloat, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.05
    load: Load = Load()
    project: Annotated[Project | None, Field(exclude_if=lambda one: one is None)] = None
    login: Annotated[list[Login], Field(exclude_if=lambda some: not some)] = []
    database: Database = Database()
    arms: Annotated[list[Arm], Field(min_length=1)]
    endpoints: Annotated[list[Endpoint], Field(min_length=1)]
    comparisons: list[Comparison] = []
    claims: list[Claim] = []
    base: Annotated[Base | None, SkipJsonSchema()] = None  # set by plan.ab.doubled, and not in a file
    instrumented: Pass = False  # set by plan.instrumented_run, not in a file
    folder: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None  # set by reader.load, not in a file

    def arms_of(self, endpoint: Endpoint) -> list[Arm]:
        """The arms that are asked for this endpoint: all of them, or those it names."""
        return [arm for arm in self.arms if not endpoint.arms or arm.name in endpoint.arms]

    def arm(self, name: str) -> Arm:
        """The arm with this name; KeyError if there is none."""
        return {arm.name: arm for arm in self.arms}[name]

    @property
    def needs(self) -> frozenset[str]:
        """Services that the endpoints and the session middleware use: DATABASE, CACHE, UPSTREAM."""
        if self.project is not None:
            return self.project.needs
        parts = [part for endpoint in self.endpoints for part in endpoint.parts]
        sessions = {DATABASE} if any(arm.profile == "sessions" for arm in self.arms) else set()
        return frozenset(sessions).union(*(ENDPOINTS[part.name].needs for part in parts))

    @property
    def rule(self) -> Rule | None:
        """The stopping rule; None: the number of blocks is fixed."""
        return self.blocks if isinstance(self.blocks, Rule) else None

    @property
    def fewest_blocks(self) -> int:
        """The least that is measured. A run that is given a time ends after it, but not before a difference can be told."""
        if isinstance(self.blocks, Rule):
            return self.blocks.min
        return self.blocks if self.time is None else min(FEWEST_TIMED, self.blocks)

    @property
    def most_blocks(self) -> int:
        """The most that is measured."""
        return self.blocks.max if isinstance(self.blocks, Rule) else self.blocks

    @property
    def adaptive(self) -> bool:
        """Whether the slices of a block follow from how the earlier ones went."""
        return self.load.mode == CAPACITY or self.time is not None

    @property
    def overrides(self) -> dict[str, Any]:
        """What the command line can change, as JSON: scenario.toml and these give the same scenario again."""
        return self.model_dump(include={"blocks", "time", "seed", "base", "instrumented"}, exclude_none=True) | (
            {key: one for key, one in (("folder", self.folder), ("listed", self.lists)) if one}
        )

    @property
    def lists(self) -> dict[str, dict[str, int]]:
        """The files of paths that it names → path → how often it is in there."""
        return {one.paths_from: one.listed for one in self.endpoints if one.paths_from}

    @property
    def pairs(self) -> list[Comparison]:
        """The declared comparisons; without any, every arm over the first one."""
        if self.comparisons:
            return self.comparisons
        return [Comparison(arm=arm.name, over=self.arms[0].name) for arm in self.arms[1:] if arm.control_of is None]

    @property
    def levels(self) -> dict[str, list[float]]:
        """Every label that is reported → its levels."""
        found: dict[str, list[float]] = {}
        for endpoint in self.endpoints:
            for label in endpoint.labels:
                found.setdefault(label, []).extend(endpoint.levels)
        return found

    def level_of(self, condition: Condition) -> float:
        """Its level; the endpoint's only one where none is given."""
        return self.levels[str(condition.endpoint)][0] if condition.level is None else condition.level

    def metric_of(self, condition: Condition) -> metrics.Metric:
        """Its metric; by default throughput, in open loop p99, in a capacity search the rate."""
        if condition.metric is None:
            return metrics.of(self.load.mode)[0]
        return (metrics.BY_KEY | metrics.INSTRUMENTED)[condition.metric]

    def told(self, condition: Condition) -> str:
        """This condition on one line."""
        level = "" if condition.level is None else f" @ {condition.level:g}"
        what = (
            f"raises {condition.raises}" if condition.raises else f"{self.metric_of(condition).key} {condition.limit}"
        )
        return f"{condition.endpoint}{level}, {' over '.join(condition.sides)}: {what}"
