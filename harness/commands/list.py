"""`djbench list`: what can be asked for, and what was measured."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from harness.commands.options import Results, verb
from harness.formatting import listing
from harness.registry.endpoints import ENDPOINTS
from harness.registry.servers import SERVERS
from harness.scenario import reader
from harness.storage import runs
from harness.system import processes

Rows = Sequence[Sequence[str]]


@verb(epilog="example: djbench list runs")
def list(  # noqa: A001 - a verb's function has its name
    kind: Annotated[
        Literal["scenarios", "endpoints", "servers", "runs"] | None,
        typer.Argument(metavar="KIND", help="only these: scenarios, endpoints, servers or runs"),
    ] = None,
    results: Results = Path("results"),
) -> None:
    """Print shipped scenarios, endpoints, servers, and the runs under results/, newest first."""
    width = shutil.get_terminal_size((0, 0)).columns or None
    for name in [kind] if kind else KINDS:
        title, rows = KINDS[name](results)
        print(f"{title}:" if rows else f"{title}: none")
        print("".join(f"{line}\n" for line in listing.lines([("", *row) for row in rows], width)))


def scenarios(results: Path) -> tuple[str, Rows]:
    """Name and question."""
    return "scenarios", [(name, reader.load(path).question) for name, path in reader.shipped().items()]


def endpoints(results: Path) -> tuple[str, Rows]:
    """Name, and what it does."""
    return "endpoints", [(name, facts.words) for name, facts in ENDPOINTS.items()]


def servers(results: Path) -> tuple[str, Rows]:
    """Name, interface, whether its program is there."""
    there = {True: "installed", False: "not installed"}
    return "servers", [
        (name, server.interface, there[processes.installed(server.program)]) for name, server in SERVERS.items()
    ]


def runs_below(results: Path) -> tuple[str, Rows]:
    """Name, scenario, state, blocks, and when it was started; of one that cannot be read what is wrong."""
    return f"runs under {results}/", [_run_row(found, results) for found in runs.below(results)]


def _run_row(found: runs.Found, results: Path) -> Sequence[str]:
    name, when = str(found.path.relative_to(results)), f"{found.started.astimezone():%Y-%m-%d %H:%M}"
    if found.run is None:
        return name, when, "damaged", "", found.wrong
    blocks = f"{len(found.run.block_folders)} of {found.run.scenario.most_blocks} blocks"
    return name, when, found.run.state, blocks, str(found.run.head["scenario"])


KINDS: Final[dict[str, Callable[[Path], tuple[str, Rows]]]] = {
    "scenarios": scenarios,
    "endpoints": endpoints,
    "servers": servers,
    "runs": runs_below,
}
