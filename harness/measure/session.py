"""One scenario, measured into a run folder: calibrated, played, marked with its state.

`show`: the display.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

from harness.deployment.fleet import Checkout
from harness.errors import Interrupted, UserError
from harness.load import calibration
from harness.load.locust_process import LocustLoad
from harness.measure import resume, runner, switch_cost
from harness.measure.progress import Opening, Show
from harness.measure.runner import Bounds, Narrow
from harness.measure.stage import Stage
from harness.plan import instrumented_run, layout
from harness.plan.courses import expected_s, refuse_too_short, slices_of
from harness.project import django_versions, logins, ready
from harness.project.checkouts import checked_out, top
from harness.project.logins import NOBODY, Carried
from harness.project.target import Target
from harness.registry.load_modes import OPEN
from harness.scenario import reader
from harness.scenario.model import Scenario
from harness.services import backends
from harness.services.backends import Backends
from harness.storage.files import FAILED, FINISHED, INTERRUPTED, RUNNING
from harness.storage.reader import Stored
from harness.storage.writer import RunFolder
from harness.system import machine
from harness.system.cores import Cores, off_the_servers, share_cores


def measure(
    scenario: Scenario, file: Path, results: Path, show: Show, narrow: Narrow, strict: bool = False
) -> RunFolder:
    """One scenario, measured into a new run folder; its state is right whatever happens.

    `strict`: UserError before anything is measured where a line of the calibration fails.
    """
    refuse_what_cannot_be(scenario)
    cores = share_cores()
    target = ready.of(scenario.project, scenario.arms)
    with backends.running(scenario.database, scenario.needs, cores, target) as up:
        facts = (
            facts_of(scenario, cores, up)
            | project_of(target)
            | {"calibration": calibrated_for(scenario, cores, strict)}
        )
        folder = RunFolder.create(results, file.stem, reader.read_text(file), facts)
        print(f"into {folder.path}", flush=True)
        with marked(folder):
            play(scenario, folder, Ground(cores, up, target), show, narrow)
    return folder


def run_instrumented(scenario: Scenario, text: str, results: Path, name: str, show: Show) -> RunFolder:
    """An instrumented run of a scenario (`text`: its file's), in a run folder of its own. Untimed, so nothing is calibrated."""
    twice = instrumented_run.instrumented(scenario)
    refuse_what_cannot_be(twice)
    cores = share_cores()
    target = ready.of(twice.project, twice.arms)
    with backends.running(twice.database, twice.needs, cores, target) as up:
        folder = RunFolder.create(
            results, f"{name}-explain", text, facts_of(twice, cores, up) | project_of(target) | {"calibration": {}}
        )
        print(f"instrumented run into {folder.path}", flush=True)
        with marked(folder):
            folder.mark(RUNNING, switch_cost=switch_cost.cost(folder.path / "switch_cost.log", cores.server, target))
            play(twice, folder, Ground(cores, up, target), show, lambda _: False)
    return folder


def go_on(run: Stored, show: Show, narrow: Narrow, strict: bool = False) -> RunFolder:
    """The blocks that a stored run has not yet, measured into its folder; `run` is as harness.resume gives it."""
    refuse_what_cannot_be(run.scenario)
    cores = share_cores()
    target = ready.of(run.scenario.project, run.scenario.arms)
    with backends.running(run.scenario.database, run.scenario.needs, cores, target) as up:
        resume.refuse_other_backends(run, up.facts)
        folder = RunFolder.reopen(run.path, run.head)
        with marked(folder):
            now = calibrated_for(run.scenario, cores, strict)
            cautious = calibration.cautious(run.head["calibration"], now)
            folder.mark(RUNNING, calibration=cautious)
            play(run.scenario, folder, Ground(cores, up, target), show, narrow)
    return folder


def facts_of(scenario: Scenario, cores: Cores, up: Backends) -> dict[str, Any]:
    """What run.json says of the plan and of where it is measured."""
    return {
        "plan": layout.as_json(scenario, layout.expand(scenario)),
        "overrides": scenario.overrides,
        "machine": machine.facts(),
        "cores": {"server": cores.server, "load": cores.load, "note": cores.note},
        "database": up.database,
        "backends": up.facts,
    }


def project_of(target: Target) -> dict[str, Any]:
    """What run.json says of a user's own project."""
    told = ready.summary(target)
    return {"project": told} if told else {}


def refuse_what_cannot_be(scenario: Scenario) -> None:
    """UserError for what this machine or environment lacks."""
    machine.refuse_too_many_connections(layout.most_connections(scenario), len(scenario.arms))
    django_versions.refuse_missing(scenario.arms)
    refuse_too_short(scenario)


@dataclass(frozen=True)
class Ground:
    """What all blocks of a run share."""

    cores: Cores
    backends: Backends
    target: Target


def databases(scenario: Scenario, ground: Ground, revisions: Mapping[str, Checkout]) -> dict[str, str]:
    """Arm → a database of its own, where what an arm writes would change the answers of the next one; else none."""
    if not any(endpoint.writes for endpoint in scenario.endpoints):
        return {}
    filled = {None: ground.backends.places["database"]} | {name: one.database for name, one in revisions.items()}
    return {arm.name: ground.backends.copied(filled[arm.revision]) for arm in scenario.arms}


def play(scenario: Scenario, folder: RunFolder, ground: Ground, show: Show, narrow: Narrow) -> None:
    """All missing blocks."""

    def ends(path: Path) -> bool:
        """Whether enough is known; noted, because how many blocks there are then follows from what was seen."""
        if scenario.rule is None and folder.head["plan"].get("extended"):
            return False  # so many blocks were asked for, whatever they show
        enough = narrow(path)
        if enough:
            folder.mark(RUNNING, ended_by="what is known")
        return enough

    bounds = Bounds(folder.head["calibration"].get("most_rate") or inf, ends)
    with (
        checkouts(scenario, folder, ground) as revisions,
        show(opening(scenario, folder, ground.cores)) as shown,
    ):
        stage = Stage(
            ground.cores,
            ground.backends,
            ground.target,
            revisions,
            NOBODY if revisions else _carried(scenario, ground.target, ground, ground.backends.places["database"]),
            databases(scenario, ground, revisions),
        )
        runner.run(scenario, folder, stage, LocustLoad(), shown, bounds)


def opening(scenario: Scenario, folder: RunFolder, cores: Cores) -> Opening:
    """What is left to measure, for the display."""
    left, processes = scenario.most_blocks - len(folder.finished), int(scenario.load.processes)
    return Opening(
        scenario=scenario,
        folder=folder.path,
        left=left,
        slices=slices_of(scenario),
        expected_s=expected_s(scenario) * left / scenario.most_blocks,
        load_cores=min(processes, len(cores.load)) if cores.load else processes,
        calibration=folder.head["calibration"].get("lines", []),
    )


@contextmanager
def checkouts(scenario: Scenario, folder: RunFolder, ground: Ground) -> Iterator[dict[str, Checkout]]:
    """The revisions that arms are at, each with a database of its own; none where all are at the working tree."""
    revisions = list(dict.fromkeys(arm.revision for arm in scenario.arms if arm.revision))
    if not revisions:
        yield {}
        return
    here, further = ground.target, ground.backends.further
    with checked_out(revisions, folder.path / "worktrees", here.folder, here.asked.untracked) as places:
        projects = {revision: _at(scenario, revision, here, place) for revision, place in places.items()}
        yield {
            revision: Checkout(project, url := further(project), _carried(scenario, project, ground, url))
            for revision, project in projects.items()
        }


def _carried(scenario: Scenario, project: Target, ground: Ground, database: str) -> Carried:
    """What requests to this revision carry: its sessions are in its own database."""
    return logins.carried(scenario.login, project, {**ground.backends.places, "database": database})


def _at(scenario: Scenario, revision: str, here: Target, place: Path) -> Target:
    """The project in this checkout of itself, by the Python that the revision is served by."""
    base = scenario.base
    if base is not None and base.python is not None and revision == base.sha and scenario.project is not None:
        own = {"dir": str(place), "python": base.python}
        here = ready.of(scenario.project.model_copy(update=own), scenario.arms)
    return here.at(place, top(ready.folder_of(scenario.project)))


@contextmanager
def marked(folder: RunFolder) -> Iterator[None]:
    """Set the run's state by how it ended."""
    try:
        yield
    except Interrupted:
        folder.mark(INTERRUPTED)
        told = f"interrupted; report the finished blocks with `djbench report {folder.path}`,"
        print(f"{told}\ncomplete the run with `djbench run --resume {folder.path}`", file=sys.stderr)
        raise
    except BaseException as error:
        folder.mark(FAILED, error=str(error))
        if isinstance(error, UserError):
            raise UserError(
                f"{error}\nonce that is fixed, continue with `djbench run --resume {folder.path}`"
                " (it has a copy of the scenario: a fault in that needs a new run)"
            ) from None
        raise
    folder.mark(FINISHED)


def calibrated_for(scenario: Scenario, cores: Cores, strict: bool = False) -> dict[str, Any]:
    """The short calibration before a run; failed checks are printed now, and again in the report."""
    found = calibrated(cores, scenario.load.mode, scenario.load.processes, layout.shortest_ms(scenario))
    failed = sum(line["passed"] is False for line in found["lines"])
    if strict and failed:
        raise UserError(
            f"calibration: {failed} of {len(found['lines'])} lines failed, see above, and nothing was measured (--strict);"
            " mend what they say or measure without --strict"
        )
    most = max(float(cell.level) for cell, _, _ in layout.cells(scenario))
    if scenario.load.mode == OPEN and found["most_rate"] and most > found["most_rate"]:
        limit = f"{found['most_rate']:.0f}/s, half of the load generator's ceiling"
        print(f"! {most:g}/s exceeds {limit}: cells above it will be INVALID; lower the rate or raise load.processes")
    return found


@cache
def calibrated(cores: Cores, mode: str, processes: int, shortest_ms: float) -> dict[str, Any]:
    """The short calibration; once per command for scenarios with the same kind of load."""
    print("calibrating the load generator …", flush=True)
    with off_the_servers(cores):
        found = calibration.short(cores, mode, processes, shortest_ms)
    for line in found["lines"]:
        if line["passed"] is False:
            print(f"! calibration: {line['name']} {line['figure']} (limit {line['limit']}): {line['advice']}")
    return found
