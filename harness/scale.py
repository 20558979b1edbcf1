"""Does `bench report` carry ten million requests, and does it grow with them no faster than they do?

    python -m harness.scale [--requests 1 3 6 10] [--repeat 2] [--scenario FILE]

Made-up runs (harness.bulk) in a temporary folder; the real command in a child of its own for each; wall time and peak resident
memory as the kernel counts them. Like cli and preview it stands above both halves: it starts processes and writes figures.
"""

import argparse
import os
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

from harness import bulk, figures, store
from harness import scenario as scenarios
from harness.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_INVALID, EXIT_MENDABLE, Interrupted, UserError

FEWEST_RUNS: Final = 3
MILLION: Final = 1_000_000
MIB: Final = 2**20
MOST_S: Final = 20.0
MOST_MIB: Final = 1536.0
BARRED_FROM: Final = 9.5 * MILLION  # the bars are those of ten million; made-up runs come out a little above or below
EXCESS_MOST, NOISE = 0.10, 0.05
"""How far the largest run may lie above the line through the two before it: as a share of what has grown since the first of the
three, and, so that chance is not taken for growth, of the whole. Of 3, 6 and 10 million, a cost of n log n lies 2 % of its growth
above that line, one of n^1.5 16 % and one of n² 31 %; a first run of 1 million shows the fixed cost, and has no part in
this: below 2 million the most memory is that of the pictures, not of the requests."""


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
            found = [measure(int(n * MILLION), asked.scenario, Path(folder), asked.repeat) for n in asked.requests]
    except UserError as error:
        print(f"bench-report: {error}", file=sys.stderr)
        return EXIT_MENDABLE
    except Interrupted:
        return EXIT_INTERRUPTED
    print("\n".join(["", *table(found), ""]))
    wrong = shortfalls(found)
    print(
        "\n".join(f"FAIL  {text}" for text in wrong)
        or "pass: within both bars, and it grows no faster than the requests do"
    )
    return EXIT_FAILED if wrong else 0


def measure(requests: int, file: Path, folder: Path, repeat: int) -> Measured:
    """A run of so many requests, made, reported `repeat` times, and removed."""
    began = time.monotonic()
    text = scenarios.read_text(file)
    for path in bulk.make(scenarios.load(file), text, requests, folder):
        made = stored(path)
        print(f"… {figures.count(made)} of {figures.count(requests)} requests made up", flush=True)
    print(f"  in {figures.number(time.monotonic() - began)} s; reporting", flush=True)
    reported = [report(path, made) for _ in range(repeat)]
    shutil.rmtree(path)
    least = {name: min(getattr(one, name) for one in reported) for name in ("seconds", "cpu_s", "mib")}
    return Measured(made, **least)


def stored(run: Path) -> int:
    """How many requests a run folder holds."""
    return sum(int(pq.read_metadata(folder / "requests.parquet").num_rows) for folder in store.block_folders(run))


def report(run: Path, requests: int) -> Measured:
    """`bench report RUN` in a child; what it took."""
    command = [sys.executable, "-m", "harness.cli", "report", str(run)]
    began = time.monotonic()
    with (run.parent / "report.log").open("w+b") as log:
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            child.wait()
            raise
        child.returncode = os.waitstatus_to_exitcode(status)  # subprocess must not wait for it again
        seconds = time.monotonic() - began
        if child.returncode not in (0, EXIT_INVALID):
            log.seek(0)
            raise UserError(
                f"`{' '.join(command)}` ended with {child.returncode}:\n{log.read().decode(errors='replace')}"
            )
    per_mib = (
        MIB if sys.platform == "darwin" else MIB // 1024
    )  # ru_maxrss is in bytes there and in KiB here: getrusage(2)
    found = Measured(requests, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / per_mib)
    print(
        f"  {figures.number(found.seconds)} s, {figures.number(found.cpu_s)} s of CPU, {figures.number(found.mib)} MiB",
        flush=True,
    )
    return found


def table(found: Sequence[Measured]) -> list[str]:
    """What came out, and what of it is fixed and what grows."""
    rows = [
        f"{figures.count(one.requests):>12}  {figures.number(one.seconds):>8}  {figures.number(one.cpu_s):>8}  {figures.number(one.mib):>8}"
        f"  {figures.number(one.seconds / one.requests * MILLION):>14}"
        for one in found
    ]
    first, last = found[-FEWEST_RUNS], found[-1]
    per_s, per_mib = (
        (getattr(last, name) - getattr(first, name)) / (last.requests - first.requests) for name in ("cpu_s", "mib")
    )
    fixed = [getattr(first, name) - each * first.requests for name, each in (("cpu_s", per_s), ("mib", per_mib))]
    return [
        f"{'requests':>12}  {'seconds':>8}  {'CPU s':>8}  {'MiB':>8}  {'s per million':>14}",
        *rows,
        f"fixed (imports, pictures, tables): {figures.number(fixed[0])} s of CPU, {figures.number(fixed[1])} MiB",
        f"each million more: {figures.number(per_s * MILLION)} s of CPU, {figures.number(per_mib * MILLION)} MiB",
    ]


def shortfalls(found: Sequence[Measured]) -> list[str]:
    """What is above a bar, or above a line."""
    last, wrong = found[-1], []
    if last.requests >= BARRED_FROM and last.seconds > MOST_S:
        wrong.append(
            f"{figures.number(last.seconds)} s for {figures.count(last.requests)} requests (limit {MOST_S:g} s)"
        )
    if last.requests >= BARRED_FROM and last.mib > MOST_MIB:
        wrong.append(
            f"{figures.number(last.mib)} MiB for {figures.count(last.requests)} requests (limit {MOST_MIB:g} MiB)"
        )
    for name, unit in (("cpu_s", "s of CPU"), ("mib", "MiB")):
        above = excess([one.requests for one in found], [getattr(one, name) for one in found])
        if above is not None:
            told = f"{figures.number(above)} {unit} at {figures.count(last.requests)} requests"
            wrong.append(f"grows faster than the requests: {told} lie above the line through the two runs before")
    return wrong


def excess(sizes: Sequence[float], costs: Sequence[float]) -> float | None:
    """How far the last cost lies above the line through the two before it; None if that is within what is allowed."""
    (x1, x2, x3), (y1, y2, y3) = sizes[-3:], costs[-3:]
    above = y3 - (y2 + (x3 - x2) * (y2 - y1) / (x2 - x1))
    return above if above > max(EXCESS_MOST * (y3 - y1), NOISE * y3) else None


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
