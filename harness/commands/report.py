"""`djbench report`: rebuild the report of a stored run."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import Gate, Verbose, verb
from harness.errors import UserError


@verb(epilog="example: djbench report results/20260101T120000Z-default")
def report(
    run_folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="a run folder under results/, or a folder of such folders")
    ],
    gate: Gate = False,
    verbose: Verbose = False,
) -> None:
    """Rebuild the report, tables and charts of a run from its raw data; for a folder of runs, one page for all of them."""
    from harness.commands import publishing
    from harness.report import effects_catalogue

    if effects_catalogue.is_collection(run_folder):
        if gate:
            raise UserError(f"{run_folder}: --gate: expected one run, got a folder of runs")
        raise typer.Exit(publishing.publish_collection(run_folder))
    raise typer.Exit(publishing.publish(run_folder, gate, verbose))
