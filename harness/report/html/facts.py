"""What was equal, what differed, on what it was measured, and how to do it again: tables of words for the page. Pure."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.formatting.tables import Table
from harness.plan import layout
from harness.plan.slices import Cell
from harness.registry import metrics
from harness.registry.metrics import Metric
from harness.report.html.line_charts import where
from harness.storage.reader import read_notes

RESOURCES: Final = ("cpu", "memory", "threads", "connections", "sessions")

COUNTED: Final = {
    "switches": "thread switches",
    "threads_started": "threads started",
    "application_ms": "in the application [ms]",
    "thread_ms": "waiting for a thread [ms]",
    "connection_ms": "for a database connection [ms]",
    "query_ms": "in queries [ms]",
    "upstream_ms": "for HTTP services [ms]",
    "rest_ms": "Python and elsewhere [ms]",
    "lag_p99_ms": "event loop's lag, p99 [ms]",
}
"""Of a probed pass, per request: the columns of mechanism.csv that the page shows."""

FLAGS: Final = {"HTTP parser": ("--http-parser", "--http"), "event loop": ("--asgi-loop", "--loop", "-k")}
"""What a server is told by flags of many names, and what it does with a request depends on."""


def differed(analysis: Analysis) -> Table:
    """What was not the same for all arms; a column in which all are alike is left out."""
    arms, typed = analysis.run.scenario.arms, dict(commands(analysis))
    columns: dict[str, Sequence[str]] = {
        "server": [arm.server for arm in arms],
        "interface": [arm.table.interface for arm in arms],
        "view": [arm.view for arm in arms],
        "requests at a time": [str(arm.concurrency_limit or "no declared cap") for arm in arms],
        **{name: [_by_flag(typed.get(arm.name, ""), name) for arm in arms] for name in FLAGS},
        "workers": [str(arm.workers) for arm in arms],
        "middleware": [arm.profile for arm in arms],
        "database": [arm.connecting for arm in arms],
        "Django": [arm.django or str(analysis.run.head["machine"]["packages"]["django"]) for arm in arms],
        "environment": [" ".join(f"{key}={value}" for key, value in arm.environment.items()) for arm in arms],
        "project": [arm.revision or "" for arm in arms],
        "control of": [arm.control_of or "" for arm in arms],
    }
    always = ("server", "interface", "view", "requests at a time")
    shown = {name: values for name, values in columns.items() if name in always or len(set(values)) > 1}
    rows = [[arm.name, *(values[place] for values in shown.values())] for place, arm in enumerate(arms)]
    return Table(["arm", *shown], rows)


def _by_flag(command: str, what: str) -> str:
    """As the stored command says. A worker class of a project's own may set it otherwise, so it is named instead."""
    own = re.search(r" --worker-class (\S+\.\S+)", command)
    if own:
        return f"set by {own[1].rpartition('.')[2]}"
    found = [match[1] for flag in FLAGS[what] if (match := re.search(rf" {flag} (\S+)", command))]
    return next((one for one in found if not one.isdigit()), "no flag sets it")  # `--http 1` is a version


def unequal_caps(analysis: Analysis) -> str:
    """The arms' caps on requests at a time, where they are not all the same."""
    caps = list(
        dict.fromkeys(
            "no declared cap" if arm.concurrency_limit is None else str(arm.concurrency_limit)
            for arm in analysis.run.scenario.arms
        )
    )
    return ", ".join(caps) if len(caps) > 1 else ""


def equal(analysis: Analysis) -> list[tuple[str, str]]:
    """What was the same for all of them."""
    head, scenario = analysis.run.head, analysis.run.scenario
    cores, arms = head["cores"], scenario.arms
    alike: dict[str, set[str]] = {
        "worker processes": {str(arm.workers) for arm in arms},
        "middleware": {arm.profile for arm in arms},
        "database connections": {arm.connecting for arm in arms},
    }
    blocks = numbers.blocks(analysis.blocks)
    split = f"server on core {_list(cores['server'])}; load maker and services on core {_list(cores['load'])}"
    same = {
        "cores": split if cores["server"] else str(cores["note"]),
        **{name: next(iter(found)) for name, found in alike.items() if len(found) == 1},
        "database": str(head["database"]),
        "answers": "byte for byte the same from every arm, proven before any load in each block",
        "order": f"{blocks}; in each, every arm started afresh, then loaded one at a time in shuffled slices",
        "load": scenario.load.in_words,
    }
    return list(same.items())


