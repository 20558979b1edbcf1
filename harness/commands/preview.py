"""What would be measured and for how long: for `djbench plan`, and the first lines of every run."""

from datetime import datetime

from harness.display import phrases
from harness.formatting import numbers
from harness.plan import courses, layout
from harness.registry import metrics
from harness.registry.load_modes import CAPACITY
from harness.scenario.endpoint import Endpoint
from harness.scenario.model import Scenario


def lines(scenario: Scenario) -> list[str]:
    """What `djbench plan` prints."""
    told = [scenario.question, "", "arms"]
    for arm in scenario.arms:
        told += [f"  {arm.name}: {arm.summary}"]
        told += [f"    {' '.join(arm.table.argv(arm, 'PORT'))}"]
    told += ["", f"cells (each on every arm, {scenario.load.in_words})"]
    for endpoint in scenario.endpoints:
        levels = ", ".join(numbers.level(scenario.load.mode, level) for level in endpoint.levels)
        told += [f"  {endpoint.label} @ {levels}{_asked_of(endpoint)}"]
    told += [*unshared(scenario), "", "comparisons", *(f"  {pair.arm} / {pair.over}" for pair in scenario.pairs)]
    if scenario.claims:
        told += ["", "claims"]
    for claim in scenario.claims:
        told += [f"  {claim.text}", *(f"    {scenario.told(condition)}" for condition in claim.conditions)]
    decided = (
        f"decided by {metrics.of(scenario.load.mode)[0].title}: equivalent within {numbers.margin(scenario.margin)}"
    )
    return [*told, "", decided, *_size_lines(scenario), size(scenario) if scenario.rule else expected(scenario)]


def first(scenario: Scenario, now: datetime) -> list[str]:
    """The first lines of a run: question, arms, size and expected time."""
    cells = len(list(layout.cells(scenario)))
    until = phrases.clock(now, courses.expected_s(scenario))
    at = f"done by {until} at the latest" if scenario.rule else f"done at about {until}"
    return [
        scenario.question,
        f"arms: {'; '.join(arm.name for arm in scenario.arms)}",
        f"{cells} cells, {size(scenario)}: {at}",
        *unshared(scenario),
    ]


def unshared(scenario: Scenario) -> list[str]:
    """Pages that are asked to write, of arms that all have the same database."""
    named = [one.name for one in scenario.endpoints if one.is_own and one.method != "GET" and not one.writes]
    told = "is no GET, and all arms have one database: if it writes, say `writes = true`, and each gets a copy"
    return [f"! {name}: {told}" for name in named]


def lasts(seconds: float, now: datetime) -> str:
    """`5 min 10 s: until 14:05`."""
    return f"{numbers.duration(seconds)}: until {phrases.clock(now, seconds)}"


def _asked_of(endpoint: Endpoint) -> str:
    """The parts of a mix, how many paths, and the arms of the cell where not all are requested."""
    mix = ", ".join(f"{numbers.percent(share)} {text}" for text, share in endpoint.mix.items())
    arms = f", only on {', '.join(endpoint.arms)}" if endpoint.arms else ""
    paths = f"{len(endpoint.listed)} paths of {endpoint.paths_from}" if endpoint.paths_from else ""
    return f"{f': {mix or paths}' if mix or paths else ''}{arms}"


def _size_lines(scenario: Scenario) -> list[str]:
    """How many blocks and slices, in which order."""
    cells, load = len(list(layout.cells(scenario))), scenario.load
    identity = f"seed {scenario.seed}, plan {layout.digest(scenario, layout.expand(scenario))}"
    if scenario.time is not None:
        return [
            f"{scenario.blocks} blocks in {numbers.duration(scenario.time)}: arms warmed up, each of {cells} cells"
            f" measured once, then whatever narrows the intervals most, {identity}"
        ]
    if scenario.adaptive:
        searches = f"{cells} searches for the highest rate that keeps {load.objective}"
        return [f"{scenario.blocks} blocks × {searches}, about {courses.slices_of(scenario)} slices each, {identity}"]
    visits = f"(1 warm-up and {load.visits} visits of {cells} cells)"
    return [f"{scenario.blocks} blocks × {courses.slices_of(scenario)} slices {visits}, {identity}"]


def size(scenario: Scenario) -> str:
    """`6 blocks, about 5 min 10 s`; with a stopping rule also its target."""
    until = f", until {goal(scenario)}; " if scenario.rule else ", "
    return f"{scenario.blocks} blocks{until}{expected(scenario)}"


def expected(scenario: Scenario) -> str:
    """`about 5 min 10 s`; with a rule from the fewest blocks to the most."""
    most = numbers.duration(courses.expected_s(scenario))
    if scenario.rule is None:
        return f"about {most}"
    fewest = courses.expected_s(scenario.model_copy(update={"blocks": scenario.fewest_blocks}))
    return f"about {numbers.duration(fewest)} to {most}"


def goal(scenario: Scenario) -> str:
    """The target of a stopping rule: `async / sync by throughput on hello @ 64 users is within ±3 %`."""
    assert scenario.rule is not None
    pair, endpoint, metric = scenario.pairs[0], scenario.endpoints[0], metrics.of(scenario.load.mode)[0]
    searched = scenario.load.mode == CAPACITY
    where = endpoint.label if searched else numbers.pushed(scenario.load.mode, endpoint.label, endpoint.levels[0])
    return f"{pair.arm} / {pair.over} by {metric.title} on {where} is within {numbers.margin(scenario.rule.within)}"
