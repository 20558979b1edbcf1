"""The one-way flow, held by tests: who may import whom, and that importing does nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

HARNESS = {
    ".".join(path.relative_to(ROOT / "harness").with_suffix("").parts): path
    for path in (ROOT / "harness").rglob("*.py")
}
LOWER = {
    "frames",
    "cells",
    "steady",
    "streams",
    "analysis",
    "checks",
    "innocence",
    "compare",
    "compare_report",
    "gate",
    "likeness",
    "verdict",
    "judge",
    "judged",
    "promises",
    "limits",
    "comparison",
    "significance",
    "simulation",
    "report",
    "publish",
    "reference",
    "readme",
    "export",
    "outlet",
    "catalogue",
    "sections",
    "tables",
    "intervals",
    "precision",
    "figures",
    "mechanism",
    "why",
    "timeline",
    *(name for name in HARNESS if name.startswith(("page.", "plots."))),
    "standing",
    "following",
}
BESIDE = {
    "cli",
    "errand",
    "preview",
    "progress",
    "asking",
    "live",
    "telling",
    "events",
    "displays",
    "display_cost",
    "scale",
}
"""Between a person and both halves: they know the words of the lower one, and tell of the upper one."""
UPPER = set(HARNESS) - LOWER - BESIDE - {"__init__"}
CAN_START = {
    "subprocess",
    "multiprocessing",
    "socket",
    "http",
    "harness.processes",
    "harness.deployment",
    "harness.services",
    "harness.backends",
    "harness.postgres",
    "harness.cluster",
    "harness.cache",
}


def imported(path: Path) -> set[str]:
    """Every module a file names in an import, at any depth."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def roots(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("name", sorted(HARNESS))
def test_the_harness_never_imports_locust_gevent_or_the_measured_project(name: str) -> None:
    assert not roots(imported(HARNESS[name])) & {"locust", "locustfiles", "gevent", "django", "config", "endpoints"}


@pytest.mark.parametrize("name", sorted(UPPER))
def test_the_upper_half_never_imports_pandas_matplotlib_or_the_lower_half(name: str) -> None:
    names = imported(HARNESS[name])
    assert not roots(names) & {"pandas", "matplotlib", "scipy"}
    assert not {f"harness.{lower}" for lower in LOWER} & names


@pytest.mark.parametrize("name", sorted(LOWER))
def test_the_lower_half_starts_nothing(name: str) -> None:
    assert not CAN_START & imported(HARNESS[name])


def test_the_measured_project_knows_nothing_of_the_harness() -> None:
    for path in (ROOT / "bench_project").rglob("*.py"):
        assert not roots(imported(path)) & {"harness", "locustfiles"}


def test_the_probe_knows_neither_the_harness_nor_the_measured_project_and_the_harness_does_not_import_it() -> None:
    for path in (ROOT / "probe").glob("*.py"):
        assert not roots(imported(path)) & {"harness", "locustfiles", "config", "endpoints"}
    for path in [*HARNESS.values(), *(ROOT / "bench_project").rglob("*.py")]:
        assert "probe" not in roots(imported(path))


def test_only_locustfiles_imports_locust() -> None:
    for path in [*ROOT.glob("*.py"), *(ROOT / "bench_project").rglob("*.py")]:
        assert not roots(imported(path)) & {"locust"}


def test_importing_any_module_does_nothing() -> None:
    """No output, no thread, no child process."""
    names = ", ".join(f"harness.{name}" for name in sorted(HARNESS) if not name.endswith("__init__"))
    code = f"import {names}, threading, psutil; print(threading.active_count(), psutil.Process().children())"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "1 []\n", "")
