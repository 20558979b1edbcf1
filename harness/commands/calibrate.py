"""`djbench calibrate`: is the load maker to be trusted on this machine?."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import workflow
from harness.commands.options import Results, verb
from harness.errors import EXIT_INVALID, UserError
from harness.load import calibration
from harness.load.calibration import Line
from harness.measure import session
from harness.scenario import reader
from harness.system.cores import off_the_servers, share_cores


@verb(epilog="example: djbench calibrate")
def calibrate(
    results: Results = Path("results"),
    floor: Annotated[Path, typer.Option(help="the A/A scenario that measures the noise floor")] = Path("floor"),
) -> None:
    """Is the load maker to be trusted on this machine? About four minutes; exit 3 if any line fails."""
    if not calibration.AVAILABLE:
        raise UserError("calibration needs Linux: the server it holds the load maker against is built on epoll")
    asked, cores = reader.load(floor), share_cores()
    session.refuse_what_cannot_be(asked)
    with off_the_servers(cores):
        lines = [show(line) for line in calibration.full(cores, lambda what: print(f"… {what}", flush=True))]
    lines.append(show(workflow.measure_floor(asked, floor, results)))
    failed = [line.name for line in lines if line.passed is False]
    print(
        f"{len(failed)} of {len(lines)} lines failed: {', '.join(failed)}"
        if failed
        else f"all {len(lines)} lines passed"
    )
    raise typer.Exit(EXIT_INVALID if failed else 0)


def show(line: Line) -> Line:
    """Print a calibrated line."""
    word = {True: "pass", False: "FAIL", None: "none"}[line.passed]
    advice = f"; {line.advice}" if line.passed is False else ""
    print(f"{word}  {line.name:22}  {line.figure}  (limit: {line.limit}){advice}", flush=True)
    return line
