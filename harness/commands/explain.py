"""`djbench explain`: why the numbers are what they are, by a pass with a probe."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import workflow
from harness.commands.options import Json, Plain, Results, verb
from harness.display.watch import watching


@verb(epilog="example: djbench explain bare")
def explain(
    asked: Annotated[
        Path, typer.Argument(metavar="SCENARIO|RUN", help="a scenario's name or file, or a run under results/")
    ],
    plain: Plain = False,
    as_json: Json = False,
    results: Results = Path("results"),
) -> None:
    """Say why the numbers are what they are, by an untimed pass with a probe: thread switches, waits, loop lag.

    Of a run, the pass is kept with it and its report is written anew.
    """
    from harness.commands import publishing

    with watching(plain, as_json, workflow.so_far) as watch:
        if asked.is_dir():
            workflow.explain_run(asked, watch)
            raise typer.Exit(workflow.ended(watch, asked, publishing.publish(asked)))
        workflow.explain_file(asked, results, watch)
