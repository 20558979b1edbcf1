"""What a report says of where and how a run was measured: machine, versions, calibration, method."""

from collections.abc import Sequence
from typing import Any

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.plan import layout
from harness.registry.load_modes import CAPACITY
from harness.report import mechanism_text
from harness.scenario.blocks import Rule
from harness.storage.files import FINISHED
from harness.verdicts import mechanism, stopping_rule


def _head(analysis: Analysis) -> list[str]:
    head, scenario = analysis.run.head, analysis.run.scenario
    cores = head["cores"]
    split = (
        f"server on core {_list(cores['server'])}, load and services on core {_list(cores['load'])}"
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
        lines.append(f"! {state} after {analysis.blocks} of {scenario.blocks} blocks: a smaller run")
    elif scenario.rule is not None:
        lines.append(stopping_rule.outcome(analysis, scenario.rule))
    explained = mechanism.read(analysis.run.path)
    lines += mechanism_text.cost(explained) if explained else []
    return [*lines, *_extensions(head["plan"].get("extended", []))]


def setting(analysis: Analysis) -> str:
    """On what it was measured, on one line."""
    cut = "" if analysis.run.state == FINISHED else f", {analysis.run.state}: a smaller run"
    return f"{_machine(analysis)}; {_versions(analysis)}; {numbers.blocks(analysis.blocks)}{cut}"


def _machine(analysis: Analysis) -> str:
    machine = analysis.run.head["machine"]
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"


def _versions(analysis: Analysis) -> str:
    head = analysis.run.head
    machine = head["machine"]
    return f"Python {machine['python']}, Django {machine['packages']['django']}; database {head['database']}"


def _extensions(before: Sequence[dict[str, Any]]) -> list[str]:
    """That blocks were added, and when: whoever looks at a result before measuring on has to say so."""
    after = [f"{one['measured']} blocks{_rule(one['blocks'])}" for one in before]
    return [f"extended by `djbench extend` after {', then after '.join(after)}"] if after else []


def _rule(planned: int | dict[str, Any]) -> str:
    """` (6 to 20, until ±3 %)` where the number was to follow from the interval."""
    if isinstance(planned, int):
        return ""
    rule = Rule.model_validate(planned)
    return f" ({rule}, until {numbers.margin(rule.within)})"


def _method(analysis: Analysis) -> str:
    """How figures and intervals are made."""
    family = analysis.compared[0].family if analysis.compared else 0
    ratios = f"ratios: geometric means with 95 % intervals, verdicts corrected for {family} comparisons"
    if analysis.mode == CAPACITY:
        return f"highest rates: geometric means over blocks with 95 % t-intervals; {ratios}"
    percentiles = "percentiles of all samples together, intervals of p95 and p99 by a jackknife over blocks"
    return f"medians over blocks with order-statistic 95 % intervals (6 blocks or more); {percentiles}; {ratios}"


def edited(analysis: Analysis) -> list[str]:
    """Whether the scenario is still the one that was stored with the plan's hash before the first block."""
    stored = analysis.run.head["plan"].get("hash")
    if stored in (None, layout.digest(analysis.run.scenario, layout.expand(analysis.run.scenario))):
        return []
    return [
        "! scenario.toml is not what was measured (plan hash): it was edited after the run, claims too perhaps, or by another"
        " version of djbench"
    ]


def _calibration(analysis: Analysis) -> list[str]:
    """The load generator before the run: its ceiling, and what of it did not pass."""
    stored = analysis.run.head["calibration"]
    lines = []
    if stored.get("ceiling_rps"):
        lines.append(
            f"load generator: up to {numbers.number(stored['ceiling_rps'])} req/s here, calibrated before the run"
        )
    failed = [line for line in stored.get("lines", []) if line["passed"] is False]
    lines += [
        f"! calibration: {line['name']} {line['figure']} (limit {line['limit']}): {line['advice']}" for line in failed
    ]
    return lines


def _list(cores: Sequence[int]) -> str:
    return ", ".join(map(str, cores))
