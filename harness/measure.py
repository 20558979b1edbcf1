"""One scenario, measured into a new run folder: calibrated, played, marked with what became of it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

from rich.console import Console

from harness import calibrate, capacity, machine, plan, runner, services
from harness import scenario as scenarios
from harness.errors import Interrupted
from harness.load import LocustLoad
from harness.machine import Cores
from harness.modes import OPEN
from harness.progress import BarProgress, PlainProgress
from harness.scenario import Scenario
from harness.store import FAILED, FINISHED, INTERRUPTED, RunFolder


def measure(scenario: Scenario, file: Path, results: Path, plain: bool) -> RunFolder:
    """One scenario, measured into a new run folder; its state is right whatever happens."""
    machine.refuse_too_many_connections(plan.most_connections(scenario), len(scenario.arms))
    cores = machine.share_cores()
    calibrated = calibrated_for(scenario, cores)
    facts = {
        "plan": plan.as_json(scenario, plan.expand(scenario)),
        "overrides": {"blocks": scenario.blocks, "seed": scenario.seed},
        "machine": machine.facts(),
        "calibration": calibrated,
        "cores": {"server": cores.server, "load": cores.load, "note": cores.note},
        "database": "SQLite",
    }
    folder = RunFolder.create(results, file.stem, scenarios.read_text(file), facts)
    print(f"into {folder.path}", flush=True)
    started = time.monotonic()
    try:
        stage = runner.Stage(cores, services.seed_database(folder.path / "db.sqlite3"))
        with progress(scenario, plain) as shown:
            runner.run(scenario, folder, stage, LocustLoad(), shown, calibrated["most_rate"] or inf)
    except Interrupted:
        folder.mark(INTERRUPTED)
        print(f"interrupted; what is finished can be reported: bench report {folder.path}", file=sys.stderr)
        raise
    except BaseException as error:
        folder.mark(FAILED, error=str(error))
        raise
    finally:
        (folder.path / "db.sqlite3").unlink(missing_ok=True)
    folder.mark(FINISHED, seconds=round(time.monotonic() - started, 1))
    return folder


def expected_s(scenario: Scenario) -> float:
    """About how long a run takes."""
    return capacity.expected_s(scenario) if runner.searching(scenario) else plan.expected_s(scenario)


def slices_of(scenario: Scenario) -> int:
    """How many slices a block has; a guess where they are searched for."""
    return capacity.expected_slices(scenario) if runner.searching(scenario) else len(plan.expand(scenario)[0].slices)


def calibrated_for(scenario: Scenario, cores: Cores) -> dict[str, Any]:
    """The short calibration before a run; what did not pass is told at once, and again in the report."""
    print("calibrating the load maker …", flush=True)
    with machine.off_the_servers(cores):
        found = calibrate.short(cores, scenario.load)
    for line in found["lines"]:
        if line["passed"] is False:
            print(f"! calibration: {line['name']} {line['figure']} (limit {line['limit']}): {line['advice']}")
    most = max(float(cell.level) for cell, _, _ in plan.cells(scenario))
    if scenario.load.mode == OPEN and found["most_rate"] and most > found["most_rate"]:
        limit = f"{found['most_rate']:.0f}/s, half of what the load maker can make here"
        print(
            f"! {most:g}/s is more than {limit}: cells above it will be INVALID; lower the rate or set load.processes"
        )
    return found


@contextmanager
def progress(scenario: Scenario, plain: bool) -> Iterator[PlainProgress | BarProgress]:
    """A bar on a terminal, plain lines elsewhere or where asked for."""
    console, slices = Console(), slices_of(scenario)
    if plain or not console.is_terminal:
        yield PlainProgress(scenario.blocks, slices)
    else:
        with BarProgress(scenario.blocks, slices, console) as bar:
            yield bar
