"""Options that several verbs share, and what makes a function a verb."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from harness.errors import UserError
from harness.registry.load_modes import CAPACITY
from harness.scenario import percentages
from harness.scenario.blocks import MOST_BLOCKS
from harness.scenario.duration import seconds
from harness.scenario.model import Scenario

Run = TypeVar("Run", bound=Callable[..., None])


def verb(epilog: str) -> Callable[[Run], Run]:
    """Marks a function as the verb of its module, with an example below its help."""

    def mark(run: Run) -> Run:
        run.__dict__["epilog"] = epilog
        return run

    return mark


ScenarioFile = Annotated[
    Path, typer.Argument(metavar="SCENARIO", help="a shipped scenario's name (djbench list), or a file")
]

Blocks = Annotated[int | None, typer.Option(min=1, max=MOST_BLOCKS, help="number of blocks, instead of the scenario's")]

Seed = Annotated[
    int | None, typer.Option(min=0, max=2**63 - 1, help="random seed of the slice order, instead of the scenario's")
]

Plain = Annotated[bool, typer.Option("--plain", help="plain lines instead of a live display")]

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="print every table, not only the summary")]

Json = Annotated[
    bool, typer.Option("--json", help="JSON events on stdout, one per line (docs/events.md); all else on stderr")
]

Strict = Annotated[
    bool, typer.Option("--strict", help="stop before measuring if the calibration of the load generator fails")
]

Gate = Annotated[bool, typer.Option("--gate", help="exit 4 unless every claim of the scenario is supported")]

Limit = Annotated[
    str | None,
    typer.Option("--max-regression", metavar="PERCENT", help="exit 4 if NEW is worse by more than this, such as 5%"),
]

Results = Annotated[Path, typer.Option(help="folder for run folders")]


def percentage(text: str) -> float:
    """A limit as a fraction."""
    try:
        return percentages.fraction(text)
    except ValueError as error:
        raise UserError(f"--max-regression: {error}") from None


Time = Annotated[
    str | None,
    typer.Option("--time", metavar="TIME", help="how long to measure, such as 8m; instead of the scenario's"),
]


def overridden(scenario: Scenario, blocks: int | None, seed: int | None, time: str | None = None) -> Scenario:
    """The scenario with the overrides of the command line."""
    try:
        given = {"blocks": blocks, "seed": seed, "time": None if time is None else seconds(time)}
    except ValueError as error:
        raise UserError(f"--time: {error}") from None
    if time is not None and scenario.load.mode == CAPACITY:
        raise UserError("--time: a search for capacity takes what it takes; --blocks says how often it is done")
    if time is not None and scenario.rule is not None and blocks is None:
        raise UserError("--time: expected a number of blocks with it, and this scenario has a rule; add --blocks N")
    return scenario.model_copy(update={name: value for name, value in given.items() if value is not None})


Variables = Annotated[
    list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="a variable that its settings need")
]

VariablesFile = Annotated[
    Path | None, typer.Option("--env-file", help="a file with such variables, NAME=VALUE in each line")
]

Folders = Annotated[
    list[str] | None,
    typer.Option("--path", metavar="FOLDER", help="a further folder of modules, from that of manage.py"),
]


def variables(given: Sequence[str] | None) -> dict[str, str]:
    """`NAME=VALUE`, as --env takes it. UserError for what is none."""
    for one in given or ():
        if "=" not in one or not one.partition("=")[0].isidentifier():
            raise UserError(f"--env: expected NAME=VALUE, got {one!r}")
    return {name: value for name, _, value in (one.partition("=") for one in given or ())}


def absolute(file: Path | None) -> str | None:
    """Where it is, from wherever."""
    return None if file is None else str(file.absolute())
