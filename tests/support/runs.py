"""Whole runs without a socket: measured by fakes into a real run folder, and analysed."""

import json
from pathlib import Path
from typing import Any

from support.fakes import FakeLoad, FakeStage, Quiet
from support.scenarios import TINY

from harness.analysis import analysis, frames
from harness.measure import runner
from harness.scenario.model import Scenario
from harness.storage.files import FINISHED
from harness.storage.writer import RunFolder

FACTS: dict[str, Any] = {
    "plan": {},
    "overrides": {},
    "machine": {
        "system": "Test 1",
        "cpu": "Test CPU",
        "cores": 2,
        "python": "3.11.0",
        "packages": {"django": "5.2"},
    },
    "cores": {"server": [0], "load": [1], "note": None},
    "database": "SQLite",
    "calibration": {},
}


def fake_run(folder: Path, scenario: Scenario, load: FakeLoad, stage: FakeStage | None = None) -> Path:
    """A whole run without a socket; returns its folder."""
    run = RunFolder.create(folder, "tiny", TINY, FACTS | {"overrides": scenario.overrides})
    runner.run(scenario, run, stage or FakeStage(), load, Quiet())
    run.mark(FINISHED)
    return run.path


def analysed(folder: Path, scenario: Scenario, load: FakeLoad, stage: FakeStage | None = None) -> analysis.Analysis:
    """The same run, analysed."""
    return analysis.analyse(frames.open_run(fake_run(folder, scenario, load, stage)))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())
