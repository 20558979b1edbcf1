"""Cross-checks that pydantic cannot do: whether the parts of a scenario fit together."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from harness.registry.endpoints import DATABASE, ENDPOINTS
from harness.registry.load_modes import CAPACITY, CLOSED, OPEN
from harness.registry.servers import SERVERS
from harness.samples import FILLING_ANSWERS, LATENCIES_PER_SLICE
from harness.scenario import claim_validation, error_messages, page_validation
from harness.scenario.database import POOLS, django_is

if TYPE_CHECKING:
    from harness.scenario.arm import Arm
    from harness.scenario.endpoint import Endpoint, Part
    from harness.scenario.model import Load, Scenario

DEMO_VARIABLES: Final = {"DATABASE_URL", "CACHE_URL", "CACHE_PREFIX", "UPSTREAM_URL", "DJANGO_PROFILE"}
"""What the harness sets for its demo; in a user's own project they are the project's."""

OWN_VARIABLES: Final = {
    *("DJBENCH_NONCE", "DJBENCH_APPLICATION", "DJBENCH_COUNTS", "DJBENCH_PROBE", "DJBENCH_GC", "DJBENCH_SERVERS"),
    *("DJBENCH_SETTINGS", "DJBENCH_DATABASE", "DJBENCH_CONN_MAX_AGE", "DJBENCH_POOL", "DJBENCH_PRELUDE", "PYTHONPATH"),
    *("DJBENCH_ASIDE", "DJBENCH_NAMED", "DJBENCH_BESIDE", "DJBENCH_KEYS", "PYTHONHASHSEED"),
    "DJANGO_SETTINGS_MODULE",
}


def problems(scenario: "Scenario") -> Iterator[str]:
    """One line per problem: key path, expected, got."""
    yield from _arm_problems(scenario)
    yield from page_validation.view_problems(scenario)
    yield from _time_problems(scenario)
    yield from _endpoint_problems(scenario)
    if scenario.database.engine == "sqlite" and any(arm.pool for arm in scenario.arms):
        yield "database.engine: expected 'postgres' or 'auto' for arms with a pool of connections, got 'sqlite'"
    yield from _comparison_problems(scenario)
    yield from claim_validation.problems(scenario)
    if scenario.base is not None:
        yield "base: set by `djbench ab`, not allowed in a scenario"
    if scenario.instrumented or any(arm.instrumented for arm in scenario.arms):
        yield "instrumented: set by `djbench explain SCENARIO`, not allowed in a scenario"
    if scenario.rule is not None and not scenario.pairs:
        yield "blocks: expected a whole number where there is no comparison for `until` to watch, got a table"


def _arm_problems(scenario: "Scenario") -> Iterator[str]:
    names = [arm.name for arm in scenario.arms]
    for index, arm in enumerate(scenario.arms):
        where = f"arms[{index}]"
        if names.index(arm.name) != index:
            yield f"{where}.name: expected a name used once, got {arm.name!r} again"
        yield from _option_problems(where, arm, OWN_VARIABLES | (set() if scenario.project else DEMO_VARIABLES))
        if arm.control_of is not None:
            yield from _control_problems(where, arm, scenario)


def _option_problems(where: str, arm: "Arm", taken: set[str]) -> Iterator[str]:
    for option in ("threads", "connections", "loop", "http"):
        if option in arm.model_fields_set and option not in arm.table.options:
            able = ", ".join(name for name, server in SERVERS.items() if option in server.options)
            yield f"{where}.{option}: expected only with {able}; got it with {arm.server}"
    if "threads" in arm.table.options and arm.threads < 1:
        yield f"{where}.threads: expected a number of threads ≥ 1 for {arm.server}, got {arm.threads or 'none'}"
    if "connections" in arm.table.options and arm.connections <= arm.threads:
        yield f"{where}.connections: expected more than its threads = {arm.threads}, got {arm.connections}"
    if arm.server == "daphne" and arm.workers != 1:
        yield f"{where}.workers: expected 1, because daphne has one process, got {arm.workers}"
    yield from _database_problems(where, arm)
    for name in sorted(taken & set(arm.environment)):
        yield f"{where}.environment.{name}: expected a variable that the harness does not set itself"


def _database_problems(where: str, arm: "Arm") -> Iterator[str]:
    """A pool has a size, which its workers share equally, and a Django that has pools."""
    if (arm.pool is None) == (arm.database == "pool"):
        got = f"{arm.pool or 'none'} with {arm.database!r}"
        yield f"{where}.pool: expected a number of connections with database = 'pool', and only then; got {got}"
    elif arm.pool is not None and arm.pool % arm.workers:
        yield f"{where}.pool: expected a multiple of its workers = {arm.workers}, got {arm.pool}"
    if arm.database == "pool" and arm.django is not None and not django_is(arm.django, POOLS):
        yield f"{where}.database: expected another with Django {arm.django} (pools came with 5.1), got 'pool'"


def _control_problems(where: str, arm: "Arm", scenario: "Scenario") -> Iterator[str]:
    others = {other.name: other for other in scenario.arms if other is not arm}
    original = others.get(arm.control_of or "")
    if original is None:
        hint = error_messages.hint(arm.control_of, others)
        yield f"{where}.control_of: expected the name of another arm, got {arm.control_of!r}{hint}"
        return
    if original.control_of is not None:
        yield f"{where}.control_of: expected an arm that is not a control itself, got {arm.control_of!r}"
        return
    same = {"name": arm.name, "control_of": arm.control_of}
    if original.model_copy(update=same) != arm:
        yield f"{where}.control_of: expected the same deployment and view as {original.name!r}, got a difference"


def _time_problems(scenario: "Scenario") -> Iterator[str]:
    if scenario.time is None:
        return
    if scenario.load.mode == CAPACITY:
        yield "time: expected only with mode = 'closed' or 'open', got it with mode = 'capacity': a search takes what it takes"
    if "visits" in scenario.load.model_fields_set:
        yield "load.visits: expected without time, which decides how many there are"
    if scenario.rule is not None:
        yield "blocks: expected a number with time, got a rule"


def _endpoint_problems(scenario: "Scenario") -> Iterator[str]:
    load, seen = scenario.load, set[tuple[str, float]]()
    for index, endpoint in enumerate(scenario.endpoints):
        where = f"endpoints[{index}]"
        places = {(endpoint.label, float(level)) for level in endpoint.levels}
        if again := places & seen:
            level = "" if load.mode == CAPACITY else f" at {min(again)[1]:g}"
            yield f"{where}: expected each endpoint and query once per level, got {endpoint.label!r}{level} again"
        seen |= places
        yield from _level_problems(where, endpoint, load)
        if "arms" in endpoint.model_fields_set and not endpoint.arms:
            yield f"{where}.arms: expected at least one, got an empty list (leave it out for all arms)"
        for name in endpoint.arms:
            if name not in (names := [arm.name for arm in scenario.arms]):
                yield f"{where}.arms: expected names of arms, got {name!r}{error_messages.hint(name, names)}"
        problems = list(_what_problems(where, endpoint, scenario))
        yield from problems
        latencies = LATENCIES_PER_SLICE + (FILLING_ANSWERS if load.mode == CLOSED else 0)
        if not problems and load.longest_s < latencies * endpoint.longest_ms / 1000:
            least = f"{latencies} × the {endpoint.longest_ms / 1000:g} s that {endpoint.label} takes"
            yield f"load.slice_max_s: expected at least {least}, got {load.longest_s:g}"
        needs = frozenset().union(*(part.facts.needs for part in endpoint.parts)) if not problems else frozenset()
        for arm in scenario.arms_of(endpoint):
            if DATABASE in needs and not arm.has_database:
                got = f"{arm.name!r} with {arm.django}"
                yield f"{where}.arms: expected arms with Django 4.2 or newer (psycopg 3 needs it), got {got}"
            most = arm.connections - arm.threads
            if "connections" in arm.table.options and 0 < most < max(endpoint.users, default=0):
                yield f"{where}.users: expected at most {most}, the connections of arm {arm.name!r}, got {max(endpoint.users)}"


def _what_problems(where: str, endpoint: "Endpoint", scenario: "Scenario") -> Iterator[str]:
    """What is asked: an endpoint of the demo, a mix of such, or a page of the scenario's own project."""
    if scenario.project is not None:
        yield from page_validation.problems(where, endpoint, scenario)
        return
    yield from page_validation.problems_of_demo(where, endpoint)
    if endpoint.mix:
        yield from _mix_problems(where, endpoint, scenario.load)
    elif not endpoint.is_own:
        yield from _workload_problems(where, "name", endpoint.parts[0])


