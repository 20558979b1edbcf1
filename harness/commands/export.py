"""`djbench export`: a stored run for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import verb


@verb(epilog="example: djbench export results/20260101T120000Z-default --json | jq .conclusion")
def export(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="a run folder under results/")],
    csv: Annotated[bool, typer.Option("--csv", help="a folder of CSV files: requests, slices, cells …")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="one JSON document: machine, claims, cells, comparisons")
    ] = False,
    requests: Annotated[
        bool, typer.Option("--requests", help="the requests alone, as one stream: CSV, or a line of JSON each")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="folder (--csv) or file; - is standard output. RUN/export, and -, by default"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write files anew that are there already")] = False,
) -> None:
    """Hand a run to other tools, as CSV or JSON; every column with its unit is in docs/data.md."""
    from harness.analysis import frames
    from harness.export import destination

    if csv == json:
        raise typer.BadParameter("expected one of them", param_hint="--csv, --json")
    if requests:
        destination.requests(
            frames.open_run(run_folder), "csv" if csv else "json", out or destination.STANDARD_OUTPUT, force
        )
    elif json:
        destination.document(run_folder, out or destination.STANDARD_OUTPUT, force)
    else:
        destination.folder(run_folder, out or run_folder / "export", force)
