"""A scenario file in, a checked Scenario out, or a UserError that names file, key, expected and got.

A scenario is refused whole and before anything starts: everything in it that cannot work on this
table of servers and endpoints is found here.
"""

import json
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from harness import fit, wording
from harness.arm import Arm
from harness.arrivals import Kind
from harness.blocks import Blocks, Rule
from harness.claim import Claim
from harness.endpoints import DATABASE, ENDPOINTS
from harness.errors import UserError
from harness.modes import CAPACITY, CLOSED
from harness.objective import Objective
from harness.storage import Database
from harness.table import Name, Pass, Table

Seconds = Annotated[StrictFloat | StrictInt, Field(gt=0, le=600)]
Users = Annotated[StrictInt, Field(ge=1, le=10_000)]
Rate = Annotated[StrictFloat | StrictInt, Field(ge=0.1, le=100_000)]

Query = dict[StrictStr, StrictInt | StrictStr]
HELD: Final = 0
"""The level of a capacity cell: the highest rate that keeps the promise, which only the run will tell."""
SCHEMA_FILE: Final = "scenario.schema.json"


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
    slice_max_s: Seconds = 2.0
    visits: Annotated[StrictInt, Field(ge=1, le=100)] = 3
    timeout_s: Seconds = 30.0
    drain_s: Seconds = 30.0

    @model_validator(mode="after")
    def check(self) -> Self:
        if self.slice_max_s < self.slice_s:
            raise ValueError(f"slice_max_s: expected at least slice_s = {self.slice_s:g}, got {self.slice_max_s:g}")
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

    @model_validator(mode="after")
    def check(self) -> Self:
        problems = list(fit.problems(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self

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
    def overrides(self) -> dict[str, Any]:
        """What the command line can change, as JSON: scenario.toml and these give the same scenario again."""
        return self.model_dump(include={"blocks", "seed", "base", "explained"}, exclude_none=True)

    @property
    def pairs(self) -> list[Comparison]:
        """The declared comparisons; without any, every arm over the first one."""
        if self.comparisons:
            return self.comparisons
        return [Comparison(arm=arm.name, over=self.arms[0].name) for arm in self.arms[1:] if arm.control_of is None]


KEYS: Final = {
    "": list(Scenario.model_fields),
    "blocks": list(Rule.model_fields),
    "arms": list(Arm.model_fields),
    "endpoints": list(Endpoint.model_fields),
    "load": list(Load.model_fields),
    "database": list(Database.model_fields),
    "comparisons": list(Comparison.model_fields),
    "claims": list(Claim.model_fields),
}


def load(path: Path) -> Scenario:
    """The scenario in this file.

    Raises UserError with one line per problem: file, key path, expected, got.
    """
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """The file's text; UserError if there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = get_close_matches(path.stem, [p.stem for p in path.parent.glob("*.toml")], n=1)
        hint = f"; did you mean {path.parent / near[0]}.toml?" if near else ""
        raise UserError(f"{path}: no such scenario file{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def parse(text: str, source: str) -> Scenario:
    """The scenario in this TOML text; `source` names it in messages."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{source}: not TOML: {error}") from None
    try:
        return Scenario.model_validate(tables)
    except ValidationError as error:
        raise UserError("\n".join(f"{source}: {line}" for line in wording.lines(error, KEYS))) from None


def schema() -> str:
    """The JSON Schema that editors use, as text."""
    return json.dumps(Scenario.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
