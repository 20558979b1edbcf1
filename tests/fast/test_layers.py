"""The one-way flow, held by tests: which wing may import which, how light the upper half is, and that importing does nothing."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from harness.location import ROOT

EVERYONE = {"errors", "registry", "samples", "location"}
"""What anybody may import; these import nothing else of the harness."""

MAY_IMPORT = {
    "statistics": set[str](),
    "formatting": {"statistics.estimate"},
    "system": set[str](),
    "scenario": {"statistics.binomial"},
    "plan": {"scenario", "statistics.robust"},
    "readiness": set[str](),
    "project": {"scenario", "system"},
    "storage": {"scenario", "plan"},
    "services": {"scenario", "project", "system"},
    "deployment": {"scenario", "plan", "project", "system"},
    "load": {"scenario", "plan", "system"},
    "measure": {"scenario", "plan", "project", "services", "deployment", "load", "storage", "system"},
    "onboarding": {"scenario", "readiness", "project", "services", "deployment", "system"},
    "analysis": {"scenario", "plan", "storage", "statistics"},
    "verdicts": {"scenario", "plan", "analysis", "statistics", "formatting"},
    "report": {"scenario", "plan", "verdicts", "analysis", "storage", "statistics", "formatting"},
    "export": {"report", "verdicts", "analysis", "storage"},
    "display": {
        *("scenario", "plan", "measure.progress", "verdicts.interim", "statistics.estimate", "formatting"),
        "system.signals",
    },
}
"""The table of CONTRIBUTING.md, in pipeline order: besides EVERYONE, a wing imports itself and these."""

MAY_IMPORT["commands"] = set(MAY_IMPORT)
MAY_IMPORT |= {name: set() for name in EVERYONE} | {
    "cli": {"commands", "display"},
    "tools": set(MAY_IMPORT) | {"cli", "locustfiles"},
    "locustfiles": {"plan.arrivals"},
    "plot_results": {"analysis", "report.plots"},
}

SHOWS_ONLY = {
    "services": {"backends", "slow_api", "postgres"},
    "deployment": {"fleet", "verification", "same_page", "probe_counts"},
    "load": {"base", "locust_process", "calibration", "wrk_and_hey"},
    "measure": {"session", "resume", "progress"},
    "analysis": {"analysis", "frames", "cell_blocks", "arm_comparison", "timeline", "pooling", "cells", "streaming"},
    "export": {"destination", "tables"},
    "display": {"watch", "phrases"},
}
"""What a wing lets others see; a wing that is not here shows all but HIDES."""

HIDES = {
    "system": {"reaper"},
    "scenario": {"base_model", "validation", "claim_validation", "page_validation", "schema"},
    "verdicts": {"server_checks", "environment_checks"},
}

PROGRAMS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for folder in ("harness", "locustfiles", "tools")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.name != "__init__.py"
} | {"plot_results": ROOT / "plot_results.py"}

HARNESS = {name: path for name, path in PROGRAMS.items() if name.startswith("harness.")}

LOWER = {"analysis", "verdicts", "report", "export"}
"""The wings below the disk: they start nothing."""


def wing(module: str) -> str:
    """`harness.report.plots.sheet` is in `report`, `tools.readme` in `tools`."""
    first, *rest = module.split(".")
    return rest[0] if first == "harness" else first


@cache
def imported(path: Path) -> set[str]:
    """Every module a file names in an import: at any depth, lazily and for type checkers too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in PROGRAMS else node.module for name in whole}
    return names


def ours(names: set[str]) -> set[str]:
    return names & set(PROGRAMS)


