"""A scenario file in, a checked Scenario out, or a UserError that names file, key, expected and got.

A scenario is refused whole and before anything starts: everything in it that cannot work on this
table of servers and endpoints is found here.
"""

import json
import sys
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from harness import wording
from harness.endpoints import LEAST_MS
from harness.errors import UserError
from harness.samples import FEWEST_LATENCIES
from harness.servers import SERVERS, Server

Colour = Literal["sync", "async"]
Name = Annotated[StrictStr, Field(min_length=1, max_length=60, pattern=r"^[^\s\x00-\x1f/\\][^\x00-\x1f/\\]*$")]
Variable = Annotated[StrictStr, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Seconds = Annotated[StrictFloat | StrictInt, Field(gt=0, le=600)]
Users = Annotated[StrictInt, Field(ge=1, le=10_000)]

SCHEMA_FILE: Final = "scenario.schema.json"


class Table(BaseModel):
    """A TOML table: frozen, and no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Arm(Table):
    """A deployment plus the view colour it is asked for."""

    name: Name
    server: Literal[tuple(SERVERS)]  # type: ignore[valid-type]
    view: Colour
    workers: Annotated[StrictInt, Field(ge=1, le=64)] = 1
    threads: Annotated[StrictInt, Field(ge=0, le=4_096)] = 0
    connections: Annotated[StrictInt, Field(ge=1, le=65_536)] = 16_384
    loop: Literal["uvloop", "asyncio"] = "uvloop"
    profile: Literal["default", "bare"] = "default"
    environment: dict[Variable, Annotated[StrictStr, Field(pattern=r"^[^\x00]*$")]] = {}
    control_of: Name | None = None

    @property
    def table(self) -> Server:
        """This arm's entry in the servers table."""
        return SERVERS[self.server]

    @property
    def cap(self) -> int | None:
        """Requests that can be inside a view at once; None: no declared limit."""
        return self.table.cap(self)

    @property
    def room(self) -> str:
        """The cap in words."""
        if self.cap is None:
            return "no declared cap"
        return "room for 1 request at a time" if self.cap == 1 else f"room for {self.cap} requests at a time"

    @property
    def summary(self) -> str:
        """What this arm is, on one line."""
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        control = f", control of {self.control_of}" if self.control_of else ""
        served = f"{self.server} ({self.table.interface}), {workers}, {self.room}"
        return f"{self.view} view, {served}, middleware {self.profile}{control}"


class Endpoint(Table):
    """One kind of work and how hard it is pushed."""

    name: Literal[tuple(LEAST_MS)]  # type: ignore[valid-type]
    query: dict[StrictStr, StrictInt | StrictStr] = {}
    users: Annotated[list[Users], Field(min_length=1)]

    @property
    def least_ms(self) -> float:
        """The least time a correct answer can take, in ms."""
        return LEAST_MS[self.name](self.query)

    @property
    def label(self) -> str:
        """The endpoint with its query, as it stands in reports: `wait ms=100`."""
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.query.items())])


class Load(Table):
    """How a slice is driven."""

    mode: Literal["closed"] = "closed"
    slice_s: Seconds = 0.25
    slice_max_s: Seconds = 2.0
    visits: Annotated[StrictInt, Field(ge=1, le=100)] = 3
    timeout_s: Seconds = 30.0
    drain_s: Seconds = 30.0

    @model_validator(mode="after")
    def check(self) -> Self:
        if self.slice_max_s < self.slice_s:
            raise ValueError(f"slice_max_s: expected at least slice_s = {self.slice_s:g}, got {self.slice_max_s:g}")
        return self


class Comparison(Table):
    """One arm over another, on every cell that both have."""

    arm: Name
    over: Name


