"""Faults planted in real runs, each of which the run has to find: in arms, in the load generator, and on the machine."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.commands import here
from support.fakes import Quiet
from support.light import light
from support.runs import FACTS

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.commands import publishing
from harness.deployment import fleet as deployment
from harness.deployment import verification
from harness.deployment.fleet import Fleet, Site
from harness.load.base import Asked
from harness.load.locust_process import LocustLoad, LocustPlayers
from harness.location import ROOT
from harness.measure import runner
from harness.measure import stage as runner_stage
from harness.plan import arrivals
from harness.plan.slices import Slice
from harness.project import ready
from harness.registry.servers import SERVERS
from harness.samples import Outcome, Played
from harness.scenario import reader
from harness.scenario.database import UNUSED
from harness.scenario.model import Load as LoadSettings
from harness.scenario.model import Scenario
from harness.services import slow_api
from harness.services.backends import Backends
from harness.services.slow_api import Services
from harness.storage import files, writer
from harness.system import cores as machine_cores
from harness.system import ports, processes
from harness.system.cores import Cores
from harness.verdicts import validity

PROGRAMS = ROOT / "tests" / "support" / "programs"

NO_DATABASE = Backends({"database": UNUSED})

UNDER_WAY = 10
"""So many requests of a slice have come to the server before anything is done to it."""


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness gives way to everybody while it measures; who meddles must not."""
    monkeypatch.setattr(machine_cores, "off_the_servers", lambda cores: contextlib.nullcontext())


OPEN = """
question = "Is every planted fault found?"
blocks = 1
comparisons = [{ arm = "async", over = "sync" }]

[load]
mode = "open"
visits = 1
slice_max_s = 1.0

[[arms]]
name = "sync"
server = "gunicorn-gthread"
view = "sync"
threads = 8

[[arms]]
name = "async"
server = "uvicorn"
view = "async"

[[endpoints]]
name = "hello"
rate = [100]
"""


CLOSED_WAIT = OPEN.replace('mode = "open"', 'mode = "closed"').replace(
    'name = "hello"\nrate = [100]', 'name = "wait"\nquery = { ms = 50 }\nusers = [8]'
)


Meddle = Callable[[Slice, LocustPlayers, Fleet], None]


@dataclass
class Standing:
    """A stage whose servers stay up from one run to the next."""

    cores: Cores
    around: Services
    fleet: Fleet

    @contextmanager
    def up(self, scenario: Scenario, logs: Path) -> Iterator[tuple[Any, Any, Any]]:
        yield self.fleet, self.around, verification.verify(scenario, self.fleet)


@dataclass
class OfItsOwn:
    """A stage of its own, whose servers a test can reach."""

    stage: runner_stage.Stage
    fleet: Any = None

    @property
    def cores(self) -> Cores:
        return self.stage.cores

    @contextmanager
    def up(self, scenario: Scenario, logs: Path) -> Iterator[tuple[Any, Any, Any]]:
        with self.stage.up(scenario, logs) as (self.fleet, around, verified):
            yield self.fleet, around, verified


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """Both arms of OPEN and of CLOSED_WAIT."""
    cores, logs = machine_cores.share_cores(), tmp_path_factory.mktemp("standing") / "logs"
    arms = reader.parse(OPEN, "faults.toml").arms
    with (
        slow_api.running(NO_DATABASE, logs, cores.load, frozenset()) as around,
        deployment.running(arms, Site(ready.demo(), around.places, logs, cores.server)) as fleet,
    ):
        yield Standing(cores, around, fleet)


@pytest.fixture
def own() -> OfItsOwn:
    return OfItsOwn(runner_stage.Stage(machine_cores.share_cores(), NO_DATABASE, ready.demo()))


class MeddlingPlayers:
    """The load generator, with something done to it or to a server once a measured slice of `sync` is under way."""

    def __init__(self, players: LocustPlayers, fleet: Fleet, meddle: Meddle) -> None:
        self._players, self._fleet, self._meddle = players, fleet, meddle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._players, name)

    def prepare(self, slice_: Slice, address: tuple[str, int]) -> None:
        self._slice = slice_
        self._players.prepare(slice_, address)

    def finish(self, tick: Callable[[], None]) -> Played:
        if self._slice.purpose != "measure" or self._slice.cell.arm != "sync":
            return self._players.finish(tick)
        meddling = threading.Thread(target=self._later, args=(self._seen(),))
        meddling.start()
        played = self._players.finish(tick)
        meddling.join()
        return played

    def _later(self, before: int) -> None:
        assert ports.poll(lambda: self._seen() >= before + UNDER_WAY, 60)
        self._meddle(self._slice, self._players, self._fleet)

    def _seen(self) -> int:
        return sum(self._fleet.deployed[self._slice.cell.arm].seen().values())


