"""Watching a real run: under a pseudo-terminal, and as events. Nothing here depends on how fast the machine is."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pandas as pd
import pytest
from support import disturbed
from support.commands import PATIENCE_S, QUICK, the_run
from support.programs.kill_nine import LIGHT

from harness.display import json_events
from harness.location import ROOT

COLOUR = re.compile(rb"\x1b\[[0-9;]*(?:3[0-9]|4[0-9]|9[0-7])m")


class Terminal:
    """A command in a terminal of 80 × 24."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(24, 80)
        known = {
            key: value
            for key, value in os.environ.items()
            if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
        }
        self.child = subprocess.Popen(
            [sys.executable, *LIGHT, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env=known | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)} | environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.out = b""

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, wanted: bytes, seconds: float = PATIENCE_S) -> None:
        """Read until this was seen since the last time."""
        start, ends = len(self.out), time.monotonic() + seconds
        while wanted not in self.out[start:]:
            assert time.monotonic() < ends, self.out[-2000:]
            if not self._read():
                raise AssertionError(f"ended without {wanted!r}: {self.out[-2000:]!r}")

    def end(self, seconds: float = PATIENCE_S) -> int:
        ends = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < ends
        return self.child.wait(100)

    def _read(self) -> bool:
        if not select.select([self._ours], [], [], 1.0)[0]:
            return True
        try:
            self.out += (more := os.read(self._ours, 65_536))
        except OSError:  # Linux says so when the other end is closed
            return False
        return bool(more)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.child.send_signal(signal.SIGTERM)
        self.child.wait(100)
        os.close(self._ours)


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    file = tmp_path / "quick.toml"
    file.write_text(QUICK[: QUICK.index('[[endpoints]]\nname = "wait"')])
    return file


def ended_well(code: int, quick: Path, run: Path | None = None) -> bool:
    return code in disturbed.codes(run or the_run(quick.parent))


def run(quick: Path, *more: str) -> tuple[str, ...]:
    return ("run", str(quick), "--results", str(quick.parent / "results"), *more)


def test_the_display_appears_survives_a_resize_and_leaves_the_report(quick: Path) -> None:
    with Terminal(*run(quick)) as terminal:
        terminal.until(b"starting servers")
        terminal.until(b"% CPU")
        terminal.resize(20, 60)
        terminal.until(b"\x1b[2J")
        terminal.until(b"after 1 block")
        assert ended_well(terminal.end(), quick)
    shown = terminal.out
    assert b"slice " in shown
    assert "━".encode() in shown
    assert COLOUR.search(shown)
    last = shown[shown.rindex(b"\x1b[?25l") :]
    assert b"\x1b[?25h" in last
    assert last.index(b"\x1b[?25h") < last.index(b"next steps:")


def test_ctrl_c_ends_with_130_a_clean_terminal_and_how_to_go_on(quick: Path) -> None:
    with Terminal(*run(quick)) as terminal:
        terminal.until(b"slice ")
        os.killpg(terminal.child.pid, signal.SIGINT)
        assert terminal.end() == 130
    after = terminal.out[terminal.out.rindex(b"\x1b[?25h") :]
    assert b"\x1b[?25l" not in after
    assert b"djbench run --resume" in after
    assert b"Traceback" not in terminal.out


def test_without_colour_there_is_none_and_a_dumb_terminal_gets_lines(quick: Path) -> None:
    with Terminal(*run(quick, "--blocks", "1"), NO_COLOR="1") as terminal:
        assert ended_well(terminal.end(), quick)
    assert b"\x1b[?25l" in terminal.out
    assert not COLOUR.search(terminal.out)
    first = the_run(quick.parent)
    with Terminal(*run(quick, "--blocks", "1"), TERM="dumb") as terminal:
        code = terminal.end()
    (second,) = {*first.parent.iterdir()} - {first}
    assert ended_well(code, quick, second)
    assert b"\x1b" not in terminal.out


def test_events_are_json_sum_to_the_rows_and_leave_words_to_stderr(quick: Path) -> None:
    command = [sys.executable, *LIGHT, *run(quick, "--json")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == told[-1]["exit_code"]
    assert ended_well(ended.returncode, quick)
    assert (told[0]["event"], told[-1]["event"]) == ("run_started", "finished")
    assert all(list(one) == ["event", *json_events.KEYS[one["event"]]] for one in told)
    assert "next steps:" in ended.stderr
    folder = Path(told[0]["folder"])
    rows = sum(len(pd.read_parquet(file)) for file in folder.rglob("requests.parquet"))
    assert sum(one["requests"] + one["dropped"] for one in told if one["event"] == "slice_played") == rows > 0
    assert Path(told[-1]["report"]).exists()


def test_an_interrupted_run_says_so_in_its_last_event(quick: Path) -> None:
    command = [sys.executable, *LIGHT, *run(quick, "--json")]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None
    seen = []
    for line in child.stdout:
        seen.append(json.loads(line))
        if seen[-1]["event"] == "slice_played" and seen[-1]["slice"] == 1:
            child.send_signal(signal.SIGINT)
    assert child.wait(200) == 130
    assert seen[-1] == {"event": "error", "message": "interrupted", "exit_code": 130}
