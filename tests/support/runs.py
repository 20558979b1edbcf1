"""Whole runs without a socket: measured by fakes into a real run folder, and analysed."""

import atexit
import itertools
import json
import shutil
from collections.abc import Callable, Hashable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any
from unittest.mock import patch

from support.fakes import FakeLoad, FakeServers, FakeStage, Quiet
from support.scenarios import TINY

from harness.analysis import analysis, frames
from harness.measure import conditions, runner
from harness.plan.slices import Slice
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


_MADE: dict[Hashable, Path] = {}
_LEFT: dict[Hashable, tuple[list[Slice], FakeServers | None]] = {}


def fake_run(folder: Path, scenario: Scenario, load: FakeLoad, stage: FakeStage | None = None) -> Path:
    """A whole run without a socket; returns its folder. What was asked for before, by the same functions, is copied."""
    stage = stage or FakeStage()
    key = (repr(scenario), load.latency_ms, load.spoil, load.shortage, repr((stage.refused, stage.log, stage.cores)))
    path = once(folder, key, lambda own: new_run(own, scenario, load, stage))
    load.played[:], stage.servers = _LEFT.setdefault(key, (list(load.played), stage.servers))
    return path


def once(folder: Path, key: Hashable, make: Callable[[Path], Path]) -> Path:
    """A copy in `folder` of the run that `make` makes in the folder it is given, once per process and key."""
    if key not in _MADE:
        _MADE[key] = make(Path(mkdtemp(dir=_originals())))
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.copytree(_MADE[key], fresh(folder, _MADE[key].name))


def new_run(folder: Path, scenario: Scenario, load: FakeLoad, stage: FakeStage) -> Path:
    """What other processes do meanwhile is nothing to it."""
    run = RunFolder.create(folder, "tiny", TINY, FACTS | {"overrides": scenario.overrides})
    with patch.object(conditions, "cpu_times", lambda: [0] * 10):
        runner.run(scenario, run, stage, load, Quiet())
    run.mark(FINISHED)
    return run.path


@cache
def _originals() -> str:
    """Where the runs are that are copied, until this process ends."""
    folder = TemporaryDirectory(prefix="fake-runs-")
    atexit.register(folder.cleanup)
    return folder.name


def fresh(folder: Path, name: str) -> Path:
    """A name that is not taken: runs that were made in the same second may be asked for in one folder."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(path for path in (folder / one for one in names) if not path.exists())


def analysed(folder: Path, scenario: Scenario, load: FakeLoad, stage: FakeStage | None = None) -> analysis.Analysis:
    """The same run, analysed."""
    return analysis.analyse(frames.open_run(fake_run(folder, scenario, load, stage)))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())