class MeddlingLoad(LocustLoad):
    def __init__(self, stage: Standing | OfItsOwn, meddle: Meddle) -> None:
        self._stage, self._meddle = stage, meddle

    @contextmanager
    def playing(
        self, settings: LoadSettings, asked: Asked, folder: Path, cores: tuple[int, ...] | None
    ) -> Iterator[Any]:
        with super().playing(settings, asked, folder, cores) as players:
            yield MeddlingPlayers(players, self._stage.fleet, self._meddle)


def meddled(text: str, stage: Standing | OfItsOwn, folder: Path, meddle: Meddle) -> Path:
    """A whole run with a fault planted in it; its folder."""
    asked, cores = reader.parse(text, "faults.toml"), stage.cores
    facts = FACTS | {"overrides": {"blocks": asked.blocks, "seed": asked.seed}}
    facts |= {"cores": {"server": cores.server, "load": cores.load, "note": cores.note}}
    run = writer.RunFolder.create(folder, "faults", text, facts)
    runner.run(asked, run, stage, MeddlingLoad(stage, meddle), Quiet())
    run.mark(files.FINISHED)
    return run.path


def analysed(path: Path) -> Analysis:
    return analysis.analyse(frames.open_run(path))


def told(result: Analysis, arm: str, invalid: bool | None = None) -> list[str]:
    return [r.text for r in validity.check(result) if r.cell.arm == arm and invalid in (None, r.invalid)]


def nothing(slice_: Slice, players: LocustPlayers, fleet: Fleet) -> None: ...


def stop_the_load_generator(slice_: Slice, players: LocustPlayers, fleet: Fleet) -> None:
    for pid in players.pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(0.3)
    for pid in players.pids:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("text", [OPEN, CLOSED_WAIT], ids=["open", "closed"])
def test_a_load_generator_that_stood_still_for_300_ms_is_invalid_names_send_lag_and_exits_3(
    standing: Standing, tmp_path: Path, text: str
) -> None:
    path = meddled(text, standing, tmp_path, stop_the_load_generator)
    assert any("send lag" in text for text in told(analysed(path), "sync", invalid=True))
    ended = here("report", str(path))
    assert ended.returncode == 3, ended.stderr
    assert "✗ sync on " in ended.stdout


def kill_the_server(slice_: Slice, players: LocustPlayers, fleet: Fleet) -> None:
    os.killpg(fleet.deployed[slice_.cell.arm].child.pid, signal.SIGKILL)


def test_a_server_killed_in_mid_slice_leaves_equations_that_hold_to_the_unit(own: OfItsOwn, tmp_path: Path) -> None:
    path = meddled(OPEN, own, tmp_path, kill_the_server)
    block = frames.read_block(path / "blocks" / "000")
    killed = block.slices[(block.slices.arm == "sync") & (block.slices.purpose == "measure")]
    assert len(killed) == 1
    for slice_ in killed.to_dict("records"):
        outcomes = block.requests[block.requests.slice == slice_["index"]].outcome
        due = arrivals.schedule("poisson", 100, slice_["end_ns"] - slice_["start_ns"], slice_["seed"])
        counts = {outcome: int((outcomes == outcome).sum()) for outcome in Outcome}
        sent = len(outcomes) - counts[Outcome.DROPPED]
        assert len(due) == sent + counts[Outcome.DROPPED] == slice_["requests"] + slice_["dropped"]
        assert sent == sum(number for outcome, number in counts.items() if outcome is not Outcome.DROPPED)
        assert counts[Outcome.OK] > 0
        assert counts[Outcome.CONNECT_FAILED] > 0
        seen = int(block.conditions.set_index("slice").seen[slice_["index"]])
        assert counts[Outcome.OK] <= seen <= sent - counts[Outcome.CONNECT_FAILED]
    result = analysed(path)
    assert result.per_block.unaccounted.sum() == result.per_block.unseen.sum() == 0
    assert any("requests failed" in text for text in told(result, "sync", invalid=True))
    assert [entry["ended"] for entry in block.notes["restarted"]] == [True]


