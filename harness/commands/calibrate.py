"""`djbench calibrate`: how accurate the load generator is on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import workflow
from harness.commands.options import Results, verb
from harness.errors import EXIT_INVALID, UserError
from harness.load import calibration
from harness.load.calibration import Line
from harness.measure import session
from harness.project import ready
from harness.scenario import reader
from harness.system.cores import off_the_servers, share_cores


@verb(epilog="example: djbench calibrate")
def calibrate(
    results: Results = Path("results"),
    noise_floor: Annotated[Path, typer.Option(help="the A/A scenario that measures the noise floor")] = Path(
        "noise_floor"
    ),
) -> None:
    """Check the accuracy of the load generator on this machine, in about four minutes. Exit 3: a check failed."""
    if not calibration.AVAILABLE:
        raise UserError("calibrate: needs Linux: its reference server is built on epoll")
    asked, cores = reader.load(noise_floor), share_cores()
    session.refuse_what_cannot_be(asked)
    ready.of(asked.project, asked.arms)  # four minutes before it is needed
    with off_the_servers(cores):
        lines = [show(line) for line in calibration.full(cores, lambda what: print(f"… {what}", flush=True))]
    lines.append(show(workflow.measure_noise_floor(asked, noise_floor, results)))
    failed = [line.name for line in lines if line.passed is False]
    print(
        f"{len(failed)} of {len(lines)} checks failed: {', '.join(failed)}"
        if failed
        else f"all {len(lines)} checks passed"
    )
    raise typer.Exit(EXIT_INVALID if failed else 0)


def show(line: Line) -> Line:
    """Print a calibration check: what was measured, the limit, and last the verdict."""
    word = {True: "pass", False: "FAIL", None: "no limit"}[line.passed]
    advice = f"; {line.advice}" if line.passed is False else ""
    print(f"{line.name + ':':25} {line.figure} (limit: {line.limit}): {word}{advice}", flush=True)
    return line
