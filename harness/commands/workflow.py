"""The workflow of every verb that measures: announce, measure, explain, publish, exit code.

It stands above both halves, and hands the upper what that may not know. The lower is imported where it is needed: pandas takes
longer to load than most commands to answer.
"""

import sys
from datetime import datetime
from pathlib import Path

from harness.commands import preview
from harness.display.watch import Watch
from harness.errors import EXIT_MENDABLE, UserError
from harness.formatting import numbers
from harness.load.calibration import Line
from harness.measure import session
from harness.plan import courses
from harness.plan.instrumented_run import INSTRUMENTED_RUNS, instrumented
from harness.scenario import claims, reader
from harness.scenario.model import Scenario
from harness.storage.reader import Stored
from harness.storage.writer import RunFolder
from harness.system.signals import unbroken
from harness.verdicts.interim import SoFar


def measured(scenario: Scenario, file: Path, results: Path, watch: Watch, strict: bool = False) -> RunFolder:
    """Announce what will run and for how long, then run it."""
    print("\n".join(preview.first(scenario, datetime.now().astimezone())), flush=True)
    return session.measure(scenario, file, results, watch.show, narrow, strict)


def carried_out(
    file: Path, scenario: Scenario, results: Path, watch: Watch, gate: bool, explain: bool, strict: bool
) -> int:
    """Measure a scenario, explain it where asked for, report it; the exit code. Missing prerequisites are reported first."""
    if explain:
        session.refuse_what_cannot_be(instrumented(scenario))
    path = measured(scenario, file, results, watch, strict).path
    if explain:
        try:
            explain_run(path, watch)
        except UserError:
            published(path, watch, gate)
            raise
    return ended(watch, path, published(path, watch, gate))


def one_of_several(
    file: Path, scenario: Scenario, results: Path, watch: Watch, gate: bool, explain: bool, strict: bool
) -> int:
    """A scenario that fails is reported, and the others are measured all the same."""
    print(f"\n── {file}", flush=True)
    try:
        return carried_out(file, scenario, results, watch, gate, explain, strict)
    except UserError as error:
        watch.failed(error)
        print(f"djbench: {file}: {error}", file=sys.stderr, flush=True)
        return EXIT_MENDABLE


def published(path: Path, watch: Watch, gate: bool = False) -> int:
    """The run's report; the exit code. What it needs is loaded here: no earlier, so that nobody measures beside it."""
    with unbroken():
        from harness.commands import publishing

    return publishing.publish(path, gate, watch.verbose)


def published_change(path: Path, limit: float | None) -> int:
    """The same of a change, with what its gate says."""
    with unbroken():
        from harness.commands import publishing

    return publishing.publish_change(path, limit)


def gone_on(run: Stored, watch: Watch, gate: bool, strict: bool = False) -> int:
    """Announce what is left of a stored run, measure it and report the whole; the exit code."""
    asked, left = run.scenario, len(run.missing)
    if gate:
        claims.refuse_none(asked.claims, str(run.path))
    seconds = courses.expected_s(asked) * left / asked.most_blocks
    until = f", until {preview.goal(asked)}; at most " if asked.rule else ", about "
    told = f"{left} of {asked.blocks} blocks left{until}{preview.lasts(seconds, datetime.now().astimezone())}"
    print(f"{asked.question}\n{told}\ninto {run.path}", flush=True)
    path = session.go_on(run, watch.show, narrow, strict).path
    return ended(watch, path, published(path, watch, gate))


def explain_run(path: Path, watch: Watch) -> None:
    """An instrumented run over the scenario of a stored run, into its folder."""
    run = Stored.open(path)
    if run.scenario.instrumented:
        raise UserError(f"{path}: already an instrumented run; djbench report {path} shows it")
    text = reader.read_text(path / "scenario.toml")
    session.run_instrumented(run.scenario, text, path / INSTRUMENTED_RUNS, run.head["scenario"], watch.show)


def explain_file(file: Path, results: Path, watch: Watch) -> None:
    """An instrumented run over a scenario, as a folder of its own."""
    scenario = reader.load(file)
    path = session.run_instrumented(scenario, reader.read_text(file), results, file.stem, watch.show).path
    with unbroken():
        from harness.commands import publishing

    publishing.publish_why(path)
    report = str(path / "report" / "mechanism.csv")
    watch.finished(folder=str(path), report=report, conclusion=[], next=[], exit_code=0)


def measure_noise_floor(asked: Scenario, file: Path, results: Path) -> Line:
    """The A/A run: how far from 1 the throughput ratio of two equal arms is on this machine."""
    path = measured(asked, file, results, Watch(so_far, plain=True)).path
    with unbroken():
        from harness.analysis import analysis, frames

    analysed = analysis.analyse(frames.open_run(path))
    cell = analysed.cells[0]
    floor = analysed.noise_floor(cell.endpoint, cell.level, analysed.metrics[0])
    ratio = numbers.ratio(analysed.noise_floors[0].ratio) if analysed.noise_floors else numbers.MISSING
    figure = f"{numbers.noise(floor)} of throughput, ratio of two equal arms {ratio}"
    return Line("noise floor (A/A)", figure, "none", floor is not None, "no valid block: see the run's report")


def ended(watch: Watch, path: Path, code: int) -> int:
    """The last event of a run that was published, where events are asked for; the exit code as it is."""
    from harness.report import conclusion, next_steps
    from harness.verdicts import mechanism, validity

    if watch.events is not None:
        analysed, reasons = validity.read(path)
        steps = next_steps.steps(analysed, reasons, mechanism.read(path) is not None)
        watch.finished(
            folder=str(path),
            report=str(path / "report" / "report.md"),
            conclusion=conclusion.conclusion(analysed, reasons),
            next=[step.command for step in steps],
            exit_code=code,
        )
    return code


def so_far(path: Path) -> SoFar:
    """Interim results of the run in this folder; passed in, because measuring may not import analysis."""
    with unbroken():
        from harness.verdicts import interim_analysis

    return interim_analysis.so_far(path)


def narrow(path: Path) -> bool:
    """Whether the run in this folder has reached its stopping rule; passed in, because measuring may not import analysis."""
    with unbroken():
        from harness.verdicts import stopping_rule

    return stopping_rule.reached(path)
