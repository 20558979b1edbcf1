"""What does watching a run cost it? Pairs of short A/A runs, one with the live display in a terminal, one in plain lines.

    python -m tools.bench_display [--pairs N] [--blocks N] [--scenario FILE]

Gives the ratio of the two, with its interval over pairs. The runs are those of `djbench run` without its calibration, which is
before the first block and the same for both.
"""

import argparse
import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from harness import cli
from harness.analysis import analysis, frames
from harness.commands import workflow
from harness.display.watch import Watch
from harness.errors import EXIT_FAILED, EXIT_INVALID, UserError
from harness.formatting import numbers
from harness.measure import session
from harness.measure.session import Ground
from harness.project import ready
from harness.scenario import reader
from harness.services import backends
from harness.statistics import intervals
from harness.statistics.estimate import Estimate
from harness.storage.writer import RunFolder
from harness.system.cores import share_cores

ALLOWED: Final = 0.05

MOST_S: Final = 300.0
"""No pair is begun later than this."""

LIVE, PLAIN = "live", "plain"

COLUMNS: Final = {"throughput_rps": "throughput", "p95_ms": "p95"}

PASSED, DIFFERS, INCONCLUSIVE = "no cost", "a cost", "inconclusive"

Logs = dict[str, float]
"""Of a run: each of COLUMNS as a mean of logarithms over its arms; throughput also over blocks, whose latencies are merged."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scenario", type=Path, default=Path("scenarios/noise_floor.toml"), help="of equal arms")
    parser.add_argument("--pairs", type=int, default=8, help="of runs (default 8; at least 3 give an interval)")
    parser.add_argument("--blocks", type=int, default=2, help="per run (default 2)")
    parser.add_argument("--one", choices=(LIVE, PLAIN), help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.one:
        one_run(asked.scenario, asked.blocks, asked.into, asked.one == PLAIN)
        return 0
    return report(measured(asked.scenario, asked.blocks, asked.pairs))


def measured(file: Path, blocks: int, pairs: int) -> list[tuple[Logs, Logs]]:
    """Each pair's (live, plain); which of them goes first takes turns."""
    found, started_s = [], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="display-cost-") as scratch:
        for pair in range(pairs):
            if time.monotonic() - started_s > MOST_S:
                print(f"! {pair} of {pairs} pairs: {numbers.duration(MOST_S)} are over")
                break
            both: dict[str, Logs] = {}
            for kind in (LIVE, PLAIN) if pair % 2 else (PLAIN, LIVE):
                into = Path(scratch) / f"{pair}-{kind}"
                own = ["--one", kind, "--into", str(into), "--blocks", str(blocks), "--scenario", str(file)]
                watched([sys.executable, "-m", "tools.bench_display", *own], kind == LIVE)
                both[kind] = logs_of(into)
            found.append((both[LIVE], both[PLAIN]))
            told = (
                f"{name} {numbers.number(float(np.exp(both[LIVE][key] - both[PLAIN][key])))}×"
                for key, name in COLUMNS.items()
            )
            print(f"pair {pair + 1} of {pairs}: {', '.join(told)}", flush=True)
    return found


def one_run(file: Path, blocks: int, into: Path, plain: bool) -> None:
    """What a child does: the blocks of a run, watched in one of the two ways."""
    cli.unwind_on_signals()
    asked, cores = reader.load(file).model_copy(update={"blocks": blocks}), share_cores()
    target = ready.demo()
    with backends.running(asked.database, asked.needs, cores, target) as up:
        facts = session.facts_of(asked, cores, up) | {"calibration": {}}
        folder = RunFolder.create(into, file.stem, reader.read_text(file), facts)
        with session.marked(folder):
            session.play(asked, folder, Ground(cores, up, target), Watch(workflow.so_far, plain).show, lambda _: False)


def watched(command: Sequence[str], live: bool) -> None:
    """Run it to its end, in a terminal of 80 × 24 whose every byte is read, or with its lines going nowhere."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    drained = threading.Thread(target=drain, args=(ours,), daemon=True)
    out = theirs if live else subprocess.DEVNULL
    environment = os.environ | {"TERM": "xterm-256color"}
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, env=environment, start_new_session=True)
    os.close(theirs)
    drained.start()
    try:
        if child.wait():
            raise UserError(f"{' '.join(command)}: ended with exit code {child.returncode}")
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()
        drained.join()
        os.close(ours)


def drain(terminal: int) -> None:
    """What a terminal does, without showing it."""
    try:
        while os.read(terminal, 65_536):
            pass
    except OSError:  # Linux says so when the other end is closed
        return


def logs_of(results: Path) -> Logs:
    """Of the only run in this folder; NaN where there is too little data."""
    found = analysis.analyse(frames.open_run(next(results.iterdir())))
    rates = found.per_block["throughput_rps"].to_numpy(dtype=float)
    p95s = [intervals.percentile(samples, 0.95) or np.nan for samples in found.latencies.values()]
    return {"throughput_rps": float(np.log(rates).mean()), "p95_ms": float(np.log(p95s).mean())}


def report(pairs: Sequence[tuple[Logs, Logs]]) -> int:
    """Each ratio with its interval and what it says; the exit code."""
    words = []
    for key, name in COLUMNS.items():
        ratio = intervals.of_logs(np.array([live[key] - plain[key] for live, plain in pairs]))
        words.append(judged(ratio))
        shown = numbers.MISSING if ratio is None else numbers.ratio(ratio)
        print(f"{name}, live display / plain lines: {shown} over {len(pairs)} pairs: {words[-1]}")
    print(f"no cost: the interval contains 1 and lies within {numbers.margin(ALLOWED)}")
    if DIFFERS in words:
        return EXIT_FAILED
    return 0 if set(words) == {PASSED} else EXIT_INVALID


def judged(ratio: Estimate | None) -> str:
    """Whether the display costs something, costs nothing, or nobody can tell by these pairs."""
    if ratio is None or ratio.low is None or ratio.high is None:
        return INCONCLUSIVE
    if not ratio.low <= 1 <= ratio.high:
        return DIFFERS
    return PASSED if ratio.low >= 1 / (1 + ALLOWED) and ratio.high <= 1 + ALLOWED else INCONCLUSIVE


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"display_cost: {error}")
