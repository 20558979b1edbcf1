"""`djbench ab`: the working tree against a git revision, interleaved in the same blocks."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import workflow
from harness.commands.options import (
    Blocks,
    Json,
    Limit,
    Plain,
    Results,
    ScenarioFile,
    Seed,
    Time,
    overridden,
    percentage,
    verb,
)
from harness.display.watch import watching
from harness.errors import UserError
from harness.plan.ab import doubled
from harness.project import checkouts, ready
from harness.scenario import reader


@verb(epilog="example: djbench ab change --base main --max-regression 5%")
def ab(
    file: ScenarioFile,
    base: Annotated[str, typer.Option(metavar="REF", help="the git revision to compare the working tree with")],
    base_python: Annotated[
        Path | None, typer.Option(metavar="PYTHON", help="the Python of an environment with what the base needs")
    ] = None,
    blocks: Blocks = None,
    time: Time = None,
    seed: Seed = None,
    plain: Plain = False,
    as_json: Json = False,
    results: Results = Path("results"),
    max_regression: Limit = None,
) -> None:
    """Compare the working tree of the measured project with a git revision, interleaved in the same blocks.

    Exit 3: a comparison is INVALID; 4: the regression gate failed; 5: it cannot tell.
    """
    with watching(plain, as_json, workflow.so_far) as watch:
        limit = None if max_regression is None else percentage(max_regression)
        asked = overridden(reader.load(file), blocks, seed, time)
        project = ready.folder_of(asked.project)
        told = checkouts.base(base, project)
        if asked.project is not None:
            told = checkouts.with_python(told, base_python, project, asked.project.python)
        elif base_python is not None:
            raise UserError("--base-python: expected only with a scenario that has a [project]")
        for name in checkouts.untracked(project):
            print(f"! {name}: untracked, not part of the change; `git add` it to include it")
        path = workflow.measured(doubled(asked, told), file, results, watch).path
        raise typer.Exit(workflow.ended(watch, path, workflow.published_change(path, limit)))
