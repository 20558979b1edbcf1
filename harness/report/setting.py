"""Where and how a run was measured: machine, versions, calibration, method."""

from collections.abc import Sequence
from typing import Any

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.plan import layout
from harness.registry.load_modes import CAPACITY
from harness.report import mechanism_text
from harness.scenario.blocks import Rule
from harness.storage.files import FINISHED
from harness.storage.reader import read_notes
from harness.verdicts import mechanism, stopping_rule


def head(analysis: Analysis) -> list[str]:
    head, scenario = analysis.run.head, analysis.run.scenario
    cores = head["cores"]
    split = (
        f"server on core {_list(cores['server'])}, load generator and services on core {_list(cores['load'])}"
        if cores["server"]
        else cores["note"]
    )
    state = analysis.run.state
    lines = [
        scenario.question,
        f"{_machine(analysis)}; {split}",
        _versions(analysis),
        f"{scenario.load.in_words}; {numbers.blocks(analysis.blocks)}",
        _method(analysis),
    ]
    lines += [f"{arm.name}: {arm.summary}" for arm in scenario.arms]
    lines += [*_calibration(analysis), *edited(analysis)]
    if state != FINISHED or not scenario.fewest_blocks <= analysis.blocks <= scenario.most_blocks:
        lines.append(f"! {state} after {analysis.blocks} of {scenario.blocks} blocks: less precise than planned")
    elif scenario.rule is not None:
        lines.append(stopping_rule.outcome(analysis, scenario.rule))
    lines += [f"! {label}: {note}" for label, note in _pages(analysis).items()]
    explained = mechanism.read(analysis.run.path)
    lines += mechanism_text.cost(explained) if explained else []
    return [*lines, *_extensions(head["plan"].get("extended", []))]


def setting(analysis: Analysis) -> str:
    """Machine and versions on one line."""
    cut = "" if analysis.run.state == FINISHED else f", {analysis.run.state}: less precise than planned"
    return f"{_machine(analysis)}; {_versions(analysis)}; {numbers.blocks(analysis.blocks)}{cut}"


def _pages(analysis: Analysis) -> dict[str, str]:
    """What could not be compared of a page, by its label."""
    blocks = [read_notes(folder).get("pages", {}) for folder in analysis.run.block_folders]
    return {label: note for block in blocks for label, note in block.items()}


def _machine(analysis: Analysis) -> str:
    machine = analysis.run.head["machine"]
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"


def subject(analysis: Analysis) -> str:
    """What is compared: the demo's views, or deployments of somebody's code."""
    project = analysis.run.head.get("project")
    if not project:
        return "sync and async Django views compared"
    at = f" at {project['revision']}" if project["revision"] else ""
    return f"deployments of {project['name']}{at}"


def _versions(analysis: Analysis) -> str:
    head = analysis.run.head
    machine, project = head["machine"], head.get("project")
    if project:
        return (
            f"{subject(analysis)}; Python {project['python']}, Django {project['django']}; database {head['database']}"
        )
    return f"Python {machine['python']}, Django {machine['packages']['django']}; database {head['database']}"


def _extensions(before: Sequence[dict[str, Any]]) -> list[str]:
    """Blocks that were added, and when: looking at a result before adding blocks has to be reported."""
    after = [f"{one['measured']} blocks{_rule(one['blocks'])}" for one in before]
    return [f"extended by `djbench extend` after {', then after '.join(after)}"] if after else []


def _rule(planned: int | dict[str, Any]) -> str:
    """` (6 to 20, until ±3 %)` where the number was to follow from the interval."""
    if isinstance(planned, int):
        return ""
    rule = Rule.model_validate(planned)
    return f" ({rule}, until {numbers.margin(rule.within)})"


def _method(analysis: Analysis) -> str:
    """How figures and intervals are computed."""
    family = max((one.family for one in analysis.compared), default=0)
    ratios = (
        "ratios: geometric means over blocks with 95 % intervals and p by a moderated t, p corrected (Holm) for the"
        f" {numbers.count(family)} comparisons of a metric"
    )
    if analysis.mode == CAPACITY:
        return f"highest rates: that of the lowest block, so that every block held it; {ratios}"
    percentiles = "percentiles of the merged samples, intervals of p95 and p99 by a jackknife over blocks"
    return f"medians over blocks with order-statistic 95 % intervals (6 blocks or more); {percentiles}; {ratios}"


def edited(analysis: Analysis) -> list[str]:
    """Whether the scenario is still the one that was stored with the plan's hash before the first block."""
    stored = analysis.run.head["plan"].get("hash")
    if stored in (None, layout.digest(analysis.run.scenario, layout.expand(analysis.run.scenario))):
        return []
    return [
        "! scenario.toml differs from the plan that was measured (plan hash): it was edited after the run, or another version of"
        " djbench wrote it"
    ]


def _calibration(analysis: Analysis) -> list[str]:
    """The calibration of the load generator before the run: its ceiling, and failed checks."""
    stored = analysis.run.head["calibration"]
    lines = []
    if stored.get("ceiling_rps"):
        lines.append(
            f"load generator: ceiling {numbers.number(stored['ceiling_rps'])} req/s, calibrated before the run"
        )
    failed = [line for line in stored.get("lines", []) if line["passed"] is False]
    lines += [
        f"! calibration: {line['name']} {line['figure']} (limit {line['limit']}): {line['advice']}" for line in failed
    ]
    return lines


def _list(cores: Sequence[int]) -> str:
    return ", ".join(map(str, cores))
