"""What is shown of a run while it goes on: live, in plain lines, as events."""

import io
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fakes import FakeLoad, FakeStage
from support.scenarios import tiny
from support.watched import new_run, opening, spoilt

from harness.analysis import frames
from harness.display import json_events
from harness.display.json_events import KEYS, EventProgress, Events
from harness.location import ROOT
from harness.measure import runner
from harness.verdicts import interim_analysis
from harness.verdicts.interim import INVALID


def test_every_event_has_exactly_its_documented_keys_and_requests_sum_to_the_rows(tmp_path: Path) -> None:
    told, asked = io.StringIO(), tiny(blocks=3)
    run = new_run(tmp_path, asked)
    load = FakeLoad(spoil=spoilt)
    stage = FakeStage(refused={("async again", "hello"): "not the same body"})
    runner.run(asked, run, stage, load, EventProgress(opening(run.path, asked), interim_analysis.so_far, Events(told)))
    seen = [json.loads(line, parse_constant=refuse) for line in told.getvalue().splitlines()]
    for one in seen:
        assert list(one) == ["event", *KEYS[one["event"]]]
    assert [one["event"] for one in seen if one["event"] != "slice_played"] == [
        "run_started", *["block_started", "block_finished"] * 3,
    ]  # fmt: skip
    slices = [one for one in seen if one["event"] == "slice_played"]
    rows = sum(len(block.requests) for block in frames.open_run(run.path).blocks())
    assert sum(one["requests"] + one["dropped"] for one in slices if not one["refused"]) == rows > 0
    assert {one["requests"] for one in slices if one["refused"]} == {None}
    last = seen[-1]["comparisons"]
    assert {tuple(one) for one in last} == {json_events.COMPARISON}
    assert {one["word"] for one in last} == {INVALID}


def refuse(constant: str) -> None:
    raise AssertionError(constant)


def test_what_is_not_a_number_is_null() -> None:
    told = io.StringIO()
    Events(told).say("block_finished", block=0, blocks=1, metric="x", comparisons=[])
    Events(told).say("calibration", name="x", figure="y", limit="z", passed=None, advice=math.nan)
    assert json.loads(told.getvalue().splitlines()[1], parse_constant=refuse)["advice"] is None


def test_an_event_with_a_key_too_few_or_too_many_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Events(io.StringIO()).say("block_started")
    with pytest.raises(AssertionError):
        Events(io.StringIO()).say("block_started", block=0, unknown=1)


def documented() -> Iterator[tuple[str, list[str]]]:
    for part in re.split(r"^## ", (ROOT / "docs" / "events.md").read_text(), flags=re.MULTILINE)[1:]:
        name, *tables = re.split(r"^Each of the ", part, flags=re.MULTILINE)
        yield name.split("`")[1], re.findall(r"^\| `(\w+)` \|", name, flags=re.MULTILINE)
        for table in tables:
            yield "comparisons", re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)


def test_the_documented_keys_are_those_of_the_code() -> None:
    of_code = {event: ["event", *keys] for event, keys in KEYS.items()} | {"comparisons": list(json_events.COMPARISON)}
    assert dict(documented()) == of_code