class Scenario(Table):
    """The question, the arms, the endpoints. Everything else has a default."""

    question: Annotated[StrictStr, Field(min_length=10, max_length=500)]
    blocks: Annotated[StrictInt, Field(ge=1, le=1_000)] = 6
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 1
    margin: Annotated[StrictFloat, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.03
    load: Load = Load()
    arms: Annotated[list[Arm], Field(min_length=1)]
    endpoints: Annotated[list[Endpoint], Field(min_length=1)]
    comparisons: list[Comparison] = []

    @model_validator(mode="after")
    def check(self) -> Self:
        problems = [*_arm_problems(self), *_endpoint_problems(self), *_comparison_problems(self)]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def arm(self, name: str) -> Arm:
        """The arm with this name; KeyError if there is none."""
        return {arm.name: arm for arm in self.arms}[name]

    @property
    def pairs(self) -> list[Comparison]:
        """The declared comparisons; without any, every arm over the first one."""
        if self.comparisons:
            return self.comparisons
        return [Comparison(arm=arm.name, over=self.arms[0].name) for arm in self.arms[1:] if arm.control_of is None]


KEYS: Final = {
    "": list(Scenario.model_fields),
    "arms": list(Arm.model_fields),
    "endpoints": list(Endpoint.model_fields),
    "load": list(Load.model_fields),
    "comparisons": list(Comparison.model_fields),
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


# what pydantic cannot see: whether the parts fit together


def _arm_problems(scenario: Scenario) -> Iterator[str]:
    names = [arm.name for arm in scenario.arms]
    for index, arm in enumerate(scenario.arms):
        where = f"arms[{index}]"
        if names.index(arm.name) != index:
            yield f"{where}.name: expected a name used once, got {arm.name!r} again"
        yield from _option_problems(where, arm)
        if arm.control_of is not None:
            yield from _control_problems(where, arm, scenario)


def _option_problems(where: str, arm: Arm) -> Iterator[str]:
    for option in ("threads", "connections", "loop"):
        if option in arm.model_fields_set and option not in arm.table.options:
            able = ", ".join(name for name, server in SERVERS.items() if option in server.options)
            yield f"{where}.{option}: expected only with {able}; got it with {arm.server}"
    if "threads" in arm.table.options and arm.threads < 1:
        yield f"{where}.threads: expected a number of threads ≥ 1 for {arm.server}, got {arm.threads or 'none'}"
    if "connections" in arm.table.options and arm.connections <= arm.threads:
        yield f"{where}.connections: expected more than its threads = {arm.threads}, got {arm.connections}"
    if arm.server == "daphne" and arm.workers != 1:
        yield f"{where}.workers: expected 1, because daphne has one process, got {arm.workers}"
    reserved = {"BENCH_NONCE", "DATABASE_URL", "UPSTREAM_URL", "DJANGO_PROFILE"} & set(arm.environment)
    for name in sorted(reserved):
        yield f"{where}.environment.{name}: expected a name the harness does not set itself"


def _control_problems(where: str, arm: Arm, scenario: Scenario) -> Iterator[str]:
    others = {other.name: other for other in scenario.arms if other is not arm}
    original = others.get(arm.control_of or "")
    if original is None:
        hint = wording.hint(arm.control_of, others)
        yield f"{where}.control_of: expected the name of another arm, got {arm.control_of!r}{hint}"
        return
    if original.control_of is not None:
        yield f"{where}.control_of: expected an arm that is not a control itself, got {arm.control_of!r}"
        return
    same = {"name": arm.name, "control_of": arm.control_of}
    if original.model_copy(update=same) != arm:
        yield f"{where}.control_of: expected the same deployment and view as {original.name!r}, got a difference"


def _endpoint_problems(scenario: Scenario) -> Iterator[str]:
    load, seen = scenario.load, set()
    for index, endpoint in enumerate(scenario.endpoints):
        where = f"endpoints[{index}]"
        if endpoint.label in seen:
            yield f"{where}: expected each endpoint and query once (levels belong in its users), got {endpoint.label!r} again"
        seen.add(endpoint.label)
        if sorted(set(endpoint.users)) != endpoint.users:
            yield f"{where}.users: expected rising numbers, each once, got {endpoint.users}"
        problems = list(_query_problems(where, endpoint))
        yield from problems
        if not problems and load.slice_max_s < FEWEST_LATENCIES * endpoint.least_ms / 1000:
            least = f"{FEWEST_LATENCIES} × the {endpoint.least_ms / 1000:g} s that {endpoint.label} takes"
            yield f"load.slice_max_s: expected at least {least}, got {load.slice_max_s:g}"
        for arm in scenario.arms:
            most = arm.connections - arm.threads
            if "connections" in arm.table.options and 0 < most < max(endpoint.users):
                yield f"{where}.users: expected at most {most}, the connections of arm {arm.name!r}, got {max(endpoint.users)}"


def _query_problems(where: str, endpoint: Endpoint) -> Iterator[str]:
    known = {"wait": {"ms"}, "upstream": {"ms"}, "fanout": {"k", "ms", "mode"}, "mixed": {"ms", "pk"}}
    known |= {"blocking": {"ms"}, "db_read": {"pk"}}
    limits = {"ms": 60_000, "k": 100, "pk": 1_000}
    allowed = known.get(endpoint.name, set())
    for name, value in endpoint.query.items():
        if name not in allowed:
            expected = f"one of {', '.join(sorted(allowed))}" if allowed else "no query"
            yield f"{where}.query.{name}: expected {expected} for {endpoint.name}, got {name!r}{wording.hint(name, allowed)}"
        elif name == "mode" and value not in ("parallel", "sequential"):
            yield f"{where}.query.mode: expected 'parallel' or 'sequential', got {value!r}"
        elif name != "mode" and not (isinstance(value, int) and 0 <= value <= limits[name]):
            yield f"{where}.query.{name}: expected a whole number from 0 to {limits[name]}, got {value!r}"


def _comparison_problems(scenario: Scenario) -> Iterator[str]:
    names = [arm.name for arm in scenario.arms]
    for index, pair in enumerate(scenario.comparisons):
        for key, name in (("arm", pair.arm), ("over", pair.over)):
            if name not in names:
                yield f"comparisons[{index}].{key}: expected the name of an arm, got {name!r}{wording.hint(name, names)}"
        if pair.arm == pair.over:
            yield f"comparisons[{index}]: expected two different arms, got {pair.arm!r} twice"


if __name__ == "__main__":
    sys.stdout.write(schema())
