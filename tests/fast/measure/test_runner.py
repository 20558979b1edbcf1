"""The whole pipeline without sockets: a plan in, a report out; and what is on disk between."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from support.fakes import FakeLoad, FakePlaying, FakeStage, Quiet
from support.runs import analysed, fake_run
from support.scenarios import tiny

from harness.measure import runner
from harness.plan import duets, layout
from harness.plan.slices import Block, Cell, Turn
from harness.samples import COLUMNS, LOAD, SERVICES, Outcome
from harness.storage import writer
from harness.verdicts import validity


def test_an_arm_left_with_work_is_restarted_before_its_next_slice(tmp_path: Path) -> None:
    load = FakeLoad(shortage=lambda slice_: slice_.cell == Cell("sync", "wait ms=10", 8))
    stage = FakeStage()
    run = writer.RunFolder.create(tmp_path, "tiny", "", {})
    runner.run(tiny(blocks=1), run, stage, load, Quiet())
    assert stage.servers is not None
    assert stage.servers.restarts == ["sync"] * 4  # the warm-up and three visits


def test_a_refused_cell_is_not_loaded(tmp_path: Path) -> None:
    load = FakeLoad()
    result = analysed(tmp_path, tiny(blocks=1), load, FakeStage({("sync", "hello"): "other body"}))
    assert Cell("sync", "hello", 4) not in {slice_.cell for slice_ in load.played}
    assert any("other body" in reason.text for reason in validity.check(result))


def test_where_every_cell_is_refused_one_block_tells_it(tmp_path: Path) -> None:
    scenario = tiny(blocks=3)
    refused = {(cell.arm, cell.endpoint): "other body" for cell, _, _ in layout.cells(scenario)}
    result = analysed(tmp_path, scenario, FakeLoad(), FakeStage(refused))
    assert result.blocks == 1
    told = [reason.text for reason in validity.check(result)]
    assert sum("other body" in text for text in told) == len(result.cells)


def test_every_request_is_kept_as_it_was_recorded(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=1), FakeLoad())
    requests = pd.read_parquet(run / "blocks" / "000" / "requests.parquet")
    assert list(requests.columns) == list(COLUMNS)
    assert (requests.outcome == Outcome.OK).all()
    assert (requests.done_ns > requests.sent_ns).all()
    assert not list(run.glob("**/.*.tmp"))


def test_a_duet_is_played_by_two_load_generators_and_both_arms_are_looked_after(tmp_path: Path) -> None:
    """The second is started for the first duet; an arm of it that is left with work is restarted."""
    made: list[FakePlaying] = []

    class Load(FakeLoad):
        @contextmanager
        def playing(self, settings, asked, folder, cores):  # type: ignore[no-untyped-def]
            made.append(FakePlaying(self))
            yield made[-1]

    scenario = tiny(blocks=1)
    visits = {visit[0].arm: visit for visit in layout.cells(scenario) if visit[0].endpoint == "hello"}
    duet = duets.of(1, (visits["async"], visits["sync"]), (10.0, 10.0), scenario.load, seed=1)
    answers: list[Any] = []

    def course() -> Iterator[Turn]:
        answers.append((yield layout.slice_of(0, *visits["sync"], scenario.load, "measure", 1)))
        assert len(made) == 1
        answers.append((yield duet))
        return []

    stage = FakeStage()
    load = Load(shortage=lambda slice_: slice_ == duet.second)
    result = runner.run_block(scenario, course(), Block(0, ()), tmp_path, stage, load, Quiet())  # type: ignore[arg-type]
    assert len(made) == 2
    alone, both = answers
    assert [one.index for one in (alone, *both)] == [0, 1, 2]
    assert [one["index"] for one in result.notes["played"]] == [0, 1, 2]
    assert [one["beside"] for one in result.notes["slices"]] == [None, 2, 1]
    assert {row.slice for row in result.usage if row.group == LOAD} == {0, 1, 2}
    assert {row.slice for row in result.usage if row.group == SERVICES} == {0, 1}
    assert len(result.rows) == sum(len(one.requests()) for one in made)
    assert all(one.requests() for one in made)
    assert stage.servers is not None
    assert stage.servers.restarts == ["sync"]


def test_a_duet_with_a_refused_arm_is_not_played(tmp_path: Path) -> None:
    scenario = tiny(blocks=1)
    visits = {visit[0].arm: visit for visit in layout.cells(scenario) if visit[0].endpoint == "hello"}
    answers: list[Any] = []

    def course() -> Iterator[Turn]:
        answers.append((yield duets.of(0, (visits["async"], visits["sync"]), (9.0, 9.0), scenario.load, seed=1)))
        return []

    stage, load = FakeStage({("sync", "hello"): "other body"}), FakeLoad()
    runner.run_block(scenario, course(), Block(0, ()), tmp_path, stage, load, Quiet())  # type: ignore[arg-type]
    assert answers == [None]
    assert not load.played
