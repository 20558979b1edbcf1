"""`djbench explain`: explain the results by an instrumented run."""

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
    """Explain the results by an untimed, instrumented run: thread switches, waits and event-loop lag per request.

    For a run, the instrumented run is stored with it and its report is rebuilt.
    """
    with watching(plain, as_json, workflow.so_far) as watch:
        if asked.is_dir():
            workflow.explain_run(asked, watch)
            raise typer.Exit(workflow.ended(watch, asked, workflow.published(asked)))
        workflow.explain_file(asked, results, watch)
