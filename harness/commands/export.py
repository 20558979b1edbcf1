"""`djbench export`: results as CSV or JSON."""

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
        bool, typer.Option("--requests", help="only the requests, as one stream: CSV or JSON Lines")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="folder (--csv) or file; - is standard output. RUN/export, and -, by default"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite existing files")] = False,
) -> None:
    """Export results as CSV or JSON; docs/data.md lists every column with its unit."""
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