def roots(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def within(short: str, allowed: set[str]) -> bool:
    return any(short == one or short.startswith(f"{one}.") for one in allowed)


def wrong(module: str, imports: set[str]) -> list[str]:
    """The imports across wings that the tables do not allow, with what they break."""
    here, found = wing(module), []
    for name in sorted(ours(imports)):
        there, short = wing(name), name.removeprefix("harness.")
        if there == here:
            continue
        if not within(short, EVERYONE | MAY_IMPORT[here]):
            found.append(f"{module} -> {name}: {here} may not import it")
        shown, last = SHOWS_ONLY.get(there), short.partition(".")[2]
        if here != "tools" and (last in HIDES.get(there, ()) or (shown is not None and last not in shown)):
            found.append(f"{module} -> {name}: {there} does not show it")
    return found


def test_every_module_is_in_a_wing_of_the_table() -> None:
    assert {wing(name) for name in PROGRAMS} <= set(MAY_IMPORT)


@pytest.mark.parametrize("here", sorted(MAY_IMPORT))
def test_a_wing_imports_only_what_the_table_allows(here: str) -> None:
    of_the_wing = {name: path for name, path in PROGRAMS.items() if wing(name) == here}
    assert of_the_wing, f"{here} stands in the table and not in the tree"
    assert [line for name, path in of_the_wing.items() for line in wrong(name, imported(path))] == []


def test_the_check_itself_sees_an_arrow_that_runs_back_up_and_a_room_that_is_not_shown() -> None:
    assert len(wrong("harness.plan.layout", {"harness.measure.runner"})) == 2
    assert len(wrong("harness.report.sections", {"harness.verdicts.server_checks"})) == 1
    assert len(wrong("harness.statistics.intervals", {"harness.scenario.model"})) == 1
    assert wrong("harness.report.sections", {"harness.verdicts.verdict", "harness.errors", "pandas"}) == []


@pytest.mark.parametrize("part", ["html", "plots"])
def test_the_page_and_the_pictures_import_the_report_s_words_and_never_the_other_way(part: str) -> None:
    inside, other = f"harness.report.{part}.", "plots" if part == "html" else "html"
    for name, path in HARNESS.items():
        seen = ours(imported(path))
        if name.startswith(inside):
            assert not any(one.startswith(f"harness.report.{other}.") for one in seen), name
        elif wing(name) == "report":
            assert not any(one.startswith(inside) for one in seen), name


@pytest.mark.parametrize("name", sorted(HARNESS))
def test_the_harness_never_imports_locust_gevent_or_the_measured_project(name: str) -> None:
    assert not roots(imported(HARNESS[name])) & {"locust", "locustfiles", "gevent", "django", "config", "endpoints"}


@pytest.mark.parametrize("name", sorted(name for name in HARNESS if wing(name) in LOWER))
def test_the_lower_half_starts_nothing(name: str) -> None:
    assert not roots(imported(HARNESS[name])) & {"subprocess", "multiprocessing", "socket", "http"}


def test_scipy_is_used_in_one_wing() -> None:
    users = {name for name, path in HARNESS.items() if "scipy" in roots(imported(path))}
    assert users == {
        f"harness.statistics.{name}" for name in ("intervals", "moderated", "off_blocks", "variance_prior")
    }


def test_the_measured_project_knows_nothing_of_the_harness() -> None:
    for path in (ROOT / "bench_project").rglob("*.py"):
        assert not roots(imported(path)) & {"harness", "locustfiles"}


def test_what_is_injected_knows_neither_the_harness_nor_the_measured_project_and_neither_imports_it() -> None:
    for path in (ROOT / "injected").rglob("*.py"):
        assert not roots(imported(path)) & {"harness", "locustfiles", "config", "endpoints"}
    for path in [*HARNESS.values(), *(ROOT / "bench_project").rglob("*.py")]:
        assert "djbench_injected" not in roots(imported(path))


def test_only_locustfiles_imports_locust() -> None:
    for path in [*ROOT.glob("*.py"), *(ROOT / "bench_project").rglob("*.py"), *(ROOT / "tools").glob("*.py")]:
        assert not roots(imported(path)) & {"locust"}


HEAVY = {"pandas", "scipy", "matplotlib"}

STAGES = ("sys", "harness.samples", "harness.measure.session", "harness.cli", ", ".join(sorted(HARNESS)))
"""What a fresh process imports one after the other, from what loads least to everything."""

COMMANDS = ("run smoke", "run smoke --explain", "explain smoke")
"""What another is told to do one after the other."""

MEASURES = """
import sys
from harness import cli
from harness.measure import session
def measure(*_):
    sys.modules["begun"] = sys
    raise SystemExit
session.measure = session.go_on = session.run_instrumented = measure
def begin(command):
    sys.modules.pop("begun", None)
    sys.argv[1:], sys.stdout = command.split(), sys.stderr
    try:
        cli.main()
    except SystemExit:
        sys.stdout = sys.__stdout__
"""
"""A command up to where it would begin to measure."""


def process(*statements: str, first: str = "", last: str = "") -> subprocess.CompletedProcess[str]:
    """A fresh process, ended: a line with the packages it has loaded after each of these statements."""
    told = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    code = "\n".join([first, *(f"{statement}\n{told}" for statement in statements), last])
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def importing() -> subprocess.CompletedProcess[str]:
    """One that imports STAGES, and tells its threads and child processes in the end."""
    threads = "import threading, psutil; print(threading.active_count(), psutil.Process().children())"
    return process(*(f"import {modules}" for modules in STAGES), last=threads)


@pytest.fixture(scope="module")
def commanded() -> subprocess.CompletedProcess[str]:
    """One that begins COMMANDS."""
    return process(*(f"begin({command!r})" for command in COMMANDS), first=MEASURES)


def loaded(ended: subprocess.CompletedProcess[str], stage: int) -> set[str]:
    return set(ended.stdout.splitlines()[stage].split())


@pytest.mark.parametrize("module", ["harness.cli", "harness.measure.session"])
def test_the_command_and_the_measuring_process_hold_no_pandas_scipy_or_matplotlib(
    importing: subprocess.CompletedProcess[str], module: str
) -> None:
    assert not loaded(importing, STAGES.index(module)) & HEAVY


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_measures_holds_none_of_them_when_it_begins(
    commanded: subprocess.CompletedProcess[str], command: str
) -> None:
    assert loaded(commanded, COMMANDS.index(command)) & {"begun", *HEAVY} == {"begun"}, commanded.stderr


def test_what_the_load_generator_imports_is_the_standard_library_s(
    importing: subprocess.CompletedProcess[str],
) -> None:
    told = loaded(importing, STAGES.index("harness.samples")) - loaded(importing, STAGES.index("sys"))
    assert told - set(sys.stdlib_module_names) == {"harness"}


def test_importing_any_module_does_nothing(importing: subprocess.CompletedProcess[str]) -> None:
    """No output, no thread, no child process."""
    assert (importing.returncode, importing.stdout.splitlines()[len(STAGES) :], importing.stderr) == (0, ["1 []"], "")
    assert loaded(importing, len(STAGES) - 1) >= HEAVY
