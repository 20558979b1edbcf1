"""`djbench extend`: more blocks for a finished run."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import workflow
from harness.commands.options import Gate, Json, Plain, Verbose, verb
from harness.display.watch import watching
from harness.measure import resume
from harness.scenario.blocks import MOST_BLOCKS


@verb(epilog="example: djbench extend results/20260101T120000Z-default --blocks 6")
def extend(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="a finished run under results/")],
    blocks: Annotated[int, typer.Option(min=1, max=MOST_BLOCKS, help="number of blocks to add")],
    plain: Plain = False,
    as_json: Json = False,
    gate: Gate = False,
    verbose: Verbose = False,
) -> None:
    """Add blocks to a finished run, with the same plan on the same machine. Exit 3: a requested comparison is INVALID."""
    with watching(plain, as_json, workflow.so_far, verbose) as watch:
        raise typer.Exit(workflow.gone_on(resume.to_extend(run_folder, blocks), watch, gate))
