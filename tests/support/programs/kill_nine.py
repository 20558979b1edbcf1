"""kill -9 of the harness at random moments of a run: does anything it started survive 5 s?

python tests/support/programs/kill_nine.py [ROUNDS]
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[3]
LATEST_S = 16.0
GRACE_S = 5.0

WHOLE = ("-m", "harness.cli")
LIGHT = (str(Path(__file__).with_name("light.py")),)
"""Python's arguments for `djbench` as it is, and for what is left without calibration and pictures."""


def start(
    folder: Path, scenario: Path = ROOT / "scenarios" / "smoke.toml", program: tuple[str, ...] = WHOLE
) -> subprocess.Popen[bytes]:
    """A run into folder/results."""
    return start_command(folder, "run", str(scenario), "--results", str(folder / "results"), program=program)


def start_command(folder: Path, *arguments: str, program: tuple[str, ...] = WHOLE) -> subprocess.Popen[bytes]:
    """A `djbench` whose every process carries TMPDIR=folder in its environment, by which it is found again."""
    log = (folder / "log").open("wb")
    command = [sys.executable, *program, *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"TMPDIR": str(folder)}, stdout=log, stderr=log, start_new_session=True
    )


def survivors(folder: Path) -> list[str]:
    """Living processes of the run, as text."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_for_none(folder: Path, seconds: float = 60.0) -> list[str]:
    """Whoever is still alive after `seconds`, which is long on purpose: a busy machine ends nobody at once."""
    deadline = time.monotonic() + seconds
    while (alive := survivors(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def kill_once(after_s: float) -> tuple[int, list[str]]:
    """Start a run, kill its harness after `after_s`; (processes it had then, those alive GRACE_S later)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        harness = start(folder)
        time.sleep(after_s)
        had = len(survivors(folder))
        os.kill(harness.pid, signal.SIGKILL)
        harness.wait()
        return had, wait_for_none(folder, GRACE_S)


def main() -> int:
    rounds, rng, lost = int(sys.argv[1]) if len(sys.argv) > 1 else 20, random.Random(), 0
    for round_ in range(1, rounds + 1):
        after_s = rng.uniform(0.1, LATEST_S)
        had, alive = kill_once(after_s)
        lost += bool(alive)
        print(
            f"{round_:2}: killed after {after_s:5.2f} s with {had:2} processes; survivors: {alive or 'none'}",
            flush=True,
        )
    print(f"{rounds - lost} of {rounds} left nothing behind")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