def test_in_an_untouched_run_the_server_saw_exactly_what_was_sent(standing: Standing, tmp_path: Path) -> None:
    block = frames.read_block(meddled(OPEN, standing, tmp_path, nothing) / "blocks" / "000")
    seen = block.conditions.set_index("slice").seen
    sent = block.requests[block.requests.outcome != Outcome.DROPPED].groupby("slice").size()
    assert (seen == sent).all()
    assert len(seen) == 4
    assert (block.conditions.workers == 1).all()
    assert (block.conditions.new_workers == 0).all()


def end_a_worker(slice_: Slice, players: LocustPlayers, fleet: Fleet) -> None:
    for pid in fleet.deployed[slice_.cell.arm].seen():
        os.kill(pid, signal.SIGKILL)


def test_a_worker_that_is_replaced_is_invalid(own: OfItsOwn, tmp_path: Path) -> None:
    result = analysed(meddled(OPEN, own, tmp_path, end_a_worker))
    assert any("1 workers exited under load and were replaced" in text for text in told(result, "sync", invalid=True))


def test_a_cpu_hog_beside_the_load_generator_is_told(standing: Standing, tmp_path: Path) -> None:
    cores = machine_cores.share_cores().load
    if cores is None:
        pytest.skip("no CPU affinity on this system")
    hog = processes.start(
        "hog", [sys.executable, "-c", "while True: pass"], tmp_path / "hog.log", cores=cores, env={}, cwd=ROOT
    )
    try:
        result = analysed(meddled(OPEN, standing, tmp_path / "run", nothing))
    finally:
        processes.stop([hog])
    assert any("other processes used" in text for text in told(result, "sync"))


def test_fewer_threads_than_declared_are_invalid(
    own: OfItsOwn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = SERVERS["gunicorn-gthread"]
    liar = replace(honest, command=honest.command.replace("--threads {threads}", "--threads 3"))
    monkeypatch.setitem(SERVERS, "gunicorn-gthread", liar)
    result = analysed(meddled(CLOSED_WAIT, own, tmp_path, nothing))
    assert any("smaller than declared" in text for text in told(result, "sync", invalid=True))


def test_as_many_threads_as_declared_are_not_doubted(standing: Standing, tmp_path: Path) -> None:
    result = analysed(meddled(CLOSED_WAIT, standing, tmp_path, nothing))
    assert not any("threads" in text for text in told(result, "sync"))


def test_a_body_that_is_truncated_on_one_arm_is_invalid(own: OfItsOwn, tmp_path: Path) -> None:
    text = OPEN.replace('view = "async"\n', f'view = "async"\noverlay = "{PROGRAMS}/truncated.py"\n')
    text = text.replace("[[endpoints]]", '[[arms]]\nname = "third"\nserver = "uvicorn"\nview = "sync"\n\n[[endpoints]]')
    result = analysed(meddled(text, own, tmp_path, nothing))
    assert any("the sync/async pair disagrees" in text for text in told(result, "async", invalid=True))
    assert not any("pair disagrees" in text for text in told(result, "sync"))


def test_the_quantiles_in_the_report_are_numpy_s_on_the_raw_parquet_file(standing: Standing, tmp_path: Path) -> None:
    path = meddled(OPEN.replace("[100]", "[500]"), standing, tmp_path, nothing)
    with light():
        publishing.publish(path)
    cells = pd.read_csv(path / "report" / "cells.csv").set_index("arm")
    notes, raw = (
        frames.read_block(path / "blocks" / "000"),
        pd.read_parquet(path / "blocks" / "000" / "requests.parquet"),
    )
    for arm in ("sync", "async"):
        (slice_,) = notes.slices[(notes.slices.arm == arm) & (notes.slices.purpose == "measure")].to_dict("records")
        mine = raw[
            (raw.slice == slice_["index"])
            & (raw.intended_ns >= slice_["cut_ns"])
            & (raw.intended_ns < slice_["end_ns"])
        ]
        latency = (mine.done_ns - mine.intended_ns).to_numpy() / 1e6
        for quantile, name in ((0.5, "p50_ms"), (0.95, "p95_ms")):
            assert cells[name][arm] == pytest.approx(np.quantile(latency, quantile), rel=0.001)
