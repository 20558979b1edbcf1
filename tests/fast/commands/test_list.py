"""`djbench list`, `djbench --version` and what `--help` says of exit codes, in this process."""

import json
import os
from pathlib import Path

import pytest
from support.runs import FACTS
from support.scenarios import TINY, tiny

from harness import cli
from harness.registry.endpoints import ENDPOINTS
from harness.registry.servers import SERVERS
from harness.scenario import reader
from harness.storage.files import FINISHED, INTERRUPTED
from harness.storage.writer import RunFolder
from harness.system import processes


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    cli.app(list(arguments), standalone_mode=False)
    return capsys.readouterr().out


def run_of(results: Path, name: str, started: str, state: str, blocks: int) -> Path:
    """A run folder of this name, with so many empty blocks."""
    run = RunFolder.create(results, name, TINY, FACTS | {"overrides": tiny().overrides, "started": started})
    for index in range(blocks):
        (run.path / "blocks" / f"{index:03}").mkdir()
    run.mark(state)
    return run.path


@pytest.fixture
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As into a file: nothing is cut."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((0, 0)))


@pytest.fixture
def results(tmp_path: Path, no_terminal: None) -> Path:
    run_of(tmp_path, "old", "2026-01-02T10:00:00+00:00", FINISHED, 6)
    run_of(tmp_path, "new", "2026-01-04T10:00:00+00:00", INTERRUPTED, 2)
    run_of(tmp_path / "effects", "memory", "2026-01-03T10:00:00+00:00", FINISHED, 6)
    return tmp_path


def test_every_kind_is_listed_with_its_heading(capsys: pytest.CaptureFixture[str], results: Path) -> None:
    text = told(capsys, "list", "--results", str(results))
    assert [line for line in text.splitlines() if line and line[0] != " "] == [
        "scenarios:",
        "endpoints:",
        "servers:",
        f"runs under {results}/:",
    ]
    for name, path in reader.shipped().items():
        assert f"  {name} " in text
        assert reader.load(path).question in text
    assert all(f"  {name} " in text and facts.words in text for name, facts in ENDPOINTS.items())
    assert all(f"  {name} " in text for name in SERVERS)


def test_one_kind_is_listed_alone(capsys: pytest.CaptureFixture[str], no_terminal: None) -> None:
    lines = told(capsys, "list", "servers").split("\n")
    assert lines[0] == "servers:"
    assert lines[1] == "  gunicorn-sync     WSGI  installed"
    assert len(lines) == 1 + len(SERVERS) + 2


def test_a_server_that_is_not_installed_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, no_terminal: None
) -> None:
    monkeypatch.setattr(processes, "installed", lambda name: name != "daphne")
    assert "  daphne            ASGI  not installed\n" in told(capsys, "list", "servers")


def test_runs_are_listed_newest_first_those_in_folders_of_runs_too(
    capsys: pytest.CaptureFixture[str], results: Path
) -> None:
    rows = [line.split() for line in told(capsys, "list", "runs", "--results", str(results)).splitlines()[1:4]]
    assert [(row[0].partition("-")[2], row[3]) for row in rows] == [
        ("new", "interrupted"),
        ("memory", "finished"),
        ("old", "finished"),
    ]
    assert rows[0][4:7] == ["2", "of", "6"]
    assert rows[1][0].startswith("effects/")
    assert rows[0][1] == "2026-01-04"
    assert [row[-1] for row in rows] == ["new", "memory", "old"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "run.json"),
        ("[]", "run.json"),
        (json.dumps({"schema_version": 1}), "schema"),
        (None, "run.json"),
    ],
    ids=["half a file", "a list", "another version", "no file"],
)
def test_a_damaged_run_is_named_with_what_is_wrong_and_the_others_are_listed(
    capsys: pytest.CaptureFixture[str], results: Path, text: str | None, said: str
) -> None:
    [damaged] = results.glob("*-old")
    (damaged / "run.json").unlink()
    if text is not None:
        (damaged / "run.json").write_text(text)
    lines = told(capsys, "list", "runs", "--results", str(results)).splitlines()[1:4]
    [line] = [line for line in lines if "damaged" in line]
    assert damaged.name in line
    assert said in line
    assert len(lines) == 3


def test_where_nothing_was_measured_there_is_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert told(capsys, "list", "runs", "--results", str(tmp_path / "none")) == f"runs under {tmp_path}/none/: none\n\n"


@pytest.mark.parametrize("width", [40, 80, 100])
def test_nothing_is_wider_than_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, results: Path, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = told(capsys, "list", "--results", str(results))
    assert max(len(line) for line in text.splitlines() if line.startswith(" ")) <= width


def test_the_version_is_the_distribution_s(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert told(capsys, "--version") == f"djbench {version('djbench')}\n"


def test_help_ends_with_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "--help").rstrip().splitlines()
    codes = [line.split()[0] for line in lines[lines.index("  Exit codes:") + 1 :]]
    assert codes == ["0", "1", "2", "3", "4", "5", "130"]
