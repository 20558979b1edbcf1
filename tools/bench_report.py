"""Does `djbench report` carry ten million requests, and does it grow with them no faster than they do?

    python -m tools.bench_report [--requests 1 3 6 10] [--repeat 2] [--scenario FILE]

Made-up runs (tools.made_up_runs) in a temporary folder; the real command in a child of its own for each; wall time and peak
resident memory as the kernel counts them.
"""

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import pyarrow.parquet as pq

from harness.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_INVALID, EXIT_MENDABLE, Interrupted, UserError
from harness.formatting import numbers
from harness.storage import files

FEWEST_RUNS: Final = 3

MILLION: Final = 1_000_000

KIB, MIB = 2**10, 2**20

MOST_S: Final = 20.0

MOST_MIB: Final = 1536.0

BARRED_FROM: Final = 9.5 * MILLION  # the bars are those of ten million; made-up runs come out a little above or below

GROWTH_MOST, NOISE = 0.10, 0.10
"""CPU is a sum, and has to grow along a line: how far the largest run may lie above the line through the two before it, as a
share of what has grown since the first of the three, and, so that chance is not taken for growth, of the whole. Of 3, 6 and 10
million, a cost of n log n lies 2 % of its growth above that line, one of n^1.5 16 % and one of n² 31 %. Memory is the most that
any stage holds, and below some millions that is the pictures: it bends upwards where the requests overtake them. So what it has
above a process that only imports is divided by the requests, and that must not rise."""

RESULTS: Final = "results"

IDLE: Final = (sys.executable, "-c", "import harness.commands.publishing")


@dataclass(frozen=True)
class Measured:
    """One run, reported."""

    requests: int
    seconds: float  # on the wall …
    cpu_s: float  # … and of CPU: growth is judged by these, because what else runs here does not lengthen them
    mib: float  # peak resident memory of the child and of its own children


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--requests",
        type=float,
        nargs="+",
        default=[1, 3, 6, 10],
        metavar="MILLIONS",
        help="three sizes or more (default 1 3 6 10)",
    )
    parser.add_argument("--repeat", type=int, default=2, help="the least of so many counts (default 2)")
    parser.add_argument("--scenario", type=Path, default=Path("scenarios/default.toml"))
    asked = parser.parse_args()
    if len(asked.requests) < FEWEST_RUNS or sorted(set(asked.requests)) != asked.requests:
        parser.error("--requests: expected three sizes or more, rising")
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-report-") as folder:
            idle = child(IDLE, 0, Path(folder) / "idle.log")
            found = [measure(int(n * MILLION), asked.scenario, Path(folder), asked.repeat) for n in asked.requests]
    except UserError as error:
        print(f"bench-report: {error}", file=sys.stderr)
        return EXIT_MENDABLE
    except Interrupted:
        return EXIT_INTERRUPTED
    print("\n".join(["", *table(found, idle), ""]))
    wrong = shortfalls(found, idle) + blind(own_mib(), idle)
    print(
        "\n".join(f"FAIL  {text}" for text in wrong)
        or "pass: within both bars, and it grows no faster than the requests do"
    )
    return EXIT_FAILED if wrong else 0


def measure(requests: int, file: Path, folder: Path, repeat: int) -> Measured:
    """A run of so many requests, made, reported `repeat` times, and removed."""
    run = made_up(requests, file, folder)
    there = stored(run)
    reported = [report(run, there) for _ in range(repeat)]
    shutil.rmtree(folder / RESULTS)
    least = {name: min(getattr(one, name) for one in reported) for name in ("seconds", "cpu_s", "mib")}
    return Measured(there, **least)


def made_up(requests: int, file: Path, folder: Path) -> Path:
    """Make a run, in a child too: what this process has held once, the kernel counts as held by every child it starts."""
    began = time.monotonic()
    print(f"a run of {numbers.count(requests)} requests", flush=True)
    command = [
        sys.executable,
        "-m",
        "tools.made_up_runs",
        str(requests),
        "--scenario",
        str(file),
        "--results",
        str(folder / RESULTS),
    ]
    if subprocess.run(command, check=False).returncode:
        raise UserError("no run could be made up: see above")
    print(f"  made in {numbers.number(time.monotonic() - began)} s; reporting", flush=True)
    [run] = (folder / RESULTS).iterdir()
    return run


def stored(run: Path) -> int:
    """How many requests a run folder holds."""
    return sum(int(pq.read_metadata(folder / "requests.parquet").num_rows) for folder in files.block_folders(run))


