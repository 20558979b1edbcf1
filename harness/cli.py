"""The `bench` command. Each verb is a table of contents; the chapters are the other modules."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from harness import calibrate as calibration
from harness import change, claim, displays, errand, figures, machine, measure, percent, preview, resume, worktrees
from harness import scenario as scenarios
from harness.blocks import MOST_BLOCKS
from harness.calibrate import Line
from harness.errors import EXIT_INTERRUPTED, EXIT_INVALID, EXIT_MENDABLE, Interrupted, UserError
from harness.scenario import Scenario

app = typer.Typer(
    help="When does an async Django view serve its users better than a sync one, by how much, and why?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ScenarioFile = Annotated[
    Path, typer.Argument(metavar="SCENARIO", help="a scenario file, such as scenarios/default.toml")
]
Blocks = Annotated[
    int | None, typer.Option(min=1, max=MOST_BLOCKS, help="blocks to run instead of the scenario's number")
]
Seed = Annotated[
    int | None, typer.Option(min=0, max=2**63 - 1, help="seed of the order of slices, instead of the scenario's")
]
Plain = Annotated[bool, typer.Option("--plain", help="plain lines instead of a live display")]
Json = Annotated[
    bool, typer.Option("--json", help="one event per line on stdout, see docs/events.md; the rest on stderr")
]
Gate = Annotated[bool, typer.Option("--gate", help="exit 4 unless every claim of the scenario is supported")]
Limit = Annotated[
    str | None,
    typer.Option("--max-regression", metavar="PERCENT", help="exit 4 if NEW is worse by more than this, such as 5%"),
]
Results = Annotated[Path, typer.Option(help="where run folders are made")]


@app.command("plan", epilog="example: bench plan scenarios/default.toml")
def show_plan(file: ScenarioFile, blocks: Blocks = None, seed: Seed = None) -> None:
    """Print arms, cells, blocks, exact commands and the expected time. Starts nothing."""
    asked = overridden(scenarios.load(file), blocks, seed)
    print("\n".join(preview.lines(asked)))


@app.command("run", epilog="example: bench run scenarios/default.toml --blocks 3")
def run(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="SCENARIO…", help="one or more scenario files", show_default=False)
    ] = None,
    blocks: Blocks = None,
    seed: Seed = None,
    plain: Plain = False,
    as_json: Json = False,
    results: Results = Path("results"),
    gate: Gate = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="afterwards, say why: a probed pass per scenario, kept with its run")
    ] = False,
    unfinished: Annotated[
        Path | None, typer.Option("--resume", metavar="RUN", help="complete a run that was cut off, by its own plan")
    ] = None,
) -> None:
    """Measure scenarios, one run folder each, and report them. Exit 3: a comparison asked for is INVALID."""

    with displays.watching(plain, as_json, errand.so_far) as watch:
        if unfinished is not None:
            refuse_beside_resume(files, blocks, seed, explain)
            raise typer.Exit(errand.gone_on(resume.to_complete(unfinished), watch, gate))
        if not files:
            raise typer.BadParameter("expected at least one, or --resume RUN", param_hint="SCENARIO…")
        asked = [(file, overridden(scenarios.load(file), blocks, seed)) for file in files]
        for file, scenario in asked:
            if gate:
                claim.refuse_none(scenario, str(file))
        if len(asked) == 1:
            raise typer.Exit(errand.carried_out(*asked[0], results, watch, gate, explain))
        print(f"{len(asked)} scenarios, about {figures.duration(sum(measure.expected_s(one) for _, one in asked))}")
        raise typer.Exit(max([errand.one_of_several(*one, results, watch, gate, explain) for one in asked]))


@app.command("extend", epilog="example: bench extend results/20260101T120000Z-default --blocks 6")
def extend(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="a finished run under results/")],
    blocks: Annotated[int, typer.Option(min=1, max=MOST_BLOCKS, help="how many to add")],
    plain: Plain = False,
    as_json: Json = False,
    gate: Gate = False,
) -> None:
    """Add blocks to a finished run, on the same machine by the same plan. Exit 3: a comparison asked for is INVALID."""
    with displays.watching(plain, as_json, errand.so_far) as watch:
        raise typer.Exit(errand.gone_on(resume.to_extend(run_folder, blocks), watch, gate))


@app.command("report", epilog="example: bench report results/20260101T120000Z-default")
def report(
    run_folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="a run folder under results/, or a folder of such folders")
    ],
    gate: Gate = False,
) -> None:
    """Rebuild a run's report, tables and pictures from its raw data; of a folder of runs, one page over all of them."""
    from harness import catalogue, publish

    if catalogue.is_collection(run_folder):
        if gate:
            raise UserError(f"{run_folder}: --gate: expected one run, got a folder of runs")
        raise typer.Exit(publish.publish_collection(run_folder))
    raise typer.Exit(publish.publish(run_folder, gate))