def machine(analysis: Analysis) -> list[tuple[str, str]]:
    """The machine, and what ran on it."""
    head = analysis.run.head
    facts: dict[str, Any] = head["machine"]
    memory = facts.get("memory_gib")
    told = {
        "CPU": f"{facts['cpu']}, {facts['cores']} cores",
        "memory": f"{memory} GiB" if memory else "",
        "system": str(facts["system"]),
        "Python": str(facts["python"]),
        **{name: version for name, version in facts["packages"].items() if version},
        "database": str(head["database"]),
        "measured": str(head.get("started", "")),
    }
    return [(name, text) for name, text in told.items() if text]


def calibration(analysis: Analysis) -> Table | None:
    """What the load maker was tested for before the run; None if it was not."""
    lines: Sequence[Mapping[str, Any]] = analysis.run.head["calibration"].get("lines", [])
    signs = {True: "✔ passed", False: "✘ not passed", None: "not known here"}
    rows = [[one["name"], one["figure"], one["limit"], signs[one["passed"]]] for one in lines]
    return Table(["test of the load maker", "seen", "limit", "result"], rows) if rows else None


def commands(analysis: Analysis) -> list[tuple[str, str]]:
    """Each arm's exact command, as in the first block."""
    return list(read_notes(analysis.run.block_folders[0])["commands"].items())


def path(analysis: Analysis) -> str:
    """Where the run is, as one types it: as given, or from the working directory if it lies below."""
    given = analysis.run.path
    below = given.is_absolute() and given.is_relative_to(Path.cwd())
    return shlex.quote(str(given.relative_to(Path.cwd()) if below else given))


def again(analysis: Analysis, explained: bool) -> list[tuple[str, str]]:
    """What to type, and what it does. `explained`: a probed pass is kept with the run."""
    name, run = str(analysis.run.head["scenario"]), path(analysis)
    why = [] if explained else [(f"djbench explain {run}", "say why, by a pass with a probe")]
    return [
        (f"djbench run scenarios/{name}.toml", "measure the same question on your machine"),
        (f"djbench report {run}", "make this page anew from the raw samples"),
        *why,
        (f"djbench extend {run} --blocks 6", "add blocks, where something is undecided"),
    ]


def scenario_text(analysis: Analysis) -> str:
    """The question as it was asked."""
    return (analysis.run.path / "scenario.toml").read_text(encoding="utf-8")


def digest(analysis: Analysis) -> str:
    """By which two runs of the same plan are known."""
    return str(analysis.run.head["plan"].get("hash") or layout.digest(analysis.run.scenario, []))


def resources(analysis: Analysis, lost: set[Cell]) -> Table:
    """What a request cost and what an arm held; a column without any figure is left out."""
    told = [metrics.BY_KEY[key] for key in RESOURCES]
    cells = [cell for cell in analysis.cells if analysis.whole(cell) == cell]
    found = {(cell, metric): analysis.estimate(cell, metric) for cell in cells for metric in told}
    shown = [metric for metric in told if any(found[cell, metric] for cell in cells)]
    rows = [
        [
            where(analysis, cell.endpoint, cell.level),
            cell.arm,
            *("INVALID" if cell in lost else numbers.estimate(found[cell, metric]) for metric in shown),
        ]
        for cell in cells
    ]
    return Table(["where", "arm", *(named(metric) for metric in shown)], rows)


def named(metric: Metric) -> str:
    """A metric with its unit: `p50 [ms]`."""
    return f"{metric.title} [{metric.unit}]" if metric.unit else metric.title


def _list(cores: Sequence[int] | None) -> str:
    return ", ".join(map(str, cores or []))
