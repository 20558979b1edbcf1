"""`djbench run`: run scenarios, or complete an unfinished run."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import workflow
from harness.commands.options import Blocks, Gate, Json, Plain, Results, Seed, Strict, Time, Verbose, overridden, verb
from harness.display.watch import watching
from harness.formatting import numbers
from harness.measure import resume
from harness.plan import courses
from harness.scenario import claims, reader


@verb(epilog="example: djbench run default --blocks 3")
def run(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SCENARIO…", help="shipped scenarios' names (djbench list), or files", show_default=False
        ),
    ] = None,
    blocks: Blocks = None,
    time: Time = None,
    seed: Seed = None,
    plain: Plain = False,
    as_json: Json = False,
    results: Results = Path("results"),
    gate: Gate = False,
    strict: Strict = False,
    verbose: Verbose = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="afterwards explain the results: an instrumented run per scenario")
    ] = False,
    unfinished: Annotated[
        Path | None, typer.Option("--resume", metavar="RUN", help="complete an unfinished run, with its own plan")
    ] = None,
) -> None:
    """Run scenarios, one run folder each, and report the results. Exit 3: a requested comparison is INVALID."""

    with watching(plain, as_json, workflow.so_far, verbose) as watch:
        if unfinished is not None:
            refuse_beside_resume(files, blocks, seed, explain)
            raise typer.Exit(workflow.gone_on(resume.to_complete(unfinished), watch, gate, strict))
        if not files:
            raise typer.BadParameter("expected at least one, or --resume RUN", param_hint="SCENARIO…")
        asked = [(file, overridden(reader.load(file), blocks, seed, time)) for file in files]
        for file, scenario in asked:
            if gate:
                claims.refuse_none(scenario.claims, str(file))
        if len(asked) == 1:
            raise typer.Exit(workflow.carried_out(*asked[0], results, watch, gate, explain, strict))
        print(f"{len(asked)} scenarios, about {numbers.duration(sum(courses.expected_s(one) for _, one in asked))}")
        raise typer.Exit(max([workflow.one_of_several(*one, results, watch, gate, explain, strict) for one in asked]))


def refuse_beside_resume(files: list[Path] | None, blocks: int | None, seed: int | None, explain: bool) -> None:
    """A stored run has its own scenario, blocks and seed, and `djbench explain` explains it."""
    if explain:
        raise typer.BadParameter(
            "not possible with --explain; run djbench explain RUN afterwards", param_hint="--resume"
        )
    given = {"SCENARIO…": files, "--blocks": blocks, "--seed": seed}
    for name, value in given.items():
        if value not in (None, []):
            more = "; to add blocks to a finished run: djbench extend RUN --blocks N" if name == "--blocks" else ""
            raise typer.BadParameter(
                f"uses the plan stored with the run: leave out {name}{more}", param_hint="--resume"
            )
