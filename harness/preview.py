"""What would be measured, in words, and for how long: for `bench plan`, and the first lines of every run."""

from datetime import datetime

from harness import figures, measure, plan, precision, runner, telling
from harness.scenario import Endpoint, Scenario


def lines(scenario: Scenario) -> list[str]:
    """What `bench plan` prints."""
    told = [scenario.question, "", "arms"]
    for arm in scenario.arms:
        told += [f"  {arm.name}: {arm.summary}"]
        told += [f"    {' '.join(arm.table.argv(arm, 'PORT'))}"]
    told += ["", f"cells (each on every arm, {figures.loop(scenario.load)})"]
    for endpoint in scenario.endpoints:
        levels = ", ".join(figures.level(scenario.load.mode, level) for level in endpoint.levels)
        told += [f"  {endpoint.label} @ {levels}{_asked_of(endpoint)}"]
    told += ["", "comparisons", *(f"  {pair.arm} / {pair.over}" for pair in scenario.pairs)]
    if scenario.claims:
        told += ["", "claims"]
    for claim in scenario.claims:
        told += [f"  {claim.text}", *(f"    {condition.told(scenario)}" for condition in claim.conditions)]
    return [*told, "", *_size_lines(scenario), size(scenario) if scenario.rule else expected(scenario)]


def first(scenario: Scenario, now: datetime) -> list[str]:
    """The first lines of a run: what is asked, of whom, how often and for how long."""
    cells = len(list(plan.cells(scenario)))
    until = telling.clock(now, measure.expected_s(scenario))
    at = f"done by {until} at the latest" if scenario.rule else f"done at about {until}"
    return [
        scenario.question,
        f"arms: {'; '.join(arm.name for arm in scenario.arms)}",
        f"{cells} cells, {size(scenario)}: {at}",
    ]


def lasts(seconds: float, now: datetime) -> str:
    """`5 min 10 s: until 14:05`."""
    return f"{figures.duration(seconds)}: until {telling.clock(now, seconds)}"


def _asked_of(endpoint: Endpoint) -> str:
    """What a mix is made of, and which arms are asked where not all are."""
    mix = ", ".join(f"{figures.percent(share)} {text}" for text, share in endpoint.mix.items())
    arms = f", only on {', '.join(endpoint.arms)}" if endpoint.arms else ""
    return f"{f': {mix}' if mix else ''}{arms}"


def _size_lines(scenario: Scenario) -> list[str]:
    """How many blocks and slices, in which order."""
    cells, load = len(list(plan.cells(scenario))), scenario.load
    identity = f"seed {scenario.seed}, plan {plan.digest(scenario, plan.expand(scenario))}"
    if runner.searching(scenario):
        searches = f"{cells} searches for the highest rate that keeps {load.objective}"
        return [f"{scenario.blocks} blocks × {searches}, about {measure.slices_of(scenario)} slices each, {identity}"]
    visits = f"(1 warm-up and {load.visits} visits of {cells} cells)"
    return [f"{scenario.blocks} blocks × {measure.slices_of(scenario)} slices {visits}, {identity}"]


def size(scenario: Scenario) -> str:
    """`6 blocks, about 5 min 10 s`; with a rule also until when."""
    until = f", until {goal(scenario)}; " if scenario.rule else ", "
    return f"{scenario.blocks} blocks{until}{expected(scenario)}"


def expected(scenario: Scenario) -> str:
    """`about 5 min 10 s`; with a rule from the fewest blocks to the most."""
    most = figures.duration(measure.expected_s(scenario))
    if scenario.rule is None:
        return f"about {most}"
    fewest = measure.expected_s(scenario.model_copy(update={"blocks": scenario.fewest_blocks}))
    return f"about {figures.duration(fewest)} to {most}"


def goal(scenario: Scenario) -> str:
    """What the rule of a scenario waits for."""
    assert scenario.rule is not None
    return precision.goal(scenario, scenario.rule)