@app.command("export", epilog="example: bench export results/20260101T120000Z-default --json | jq .conclusion")
def export_run(
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
    from harness import frames, outlet

    if csv == json:
        raise typer.BadParameter("expected one of them", param_hint="--csv, --json")
    if requests:
        outlet.requests(frames.open_run(run_folder), "csv" if csv else "json", out or outlet.STANDARD_OUTPUT, force)
    elif json:
        outlet.document(run_folder, out or outlet.STANDARD_OUTPUT, force)
    else:
        outlet.folder(run_folder, out or run_folder / "export", force)


@app.command("explain", epilog="example: bench explain scenarios/bare.toml")
def explain(
    asked: Annotated[Path, typer.Argument(metavar="SCENARIO|RUN", help="a scenario file, or a run under results/")],
    plain: Plain = False,
    as_json: Json = False,
    results: Results = Path("results"),
) -> None:
    """Say why the numbers are what they are, by an untimed pass with a probe: thread switches, waits, loop lag.

    Of a run, the pass is kept with it and its report is written anew.
    """
    from harness import publish

    with displays.watching(plain, as_json, errand.so_far) as watch:
        if asked.is_dir():
            errand.explain_run(asked, watch)
            raise typer.Exit(errand.ended(watch, asked, publish.publish(asked)))
        errand.explain_file(asked, results, watch)


@app.command("compare", epilog="example: bench compare results/OLD results/NEW --max-regression 5%")
def compare_runs(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="the run folder to compare with")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="the run folder that is compared")],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="throughput, p50, p95, p99, cpu, memory (or rate); repeatable; all by default"
        ),
    ] = None,
    max_regression: Limit = None,
    allow_different: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="compare although this differs, such as django; repeatable")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, as for $GITHUB_STEP_SUMMARY")] = False,
) -> None:
    """Compare two runs cell by cell. Exit 3: a cell is missing or INVALID; 4: the gate that you asked for failed."""
    from harness import analysis, compare, compare_report, frames, gate, likeness, metrics

    limit = None if max_regression is None else percentage(max_regression)
    runs = frames.open_run(base), frames.open_run(new)
    accepted = likeness.accepted(*runs, allow_different or [])
    told = metrics.named(metric or [], metrics.of(runs[0].scenario.load.mode))
    before, after = (analysis.analyse(run) for run in runs)
    two = compare.compare(before, after, told, bool(metric), accepted)
    shown = compare_report.markdown if markdown else compare_report.text
    print(shown(two, limit), end="")
    raise typer.Exit(gate.exit_code(two, limit))


@app.command("ab", epilog="example: bench ab scenarios/change.toml --base main --max-regression 5%")
def ab(
    file: ScenarioFile,
    base: Annotated[str, typer.Option(metavar="REF", help="the git revision to compare the working tree with")],
    blocks: Blocks = None,
    seed: Seed = None,
    plain: Plain = False,
    as_json: Json = False,
    results: Results = Path("results"),
    max_regression: Limit = None,
) -> None:
    """Measure a change of bench_project: the working tree against a revision, interleaved in the same blocks.

    Exit 3: a comparison is INVALID; 4: the gate that you asked for failed.
    """
    from harness import publish

    with displays.watching(plain, as_json, errand.so_far) as watch:
        limit = None if max_regression is None else percentage(max_regression)
        asked = overridden(scenarios.load(file), blocks, seed)
        told = worktrees.base(base)
        for name in worktrees.untracked():
            print(f"! {name} is not known to git, and not part of the change: `git add` it if it should be")
        path = errand.measured(change.doubled(asked, told), file, results, watch).path
        raise typer.Exit(errand.ended(watch, path, publish.publish_change(path, limit)))


