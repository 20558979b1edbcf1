"""What differed between arms, what did not, the environment, and how to reproduce the run: text tables for the page. Pure."""

import re
import shlex
from collections.abc import Mapping, Sequence
from itertools import product
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
from harness.scenario import reader
from harness.scenario.arm import Arm
from harness.storage.reader import read_notes

RESOURCES: Final = ("cpu", "memory", "threads", "connections", "sessions")

COUNTED: Final = {
    "switches": "thread switches",
    "threads_started": "threads started",
    "application_ms": "in application [ms]",
    "thread_ms": "wait for thread [ms]",
    "connection_ms": "wait for DB connection [ms]",
    "query_ms": "DB queries [ms]",
    "upstream_ms": "HTTP calls [ms]",
    "rest_ms": "Python and other [ms]",
    "lag_p99_ms": "event-loop lag, p99 [ms]",
}
"""Columns of mechanism.csv (instrumented run, per request) that the page shows."""

RESPONSES = "identical body from every arm, verified in each block before load is applied"

RESPONSES_OWN = (
    "the same page from every arm, but for tokens, times and what differs from answer to answer, verified in each block"
)

FLAGS: Final = {"HTTP parser": ("--http-parser", "--http"), "event loop": ("--asgi-loop", "--loop", "-k")}
"""Server options that matter for a request, and the flags that set them on different servers."""


def differed(analysis: Analysis) -> Table:
    """One row per arm; optional columns in which all arms agree are left out."""
    arms, typed, head = analysis.run.scenario.arms, dict(commands(analysis)), analysis.run.head
    installed = str(head.get("project", {}).get("django") or head["machine"]["packages"]["django"])
    told = read_notes(analysis.run.block_folders[0]).get("identities", {})
    djangos = {arm.name: str(told.get(arm.name, {}).get("django", arm.django or installed)) for arm in arms}
    columns: dict[str, Sequence[str]] = {
        "server": [arm.server for arm in arms],
        "interface": [arm.table.interface for arm in arms],
        "view": [arm.view or "" for arm in arms],
        "concurrency limit": [limit(arm) for arm in arms],
        **{name: [_by_flag(typed.get(arm.name, ""), name) for arm in arms] for name in FLAGS},
        "workers": [str(arm.workers) for arm in arms],
        "middleware": [arm.profile for arm in arms],
        "garbage collection": [arm.collecting for arm in arms],
        "database": [arm.connecting for arm in arms],
        "Django": [djangos[arm.name] for arm in arms],
        "Python": [str(told.get(arm.name, {}).get("python", "")) for arm in arms],
        "environment": [" ".join(f"{key}={value}" for key, value in arm.environment.items()) for arm in arms],
        "project": [arm.revision or "" for arm in arms],
        "control of": [arm.control_of or "" for arm in arms],
    }
    always = ("server", "interface", "concurrency limit", *(("view",) if any(columns["view"]) else ()))
    shown = {name: values for name, values in columns.items() if name in always or len(set(values)) > 1}
    rows = [[arm.name, *(values[place] for values in shown.values())] for place, arm in enumerate(arms)]
    return Table(["arm", *shown], rows)


def _by_flag(command: str, what: str) -> str:
    """The value in the stored command. A custom worker class may set it internally, so it is named instead."""
    own = re.search(r" --worker-class (\S+\.\S+)", command)
    if own:
        return f"set by {own[1].rpartition('.')[2]}"
    found = [match[1] for flag in FLAGS[what] if (match := re.search(rf" {flag} (\S+)", command))]
    return next((one for one in found if not one.isdigit()), "not set")  # `--http 1` is a version


def unequal_limits(analysis: Analysis) -> str:
    """The arms' concurrency limits, if they are not all the same."""
    limits = list(dict.fromkeys(limit(arm) for arm in analysis.run.scenario.arms))
    return ", ".join(limits) if len(limits) > 1 else ""


def limit(arm: Arm) -> str:
    """An arm's concurrency limit: `16`, or `none`."""
    return "none" if arm.concurrency_limit is None else str(arm.concurrency_limit)