def _level_problems(where: str, endpoint: "Endpoint", load: "Load") -> Iterator[str]:
    """Levels have to be those of the load's mode."""
    modes = {"users": CLOSED, "rate": OPEN}
    levels: dict[str, Sequence[float]] = {"users": endpoint.users, "rate": endpoint.rate}
    for key, values in levels.items():
        given = key in endpoint.model_fields_set
        if load.mode == modes[key] and not values:
            got = "an empty list" if given else "nothing"
            yield f"{where}.{key}: expected at least one with load.mode = {load.mode!r}, got {got}"
        if load.mode != modes[key] and given:
            yield f"{where}.{key}: expected only with load.mode = {modes[key]!r}, got it with {load.mode!r}"
        if sorted(set(values)) != list(values):
            yield f"{where}.{key}: expected rising numbers, each once, got {list(values)}"


def _mix_problems(where: str, endpoint: "Endpoint", load: "Load") -> Iterator[str]:
    """A mix has a name of its own, and at least two endpoints whose shares are all of it."""
    if endpoint.name in ENDPOINTS:
        yield f"{where}.name: expected a name of its own for a mix, got that of the endpoint {endpoint.name!r}"
    if endpoint.query:
        yield f"{where}.query: expected none beside mix (write it into the keys: 'wait ms=100'), got {endpoint.query}"
    if load.mode == CAPACITY:
        yield f"{where}.mix: expected only with load.mode = 'closed' or 'open', got it with {load.mode!r}"
    for text, part in zip(endpoint.mix, endpoint.parts, strict=True):
        yield from _workload_problems(where, f"mix.{text}", part)
    yield from page_validation.share_problems(where, endpoint, "endpoints")


