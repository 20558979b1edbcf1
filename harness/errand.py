"""What a verb that measures does from its first line to its last: announce, measure, explain, publish, tell how it ended.

It stands above both halves, and hands the upper what that may not know. The lower is imported where it is needed: pandas takes
longer to load than most commands to answer.
"""

import sys
from datetime import datetime
from pathlib import Path

from harness import claim, figures, measure, preview
from harness import scenario as scenarios
from harness.calibrate import Line
from harness.displays import Watch
from harness.errors import EXIT_MENDABLE, UserError
from harness.explain import PASSES, probed
from harness.scenario import Scenario
from harness.store import RunFolder
from harness.stored import Stored
from harness.watching import SoFar


def measured(scenario: Scenario, file: Path, results: Path, watch: Watch) -> RunFolder:
    """Say what will run and for how long, then run it."""
    print("\n".join(preview.first(scenario, datetime.now().astimezone())), flush=True)
    return measure.measure(scenario, file, results, watch.show, narrow)


def carried_out(file: Path, scenario: Scenario, results: Path, watch: Watch, gate: bool, explain: bool) -> int:
    """Measure a scenario, explain it where asked for, report it; the exit code. What a pass lacks is known before the run."""
    from harness import publish

    if explain:
        measure.refuse_what_cannot_be(probed(scenario))
    path = measured(scenario, file, results, watch).path
    if explain:
        try:
            explain_run(path, watch)
        except UserError:
            publish.publish(path, gate)
            raise
    return ended(watch, path, publish.publish(path, gate))


def one_of_several(file: Path, scenario: Scenario, results: Path, watch: Watch, gate: bool, explain: bool) -> int:
    """What cannot be had for one scenario is told, and the others are measured all the same."""
    print(f"\n── {file}", flush=True)
    try:
        return carried_out(file, scenario, results, watch, gate, explain)
    except UserError as error:
        watch.failed(error)
        print(f"bench: {file}: {error}", file=sys.stderr, flush=True)
        return EXIT_MENDABLE


def gone_on(run: Stored, watch: Watch, gate: bool) -> int:
    """Say what is left of a stored run, measure it and report the whole; the exit code."""
    from harness import publish

    asked, left = run.scenario, len(run.missing)
    if gate:
        claim.refuse_none(asked, str(run.path))
    seconds = measure.expected_s(asked) * left / asked.most_blocks
    until = f", until {preview.goal(asked)}; at most " if asked.rule else ", about "
    told = f"{left} of {asked.blocks} blocks to go{until}{preview.lasts(seconds, datetime.now().astimezone())}"
    print(f"{asked.question}\n{told}\ninto {run.path}", flush=True)
    path = measure.go_on(run, watch.show, narrow).path
    return ended(watch, path, publish.publish(path, gate))


def explain_run(path: Path, watch: Watch) -> None:
    """A probed pass over the scenario of a stored run, into its folder."""
    run = Stored.open(path)
    if run.scenario.explained:
        raise UserError(f"{path}: is a probed pass itself; bench report {path} shows it")
    text = scenarios.read_text(path / "scenario.toml")
    measure.explained(run.scenario, text, path / PASSES, run.head["scenario"], watch.show)


def explain_file(file: Path, results: Path, watch: Watch) -> None:
    """A probed pass over a scenario, as a folder of its own."""
    from harness import publish

    scenario = scenarios.load(file)
    path = measure.explained(scenario, scenarios.read_text(file), results, file.stem, watch.show).path
    publish.publish_why(path)
    report = str(path / "report" / "mechanism.csv")
    watch.finished(folder=str(path), report=report, conclusion=[], next=[], exit_code=0)


def measure_floor(asked: Scenario, file: Path, results: Path) -> Line:
    """The A/A run: how far from 1 the ratio of two equal arms is here."""
    from harness import analysis, frames

    analysed = analysis.analyse(frames.open_run(measured(asked, file, results, Watch(so_far, plain=True)).path))
    cell = analysed.cells[0]
    floor = analysed.floor(cell.endpoint, cell.level, analysed.metrics[0])
    ratio = figures.ratio(analysed.floors[0].ratio) if analysed.floors else figures.MISSING
    figure = f"{figures.margin(floor)} of throughput: two equal arms differ by {ratio}"
    return Line(
        "floor", figure, "none: the noise of a run here", floor is not None, "no valid block: see the run's report"
    )


def ended(watch: Watch, path: Path, code: int) -> int:
    """The last event of a run that was published, where events are asked for; the exit code as it is."""
    from harness import following, mechanism, publish
    from harness import report as reports

    if watch.events is not None:
        analysed, reasons = publish.read(path)
        steps = following.steps(analysed, reasons, mechanism.read(path) is not None)
        watch.finished(
            folder=str(path),
            report=str(path / "report" / "report.md"),
            conclusion=reports.conclusion(analysed, reasons),
            next=[step.command for step in steps],
            exit_code=code,
        )
    return code


def so_far(path: Path) -> SoFar:
    """What the upper half may not know: how the comparisons of the run in this folder stand."""
    from harness import standing

    return standing.so_far(path)


def narrow(path: Path) -> bool:
    """What the upper half may not know: whether the run in this folder is as precise as its scenario asks."""
    from harness import precision

    return precision.reached(path)