def equal(analysis: Analysis) -> list[tuple[str, str]]:
    """What was identical for all arms."""
    head, scenario = analysis.run.head, analysis.run.scenario
    cores, arms = head["cores"], scenario.arms
    alike: dict[str, set[str]] = {
        "worker processes": {str(arm.workers) for arm in arms},
        "middleware": {arm.profile for arm in arms},
        "garbage collection": {arm.collecting for arm in arms},
        "database connections": {arm.connecting for arm in arms},
    }
    blocks = numbers.blocks(analysis.blocks)
    split = f"server on core {_list(cores['server'])}; load generator and services on core {_list(cores['load'])}"
    same = {
        "cores": split if cores["server"] else str(cores["note"]),
        **{name: next(iter(found)) for name, found in alike.items() if len(found) == 1},
        "database": str(head["database"]),
        "responses": RESPONSES_OWN if head.get("project") else RESPONSES,
        "order": f"{blocks}; in each, all arms are restarted, then loaded one at a time in short, randomly interleaved slices",
        "load": scenario.load.in_words,
    }
    project = head.get("project", {})
    if project:
        del same["middleware"]
    return [*same.items(), *project.get("effective", {}).items()]


def machine(analysis: Analysis) -> list[tuple[str, str]]:
    """The machine, and the versions of what ran on it."""
    head = analysis.run.head
    facts: dict[str, Any] = head["machine"]
    memory = facts.get("memory_gib")
    told = {
        "CPU": f"{facts['cpu']}, {facts['cores']} cores",
        "memory": f"{memory} GiB" if memory else "",
        "system": str(facts["system"]),
        **(_of_project(head["project"]) if head.get("project") else _of_demo(facts)),
        "database": str(head["database"]),
        "measured": str(head.get("started", "")),
    }
    return [(name, text) for name, text in told.items() if text]


def _of_demo(facts: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Python": str(facts["python"]),
        **{name: version for name, version in facts["packages"].items() if version},
    }


def _of_project(project: Mapping[str, Any]) -> dict[str, str]:
    return {
        "project": f"{project['name']} at {project['revision'] or 'no revision'}, settings {project['settings']}",
        "Python": project["python"],
        "Django": project["django"],
        **project["servers"],
    }


def calibration(analysis: Analysis) -> Table | None:
    """The load generator's calibration before the run; None if there was none."""
    lines: Sequence[Mapping[str, Any]] = analysis.run.head["calibration"].get("lines", [])
    signs = {True: "✔ pass", False: "✘ FAIL", None: "not available here"}
    rows = [[one["name"], one["figure"], one["limit"], signs[one["passed"]]] for one in lines]
    return Table(["test", "measured", "limit", "result"], rows) if rows else None


def commands(analysis: Analysis) -> list[tuple[str, str]]:
    """Each arm's exact command, as in the first block."""
    return list(read_notes(analysis.run.block_folders[0])["commands"].items())


def path(analysis: Analysis) -> str:
    """The run folder for a command line: as given, or relative to the working directory if it lies below."""
    given = analysis.run.path
    below = given.is_absolute() and given.is_relative_to(Path.cwd())
    return shlex.quote(str(given.relative_to(Path.cwd()) if below else given))


def reproduce(analysis: Analysis, explained: bool) -> list[tuple[str, str]]:
    """Commands, and what each does. `explained`: the run already has an instrumented run."""
    name, run = str(analysis.run.head["scenario"]), path(analysis)
    shipped = next((one for one in reader.shipped() if one.rpartition("/")[2] == name), f"{name}.toml")
    why = [] if explained else [(f"djbench explain {run}", "add an instrumented run: why the arms differ")]
    return [
        (f"djbench run {shipped}", "run the same scenario on your machine"),
        (f"djbench report {run}", "rebuild this page from the raw samples"),
        *why,
        (f"djbench extend {run} --blocks 6", "add blocks to resolve inconclusive comparisons"),
    ]


def scenario_text(analysis: Analysis) -> str:
    """The scenario file as it was run, without what somebody logs in with: pages are passed on."""
    text = (analysis.run.path / "scenario.toml").read_text(encoding="utf-8")
    secrets = [
        value for login in analysis.run.scenario.login for value in (*login.form.values(), *login.headers.values())
    ]
    for value, quote in product(secrets, "\"'"):
        text = text.replace(f"{quote}{value}{quote}", f"{quote}…{quote}")
    return text


def digest(analysis: Analysis) -> str:
    """The plan hash: equal for two runs of the same plan."""
    return str(analysis.run.head["plan"].get("hash") or layout.digest(analysis.run.scenario, []))


def resources(analysis: Analysis, lost: set[Cell]) -> Table:
    """Resources of every cell; a column without any value is left out."""
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
    return Table(["endpoint", "arm", *(named(metric) for metric in shown)], rows)


def named(metric: Metric) -> str:
    """A metric with its unit: `p50 [ms]`."""
    return f"{metric.title} [{metric.unit}]" if metric.unit else metric.title


def _list(cores: Sequence[int] | None) -> str:
    return ", ".join(map(str, cores or []))
