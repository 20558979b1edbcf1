"""A run that goes on, as whoever watches it is told."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.runs import FACTS
from support.scenarios import TINY, tiny

from harness.measure.progress import Opening
from harness.plan import layout
from harness.plan.slices import Slice
from harness.samples import COLUMNS, Outcome, Played
from harness.scenario.model import Scenario
from harness.storage.writer import RunFolder
from harness.verdicts.interim import Standing


def opening(folder: Path, scenario: Scenario | None = None) -> Opening:
    asked = scenario or tiny()
    return Opening(asked, folder, asked.most_blocks, len(layout.expand(asked)[0].slices), 60.0)


def standings(number: int, arm: str = "async", over: str = "sync") -> list[Standing]:
    return [Standing(arm, over, f"wait ms={ms}", 64, 2.57, 2.2, 3.01, 3, "faster") for ms in range(number)]


def played(**changes: Any) -> Played:
    second = 1_000_000_000
    return replace(Played(0, 0, 0, second, second, 100, 0, 0, 0, False, 10.0, 100, 0, 0.1, 12.0), **changes)


def new_run(folder: Path, scenario: Scenario) -> RunFolder:
    return RunFolder.create(folder, "tiny", TINY, FACTS | {"overrides": scenario.overrides})


def twice_as_slow(slice_: Slice, rng: random.Random) -> float:
    return (20 if slice_.cell.arm == "sync" else 10) + rng.random()


def spoilt(slice_: Slice, rows: Any) -> Any:
    if slice_.cell.arm == "sync":
        rows[:, COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
    return rows