def report(run: Path, requests: int) -> Measured:
    """`djbench report RUN` in a child; what it took."""
    found = child((sys.executable, "-m", "harness.cli", "report", str(run)), requests, run.parent / "report.log")
    cost = f"{numbers.number(found.seconds)} s, {numbers.number(found.cpu_s)} s of CPU"
    print(f"  {cost}, {numbers.number(found.mib)} MiB", flush=True)
    return found


def child(command: Sequence[str], requests: int, log_file: Path) -> Measured:
    """A command in a process of its own; UserError with what it said if it fails."""
    began = time.monotonic()
    with log_file.open("w+b") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)  # subprocess must not wait for it again
        seconds = time.monotonic() - began
        log.seek(0)
        if process.returncode not in (0, EXIT_INVALID):
            said = log.read().decode(errors="replace")
            raise UserError(f"`{' '.join(command)}` ended with {process.returncode}:\n{said}")
    return Measured(requests, seconds, usage.ru_utime + usage.ru_stime, _mib(usage.ru_maxrss))


def table(found: Sequence[Measured], idle: Measured) -> list[str]:
    """The results: which part is fixed, and which grows with the requests."""
    heads = ("requests", "seconds", "CPU s", "MiB", "s per million")
    rows = [
        (
            numbers.count(one.requests),
            *(
                numbers.number(value)
                for value in (one.seconds, one.cpu_s, one.mib, one.seconds / one.requests * MILLION)
            ),
        )
        for one in found
    ]
    first, last = found[-FEWEST_RUNS], found[-1]
    more = (last.requests - first.requests) / MILLION
    each_s, each_mib = (last.cpu_s - first.cpu_s) / more, (last.mib - first.mib) / more
    fixed_s = last.cpu_s - each_s * last.requests / MILLION
    return [
        *("  ".join(f"{cell:>13}" for cell in row) for row in (heads, *rows)),
        f"fixed: {numbers.number(fixed_s)} s of CPU (imports {numbers.number(idle.cpu_s)} s, then tables and pictures);"
        f" imports hold {numbers.number(idle.mib)} MiB",
        f"each million more: {numbers.number(each_s)} s of CPU, {numbers.number(each_mib)} MiB",
    ]


def shortfalls(found: Sequence[Measured], idle: Measured) -> list[str]:
    """What is above a bar, or grows faster than the requests."""
    before, last, wrong = found[-2], found[-1], []
    at = f"at {numbers.count(last.requests)} requests"
    if last.requests >= BARRED_FROM and last.seconds > MOST_S:
        wrong.append(f"{numbers.number(last.seconds)} s {at} (limit {MOST_S:g} s)")
    if last.requests >= BARRED_FROM and last.mib > MOST_MIB:
        wrong.append(f"{numbers.number(last.mib)} MiB {at} (limit {MOST_MIB:g} MiB)")
    above = above_line([one.requests for one in found], [one.cpu_s for one in found])
    if above > max(GROWTH_MOST * (last.cpu_s - found[-FEWEST_RUNS].cpu_s), NOISE * last.cpu_s):
        wrong.append(
            f"CPU grows faster than the requests: {numbers.number(above)} s {at} above the line of the two runs before"
        )
    rise = (last.mib - idle.mib) / last.requests / ((before.mib - idle.mib) / before.requests) - 1
    if rise > GROWTH_MOST:
        wrong.append(
            f"memory grows faster than the requests: {numbers.percent(rise)} more for each {at} than in the run before"
        )
    return wrong


def blind(own: float, idle: Measured) -> list[str]:
    """Whether what this process holds hides what its children hold: vfork and exec leave them its peak to begin with."""
    told = f"memory is not known: this process has held {numbers.number(own)} MiB itself, which its children are said to hold"
    return [told] if own >= idle.mib else []


def own_mib() -> float:
    """The most that this process has held."""
    return _mib(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def above_line(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """How far the last cost lies above the line through the two before it."""
    (x1, x2, x3), (y1, y2, y3) = sizes[-3:], costs[-3:]
    return y3 - (y2 + (x3 - x2) * (y2 - y1) / (x2 - x1))


def _mib(maxrss: int) -> float:
    """ru_maxrss in MiB: it is in bytes on macOS and in KiB on Linux, getrusage(2)."""
    return maxrss / (MIB if sys.platform == "darwin" else KIB)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