@app.command("calibrate", epilog="example: bench calibrate")
def calibrate(
    results: Results = Path("results"),
    floor: Annotated[Path, typer.Option(help="the A/A scenario that measures the noise floor")] = Path(
        "scenarios/floor.toml"
    ),
) -> None:
    """Is the load maker to be trusted on this machine? About four minutes; exit 3 if any line fails."""
    if not calibration.AVAILABLE:
        raise UserError("calibration needs Linux: the server it holds the load maker against is built on epoll")
    asked, cores = scenarios.load(floor), machine.share_cores()
    with machine.off_the_servers(cores):
        lines = [show(line) for line in calibration.full(cores, lambda what: print(f"… {what}", flush=True))]
    lines.append(show(errand.measure_floor(asked, floor, results)))
    failed = [line.name for line in lines if line.passed is False]
    print(
        f"{len(failed)} of {len(lines)} lines failed: {', '.join(failed)}"
        if failed
        else f"all {len(lines)} lines passed"
    )
    raise typer.Exit(EXIT_INVALID if failed else 0)


@app.command("serve", epilog='example: bench serve "async · uvicorn" gunicorn-gthread')
def serve(
    arms: Annotated[
        list[str], typer.Argument(metavar="ARM…", help="arms of the scenario, or names of the servers table")
    ],
    scenario: Annotated[Path, typer.Option(help="where the arms are defined")] = Path("scenarios/default.toml"),
) -> None:
    """Bring arms and services up in the foreground and print their URLs, for curl, a browser or Locust's web UI."""
    from harness import serving

    known = scenarios.load(scenario)
    serving.serve([arm for name in arms for arm in serving.named(name, known)])


def refuse_beside_resume(files: list[Path] | None, blocks: int | None, seed: int | None, explain: bool) -> None:
    """A stored run has its own scenario, blocks and seed, and is explained by a command of its own."""
    if explain:
        raise typer.BadParameter(
            "expected without --explain; bench explain RUN does it afterwards", param_hint="--resume"
        )
    given = {"SCENARIO…": files, "--blocks": blocks, "--seed": seed}
    for name, value in given.items():
        if value not in (None, []):
            more = "; to add blocks to a finished run: bench extend RUN --blocks N" if name == "--blocks" else ""
            raise typer.BadParameter(
                f"goes on by the plan stored with the run: leave out {name}{more}", param_hint="--resume"
            )


def show(line: Line) -> Line:
    """Print a calibrated line."""
    word = {True: "pass", False: "FAIL", None: "none"}[line.passed]
    advice = f"; {line.advice}" if line.passed is False else ""
    print(f"{word}  {line.name:22}  {line.figure}  (limit: {line.limit}){advice}", flush=True)
    return line


def percentage(text: str) -> float:
    """A limit as a fraction."""
    try:
        return percent.fraction(text)
    except ValueError as error:
        raise UserError(f"--max-regression: {error}") from None


def overridden(scenario: Scenario, blocks: int | None, seed: int | None) -> Scenario:
    """The scenario with what the command line says instead."""
    given = {"blocks": blocks, "seed": seed}
    return scenario.model_copy(update={name: value for name, value in given.items() if value is not None})


def main() -> None:
    """Entry point: one message for what the user can mend, a traceback for a bug."""
    unwind_on_signals()
    try:
        with displays.usage_told(sys.argv[1:]):
            sys.exit(app(standalone_mode=False))
    except UserError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(EXIT_MENDABLE)
    except Interrupted:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_MENDABLE)


def unwind_on_signals() -> None:
    """Whatever asks this process to end leaves every `with` as it should be left."""
    for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(caught, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(signal.Signals(number).name)


if __name__ == "__main__":
    main()