def _workload_problems(where: str, key: str, part: "Part") -> Iterator[str]:
    """An endpoint that is there, with a query that it understands."""
    if part.name not in ENDPOINTS:
        hint = error_messages.hint(part.name, ENDPOINTS)
        yield f"{where}.{key}: expected one of {', '.join(ENDPOINTS)}; got {part.name!r}{hint}"
        return
    known = ENDPOINTS[part.name].query
    query = f"{where}.query" if key == "name" else f"{where}.{key}"
    for name, value in part.query.items():
        if name not in known:
            expected = f"one of {', '.join(sorted(known))}" if known else "no query"
            yield f"{query}.{name}: expected {expected} for {part.name}, got {name!r}{error_messages.hint(name, known)}"
        elif value not in known[name]:
            yield f"{query}.{name}: expected {_allowed(known[name])}, got {value!r}"


def _allowed(values: range | Sequence[str]) -> str:
    if isinstance(values, range):
        return f"a whole number from {values[0]} to {values[-1]}"
    return " or ".join(map(repr, values))


def _comparison_problems(scenario: "Scenario") -> Iterator[str]:
    names = [arm.name for arm in scenario.arms]
    for index, pair in enumerate(scenario.comparisons):
        for key, name in (("arm", pair.arm), ("over", pair.over)):
            if name not in names:
                yield f"comparisons[{index}].{key}: expected the name of an arm, got {name!r}{error_messages.hint(name, names)}"
        if pair.arm == pair.over:
            yield f"comparisons[{index}]: expected two different arms, got {pair.arm!r} twice"
