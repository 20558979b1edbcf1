"""What is shown of a run while it goes on: live, in plain lines, as events."""

import json
import sys
from pathlib import Path

import pytest
import typer
from support.scenarios import tiny
from support.watched import opening

from harness import cli
from harness.display import watch
from harness.display.watch import Watch
from harness.errors import UserError
from harness.plan import layout
from harness.verdicts import interim_analysis


@pytest.mark.parametrize(
    ("tty", "term", "expected"), [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False)]
)
def test_only_a_terminal_that_can_is_drawn_upon(
    monkeypatch: pytest.MonkeyPatch, tty: bool, term: str, expected: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stdout.isatty", lambda: tty, raising=False)
    assert watch.is_live() is expected


def test_with_events_stdout_is_theirs_and_an_error_is_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError), watch.watching(False, True, watch.nothing):  # noqa: PT012
        print("for people")
        raise UserError("no such thing")
    captured = capsys.readouterr()
    assert captured.err == "for people\n"
    assert json.loads(captured.out) == {"event": "error", "message": "no such thing", "exit_code": 1}


def test_an_exit_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), watch.watching(False, True, watch.nothing):
        raise typer.Exit(3)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("wrong", [["--blocks", "none"], [], ["--plain"]])
def test_a_usage_error_is_told_as_one_event(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["djbench", "run", "--json", *wrong])
    monkeypatch.setattr(cli, "unwind_on_signals", lambda: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    (told,) = map(json.loads, captured.out.splitlines())
    assert (told["event"], told["exit_code"], ended.value.code) == ("error", 2, 2)
    assert told["message"] in captured.err.replace("\n", " ")


@pytest.mark.parametrize("verb", ["run x.toml", "extend x --blocks 1", "explain x", "ab x --base y"])
def test_json_and_plain_together_are_refused_in_words(verb: str) -> None:
    from typer.testing import CliRunner

    ended = CliRunner().invoke(cli.app, [*verb.split(), "--json", "--plain"])
    assert ended.exit_code == 2
    assert "expected without --plain" in ended.output


def test_an_instrumented_pass_compares_nothing(tmp_path: Path) -> None:
    asked = tiny(instrumented=True)
    with Watch(interim_analysis.so_far, plain=True).show(opening(tmp_path, asked)) as shown_:
        shown_.block_finished(layout.expand(asked)[0])  # there is no run in this folder: asking would fail
