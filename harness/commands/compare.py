"""`djbench compare`: two runs, or two folders of runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import Limit, percentage, verb
from harness.errors import UserError
from harness.registry.metrics import Metric, compared
from harness.scenario.error_messages import hint


@verb(epilog="example: djbench compare results/OLD results/NEW --max-regression 5%")
def compare(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="baseline run folder")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="run folder to compare with it")],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="throughput, p50, p95, p99, cpu, memory (or rate); repeatable; all by default"
        ),
    ] = None,
    max_regression: Limit = None,
    allow_different: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="accept this difference, such as django; repeatable")
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="print Markdown, for example for $GITHUB_STEP_SUMMARY")
    ] = False,
) -> None:
    """Compare two runs cell by cell. Exit 3: a cell is missing or INVALID; 4: the regression gate failed; 5: it cannot tell."""
    from harness.analysis import analysis, frames
    from harness.registry import metrics
    from harness.report import comparison_report
    from harness.verdicts import comparability, regression_gate, run_comparison

    limit = None if max_regression is None else percentage(max_regression)
    runs = frames.open_run(base), frames.open_run(new)
    accepted = comparability.accepted(*runs, allow_different or [])
    told = named(metric or [], metrics.of(runs[0].scenario.load.mode))
    before, after = (analysis.analyse(run) for run in runs)
    two = run_comparison.compare(before, after, told, bool(metric), accepted)
    shown = comparison_report.markdown if markdown else comparison_report.text
    print(shown(two, limit), end="")
    raise typer.Exit(regression_gate.exit_code(two, limit))


def named(keys: Sequence[str], told: Sequence[Metric]) -> list[Metric]:
    """The compared metrics with these keys; without keys, all of them. UserError for an unknown key."""
    known = {metric.key: metric for metric in compared(told)}
    for key in keys:
        if key not in known:
            raise UserError(f"--metric: expected one of {', '.join(known)}; got {key!r}{hint(key, known)}")
    return [metric for key, metric in known.items() if not keys or key in keys]
