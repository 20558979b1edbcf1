"""The wheel in a fresh environment, run from an empty folder: all verbs with the core alone, a whole run with the demo."""

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from support import installed
from support.fakes import FakeLoad
from support.runs import fake_run
from support.scenarios import tiny


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed.built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed.environment(tmp_path_factory.mktemp("core"), wheel)


def djbench(programs: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as installed; PATH leads to no other."""
    env = {name: value for name, value in os.environ.items() if name in ("HOME", "TMPDIR", "LANG")}
    env["PATH"] = f"{programs}:/usr/bin:/bin"
    command = [str(programs / "djbench"), *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=400, check=False)


def test_the_wheel_holds_harness_load_generator_probe_and_demo_and_no_tools_or_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packages = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert packages == {"harness", "locustfiles"}
    assert {
        "harness/report/html/template.html",
        "harness/shipped/bench_project/manage.py",
        "harness/shipped/injected/djbench_injected/hypercorn.toml",
        "harness/shipped/injected/djbench_injected/probe/waits.py",
        "harness/shipped/bench_project/djbench.toml",
        "harness/shipped/scenarios/default.toml",
        "harness/shipped/scenarios/effects/memory.toml",
        "harness/shipped/scenarios/scenario.schema.json",
    } <= set(names)
    assert not [name for name in names if "sqlite" in name or "__pycache__" in name]


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["list"], ["plan", "default"], ["plan", "effects/memory"]]
)
def test_the_core_alone_answers_what_needs_no_server(core: Path, tmp_path: Path, arguments: list[str]) -> None:
    ended = djbench(core, tmp_path, *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_core_alone_lists_the_servers_as_not_installed(core: Path, tmp_path: Path) -> None:
    ended = djbench(core, tmp_path, "list", "servers")
    assert [line.split("  ")[-1].strip() for line in ended.stdout.strip().splitlines()[1:]] == ["not installed"] * 10


def test_the_core_alone_reports_exports_and_compares_stored_runs(core: Path, tmp_path: Path) -> None:
    old, new = (fake_run(tmp_path / "results", tiny(), FakeLoad(), None) for _ in range(2))
    reported = djbench(core, tmp_path, "report", str(new.relative_to(tmp_path)))
    assert reported.returncode == 0, reported.stderr
    assert (new / "report" / "report.html").stat().st_size > 100_000
    exported = djbench(core, tmp_path, "export", str(new), "--json")
    assert json.loads(exported.stdout)
    compared = djbench(core, tmp_path, "compare", str(old), str(new))
    assert compared.returncode == 0, compared.stderr
    assert new.name in djbench(core, tmp_path, "list", "runs").stdout


@pytest.mark.parametrize("arguments", [["run", "smoke"], ["explain", "bare"], ["serve", "uvicorn"], ["calibrate"]])
def test_what_needs_the_demo_says_in_one_sentence_what_to_install(
    core: Path, tmp_path: Path, arguments: list[str]
) -> None:
    ended = djbench(core, tmp_path, *arguments)
    assert ended.returncode == 1
    assert ended.stderr.startswith("djbench: not installed: aiohttp, dj_database_url, django, ")
    assert ended.stderr.endswith("`pip install 'djbench[demo]'` installs the demo project and its servers\n")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()


@pytest.mark.timeout(500)  # a whole run, its report and first imports without bytecode, on a machine that may be busy
def test_with_the_demo_a_shipped_scenario_runs_and_leaves_its_results_here_and_nothing_in_the_environment(
    wheel: Path, tmp_path: Path
) -> None:
    programs = installed.environment(tmp_path / "environment", wheel, "demo")
    [packages] = (tmp_path / "environment").glob("lib/python*/site-packages")
    before, here = files(packages), tmp_path / "here"
    here.mkdir()
    ended = djbench(programs, here, "run", "smoke", "--blocks", "1", "--plain")
    assert ended.returncode in (0, 3), ended.stderr  # 3: this machine was busy
    [run] = (here / "results").iterdir()
    assert json.loads((run / "run.json").read_text())["state"] == "finished"
    assert (run / "report" / "report.html").exists()
    assert [path.name for path in here.iterdir()] == ["results"]
    assert files(packages) == before


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}
