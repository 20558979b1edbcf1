"""A pass with the probe, made up."""

import json
from pathlib import Path
from typing import Any

from support.fakes import FakeLoad, FakeStage, Quiet
from support.runs import FACTS, once
from support.scenarios import TINY, tiny

from harness.measure import runner
from harness.plan import instrumented_run, layout
from harness.plan.slices import Cell
from harness.storage.files import FINISHED, write_json
from harness.storage.writer import RunFolder

COST = {
    loop: {n: {"switch_cpu_us": 50.0, "context_cpu_us": 200.0} for n in ("1", "64")} for loop in ("asyncio", "uvloop")
}


HELLO, WAIT = Cell("async", "hello", 4), Cell("async", "wait ms=10", 8)


MADE_UP = {
    "sync_to_async": 16,
    "switches": 16,
    "middleware_switches": 13,
    "threads_started": 2,
    "application_ns": 10_000_000,
    "thread_ns": 4_000_000,
    "query_ns": 1_000_000,
    "redis_ns": 500_000,
    "answered_ns": 2_000_000,
    "lag_0": 98,
    "lag_40": 2,
}
"""Per request."""


def a_pass(results: Path, stage: FakeStage | None = None, **made_up: int) -> Path:
    """An instrumented run over the tiny scenario in which each instrumented request counted MADE_UP and `made_up`."""
    key = ("pass", repr(stage and (stage.refused, stage.log)), *made_up.items())
    return once(results, key, lambda folder: new_pass(folder, stage or FakeStage(), made_up))


def new_pass(results: Path, stage: FakeStage, made_up: dict[str, int]) -> Path:
    scenario = instrumented_run.instrumented(tiny())
    planned = layout.as_json(scenario, layout.expand(scenario))
    facts = {"overrides": scenario.overrides, "plan": planned, "switch_cost": COST}
    run = RunFolder.create(results, "tiny-explain", TINY, FACTS | facts)
    runner.run(scenario, run, stage, FakeLoad(), Quiet())
    run.mark(FINISHED)
    notes_file = run.path / "blocks/000/block.json"
    notes = json.loads(notes_file.read_text())
    played = {one["index"]: one["requests"] for one in notes["played"]}
    notes["instrumented"] = [
        counted(one["index"], played[one["index"]], MADE_UP | made_up)
        for one in notes["slices"]
        if one["cell"]["arm"].endswith(instrumented_run.INSTRUMENTED) and one["index"] in played
    ]
    notes["middleware"] = {"async (instrumented)": {"number": 7, "sync_only": ["a.B"]}}
    write_json(notes_file, notes)
    return run.path


def counted(index: int, requests: int, each: dict[str, int]) -> dict[str, Any]:
    grown = {name: value * requests for name, value in each.items()} | {"requests": requests}
    return {"slice": index, "grown": grown, "requests": {"1": requests}, "inside_most": 4}
