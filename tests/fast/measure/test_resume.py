"""Going on with a run: what is finished is never touched, what is left follows the stored plan, and all else is refused."""

import itertools
import json
import os
import random
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fakes import FakeLoad, FakeStage, steady
from support.report import without_pictures
from support.resumed import blocks_of, sums
from support.runs import read_json
from support.scenarios import TINY
from support.searches import TEXT as CAPACITY
from support.searches import Holding
from typer.testing import CliRunner, Result

from harness import cli
from harness.analysis import analysis, frames
from harness.commands import preview, publishing, workflow
from harness.display import watch
from harness.display.watch import Watch
from harness.errors import Interrupted, UserError
from harness.load import calibration as calibrate
from harness.measure import resume, session
from harness.plan import layout
from harness.plan.slices import Slice
from harness.report import run_report
from harness.scenario import reader
from harness.statistics import intervals
from harness.storage import files as store_files
from harness.storage.reader import Stored
from harness.system import machine
from harness.system.cores import Cores

REPORT = publishing.publish

VERSION = cache(machine.version)
"""What is installed stays installed while this is tested, and looking it up is slow."""


PAIR = TINY[: TINY.index('[[arms]]\nname = "async again"')] + '[[endpoints]]\nname = "hello"\nusers = [4]\n'
"""The tiny scenario with one pair of its cells: what goes on, and when a rule ends it, is the same whatever else is measured."""


SLICES, TINY_SLICES = 8, 24
"""Of a block of it, and of one of the tiny scenario."""


def few(blocks: int) -> str:
    """The pair in so many blocks."""
    return PAIR.replace("blocks = 6", f"blocks = {blocks}")


LINES = [{"name": "timing error at 5 ms", "figure": "5 ms", "limit": "1 ms", "passed": False, "advice": "wait"}]


RULE = '{ min = 3, max = 8, until = "3%" }'


class Bench:
    """The command on a stage without sockets. Change `load` to change what comes out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.load, self.ceiling = folder, FakeLoad(), itertools.repeat(1e6)

    def __call__(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(cli.app, [str(argument) for argument in arguments], catch_exceptions=False)

    def run(self, text: str = PAIR, *more: str) -> Path:
        """A run to its end, or to the error that the load generator raises; its folder."""
        file = self.folder / "tiny.toml"
        file.write_text(text)
        before = set(self.results.glob("*"))
        try:
            self("run", file, "--results", self.results, *more)
        except StopError:
            self.load = FakeLoad()
        (made,) = set(self.results.glob("*")) - before
        return made

    @property
    def results(self) -> Path:
        return self.folder / "results"


class StopError(Exception):
    """The harness ends in the middle of a block."""


def stop_in(block: int, error: type[BaseException] = StopError, slices: int = SLICES) -> FakeLoad:
    """A load generator that raises in the middle of this block, counted from those it plays."""

    def spoil(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if len(load.played) > block * slices + 5:
            raise error("told so")
        return rows

    load = FakeLoad(spoil=spoil)
    return load


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    monkeypatch.setattr(session, "LocustLoad", lambda: made.load)
    monkeypatch.setattr(session, "Stage", lambda *_: FakeStage())
    for asks in (session, resume):
        monkeypatch.setattr(asks, "share_cores", lambda: Cores(None, None, "no servers here"))
    monkeypatch.setattr(machine, "version", VERSION)
    monkeypatch.setattr(calibrate, "short", lambda *_: calibration(next(made.ceiling)))
    monkeypatch.setattr(session, "calibrated", session.calibrated.__wrapped__)  # each command is a process of its own
    monkeypatch.setattr(publishing, "publish", lambda *_: 0)
    monkeypatch.setattr(workflow, "so_far", watch.nothing)  # figures while it goes on have tests of their own
    return made


def calibration(ceiling: float) -> dict[str, Any]:
    """As calibrate.short gives it; a low ceiling comes with a line that failed."""
    return {"ceiling_rps": ceiling, "most_rate": ceiling / 2, "lines": LINES if ceiling < 1_000 else []}


def change_head(run: Path, **changes: Any) -> None:
    store_files.write_json(run / "run.json", read_json(run / "run.json") | changes)


def gone_pid() -> int:
    gone = subprocess.Popen(["true"])
    gone.wait()
    return gone.pid


@pytest.mark.parametrize("done", [0, 2, 5])
def test_a_run_that_failed_is_completed_and_its_finished_blocks_stay_as_they_were(bench: Bench, done: int) -> None:
    bench.load = stop_in(done)
    run = bench.run()
    assert len(blocks_of(run)) == done
    assert read_json(run / "run.json")["state"] == "failed"
    before = sums(run / "blocks")
    ended = bench("run", "--resume", run, "--plain")
    assert ended.exit_code == 0
    assert f"{6 - done} of 6 blocks left, about" in ended.output
    assert f"block {done + 1} of 6" in ended.output
    assert blocks_of(run) == ["000", "001", "002", "003", "004", "005"]
    assert before.items() <= sums(run / "blocks").items()
    head = read_json(run / "run.json")
    assert head["state"] == "finished"
    assert "error" not in head


def test_what_is_measured_later_is_what_the_plan_says(bench: Bench) -> None:
    bench.load = stop_in(2, slices=TINY_SLICES)
    run = bench.run(TINY)
    bench("run", "--resume", run)
    for block in layout.expand(reader.parse(TINY, "tiny.toml")):
        played = read_json(run / "blocks" / f"{block.index:03d}" / "block.json")["slices"]
        assert played == json.loads(json.dumps([asdict(slice_) for slice_ in block.slices]))


def test_a_resumed_run_ends_with_a_report(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.load = stop_in(2)
    run = bench.run(PAIR, "--blocks", "3")
    assert "failed after 2 of 3 blocks: less precise than planned" in run_report.text(
        analysis.analyse(frames.open_run(run))
    )
    monkeypatch.setattr(publishing, "publish", REPORT)
    without_pictures(monkeypatch)
    ended = bench("run", "--resume", run)
    assert ended.exit_code == 0
    assert f"report: {run}/report/report.md" in ended.output
    assert "n = 3 blocks" in ended.output
    assert "a smaller run" not in ended.output


def test_the_progress_of_a_resumed_run_counts_what_is_left(bench: Bench) -> None:
    bench.load = stop_in(4)
    run = bench.run()
    ended = bench("run", "--resume", run, "--plain")
    assert "16/16 slices, 0 s left" in ended.output


def test_an_interrupted_run_says_how_to_complete_it(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    file = bench.folder / "tiny.toml"
    file.write_text(PAIR)
    bench.load, asked = stop_in(1, Interrupted), reader.load(file)
    with pytest.raises(Interrupted):
        session.measure(asked, file, bench.results, Watch(workflow.so_far, plain=True).show, workflow.narrow)
    (run,) = bench.results.iterdir()
    assert f"complete the run with `djbench run --resume {run}`" in capsys.readouterr().err
    assert read_json(run / "run.json")["state"] == "interrupted"
    bench.load = FakeLoad()
    assert bench("run", "--resume", run).exit_code == 0
    assert len(blocks_of(run)) == 6


def test_a_run_killed_twice_is_completed_by_a_third_go(bench: Bench) -> None:
    bench.load = stop_in(2)
    run = bench.run()
    bench.load = stop_in(1)
    with pytest.raises(StopError):
        bench("run", "--resume", run)
    before = sums(run / "blocks")
    change_head(run, state="running", pid=gone_pid())
    assert len(blocks_of(run)) == 3
    assert frames.open_run(run).state == "cut off"
    bench.load = FakeLoad()
    bench("run", "--resume", run)
    assert len(blocks_of(run)) == 6
    assert before.items() <= sums(run / "blocks").items()


def test_while_it_goes_on_a_run_is_running_as_this_process(bench: Bench) -> None:
    bench.load = stop_in(2)
    run = bench.run()
    change_head(run, pid=gone_pid())
    seen = []

    def look(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        seen.append(tuple(read_json(run / "run.json")[key] for key in ("state", "pid")))
        return rows

    bench.load = FakeLoad(spoil=look)
    bench("run", "--resume", run)
    assert set(seen) == {("running", os.getpid())}


def test_a_run_whose_last_harness_had_our_pid_is_not_running(bench: Bench) -> None:
    """In a container every harness may be process 1."""
    bench.load = stop_in(2)
    run = bench.run()
    change_head(run, state="running", pid=os.getpid())
    bench("run", "--resume", run)
    assert len(blocks_of(run)) == 6


def test_a_block_that_was_cut_off_is_measured_anew(bench: Bench) -> None:
    bench.load = stop_in(2)
    run = bench.run()
    partial = run / "block-002.partial"
    assert partial.is_dir()
    (partial / "requests.parquet").write_text("half of it")
    (partial / "junk").write_text("from before")
    bench("run", "--resume", run)
    assert not list(run.glob("*.partial"))
    assert not (run / "blocks" / "002" / "junk").exists()
    assert frames.open_run(run).block_folders[2].name == "002"
    frames.read_block(run / "blocks" / "002")


def test_a_gap_between_blocks_is_measured_and_nothing_else(bench: Bench) -> None:
    run = bench.run()
    before = sums(run / "blocks")
    for path in sorted((run / "blocks" / "001").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (run / "blocks" / "001").rmdir()
    with pytest.raises(UserError, match=r"finished, with blocks left; first complete it: djbench run --resume"):
        bench("extend", run, "--blocks", "1")
    bench.load = FakeLoad()
    assert "1 of 6 blocks left" in bench("run", "--resume", run).output
    assert len(bench.load.played) == SLICES
    assert blocks_of(run) == ["000", "001", "002", "003", "004", "005"]
    kept = {name: value for name, value in before.items() if not name.startswith("001")}
    assert kept.items() <= sums(run / "blocks").items()


def test_seconds_add_up_and_are_known_after_every_block(bench: Bench) -> None:
    bench.load = stop_in(2)
    run = bench.run()
    assert read_json(run / "run.json")["seconds"] < 60
    change_head(run, seconds=1_000.0)
    bench.load = stop_in(1)
    with pytest.raises(StopError):
        bench("run", "--resume", run)
    assert 1_000 <= read_json(run / "run.json")["seconds"] < 1_060
    bench.load = FakeLoad()
    bench("run", "--resume", run)
    assert 1_000 <= read_json(run / "run.json")["seconds"] < 1_120


@pytest.mark.parametrize(("first", "again"), [(1_000.0, 800.0), (800.0, 1_000.0)])
def test_the_more_cautious_calibration_counts_and_what_failed_in_either_is_kept(
    bench: Bench, first: float, again: float
) -> None:
    bench.load, bench.ceiling = stop_in(2), iter([first, again])
    run = bench.run()
    bench("run", "--resume", run)
    assert read_json(run / "run.json")["calibration"] == {"ceiling_rps": 800.0, "most_rate": 400.0, "lines": LINES}


def test_two_calibrations_without_a_ceiling_give_one_without() -> None:
    none = {"ceiling_rps": None, "most_rate": None, "lines": []}
    assert calibrate.cautious(none, none) == none


def test_a_search_for_capacity_goes_on_from_what_was_found(bench: Bench) -> None:
    bench.load = FakeLoad(Holding())
    run = bench.run(CAPACITY)
    found = {one["arm"]: one["rate"] for one in read_json(run / "blocks" / "000" / "block.json")["found"]}
    whole = len(bench.load.played)
    for index in (1, 2):
        (run / "blocks" / f"{index:03d}").rename(bench.folder / f"{index}")
    bench.load = FakeLoad(Holding())
    bench("run", "--resume", run)
    assert blocks_of(run) == ["000", "001", "002"]
    warm_up = {s.cell.arm: s.cell.level for s in bench.load.played[:2]}
    assert warm_up == found
    assert len(bench.load.played) < whole - len(read_json(run / "blocks" / "000" / "block.json")["slices"]) + 1


def test_extending_adds_blocks_by_the_same_plan_with_new_seeds(bench: Bench) -> None:
    run = bench.run(few(2))
    before, was = sums(run / "blocks"), read_json(run / "run.json")["plan"]
    ended = bench("extend", run, "--blocks", "3", "--plain")
    assert ended.exit_code == 0
    assert "3 of 5 blocks left" in ended.output
    assert "block 3 of 5" in ended.output
    assert before.items() <= sums(run / "blocks").items()
    head, asked = read_json(run / "run.json"), reader.parse(few(5), "tiny.toml")
    assert head["plan"] == {
        "hash": layout.digest(asked, layout.expand(asked)),
        "seed": 1,
        "blocks": 5,
        "extended": [{"blocks": 2, "hash": was["hash"], "measured": 2}],
    }
    assert head["overrides"] == {"blocks": 5, "seed": 1}
    seeds = [
        {s["seed"] for s in read_json(path / "block.json")["slices"]} for path in sorted((run / "blocks").iterdir())
    ]
    assert not any(a & b for a, b in itertools.combinations(seeds, 2))
    told = run_report.text(analysis.analyse(frames.open_run(run)))
    assert "extended by `djbench extend` after 2 blocks\n" in told
    assert "a smaller run" not in told


def test_an_extension_that_was_cut_off_is_completed_and_can_be_extended_again(bench: Bench) -> None:
    run = bench.run(PAIR, "--blocks", "3")
    bench.load = stop_in(1)
    with pytest.raises(StopError):
        bench("extend", run, "--blocks", "2")
    bench.load = FakeLoad()
    bench("run", "--resume", run)
    assert len(blocks_of(run)) == 5
    bench("extend", run, "--blocks", "1")
    assert len(blocks_of(run)) == 6
    assert [one["measured"] for one in read_json(run / "run.json")["plan"]["extended"]] == [3, 5]
    told = run_report.text(analysis.analyse(frames.open_run(run)))
    assert "extended by `djbench extend` after 3 blocks, then after 5 blocks\n" in told


def edit_scenario(run: Path) -> None:
    file = run / "scenario.toml"
    file.write_text(file.read_text().replace("users = [4]", "users = [5]"))


def change_machine(run: Path) -> None:
    head = read_json(run / "run.json")
    facts = head["machine"] | {"cpu": "Another CPU", "load_average": [99.0], "memory_gib": 0.5}
    facts["packages"] = facts["packages"] | {"django": "1.0"}
    change_head(run, machine=facts, cores={"server": [7], "load": None, "note": None})


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "running": (
        lambda run: change_head(run, state="running", pid=os.getppid()),
        r"still running, as process \d+; wait",
    ),
    "another version": (lambda run: change_head(run, schema_version=1), "schema_version: expected 5, got 1"),
    "no run": (lambda run: (run / "run.json").unlink(), "not a run folder"),
    "another scenario": (
        edit_scenario,
        r"plan: expected \w{16}, as stored, got \w{16}: this version of djbench plans diff",
    ),
    "another machine": (change_machine, r"cpu: was 'Another CPU', is '.*'"),
}


@pytest.mark.parametrize("finished", [False, True], ids=["resume", "extend"])
@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_may_not_go_on_is_refused_in_words_and_left_as_it_is(
    bench: Bench, finished: bool, change: Callable[[Path], Any], message: str
) -> None:
    bench.load = FakeLoad() if finished else stop_in(2)
    run = bench.run(PAIR, "--blocks", "3")
    change(run)
    before = sums(run)
    with pytest.raises(UserError, match=message):
        bench(*(("extend", run, "--blocks", "1") if finished else ("run", "--resume", run)))
    assert sums(run) == before


def test_every_difference_of_the_machine_is_named_and_its_load_is_none(bench: Bench) -> None:
    bench.load = stop_in(1)
    run = bench.run()
    change_machine(run)
    with pytest.raises(UserError) as caught:
        bench("run", "--resume", run)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{run}: ") for line in lines)
    assert [line.removeprefix(f"{run}: ").partition(":")[0] for line in lines[:-1]] == [
        "cpu",
        "packages.django",
        "affinity.server",
    ]
    assert "packages.django: was '1.0', is " in str(caught.value)
    assert "affinity.server: was [7], is None" in str(caught.value)


def test_a_finished_run_is_not_resumed_and_an_unfinished_one_not_extended(bench: Bench) -> None:
    finished = bench.run(PAIR, "--blocks", "1")
    with pytest.raises(UserError, match=r"nothing left to measure, .*; to add blocks: djbench extend .* --blocks N"):
        bench("run", "--resume", finished)
    bench.load = stop_in(1)
    unfinished = bench.run()
    with pytest.raises(UserError, match=r"failed, with blocks left; first complete it: djbench run --resume"):
        bench("extend", unfinished, "--blocks", "1")


def test_more_blocks_than_a_run_may_have_are_refused(bench: Bench) -> None:
    run = bench.run(PAIR, "--blocks", "1")
    with pytest.raises(UserError, match=r"expected at most 999 more blocks \(1000 in all\), got 1000"):
        bench("extend", run, "--blocks", "1000")


@pytest.mark.parametrize("beside", [["scenarios/smoke.toml"], ["--blocks", "3"], ["--seed", "0"]], ids=str)
def test_resume_goes_with_no_scenario_blocks_or_seed(bench: Bench, beside: list[str]) -> None:
    ended = bench("run", "--resume", bench.folder, *beside)
    assert ended.exit_code == 2
    assert "uses the plan stored with the run: leave out" in " ".join(ended.output.split())


def test_a_run_of_nothing_is_a_wrong_usage(bench: Bench) -> None:
    ended = bench("run")
    assert ended.exit_code == 2
    assert "expected at least one, or --resume RUN" in " ".join(ended.output.split())


def test_a_damaged_block_is_named_before_a_search_goes_on(bench: Bench) -> None:
    bench.load = FakeLoad(Holding())
    run = bench.run(CAPACITY)
    (run / "blocks" / "002").rename(bench.folder / "2")
    (run / "blocks" / "001" / "block.json").write_text("{")
    with pytest.raises(UserError, match=r"(?s)001/block.json: cannot be read: .*; remove the block"):
        bench("run", "--resume", run)
    assert blocks_of(run) == ["000", "001"]


def with_rule(rule: str = RULE, text: str = PAIR) -> str:
    return text.replace("blocks = 6", f"blocks = {rule}")


def restless(slice_: Slice, rng: random.Random) -> float:
    """Arms that differ from slice to slice: an interval of some percent that narrows with the blocks."""
    return steady(slice_, rng) * mood(slice_)


@cache
def mood(slice_: Slice) -> float:
    return 1 + 0.08 * random.Random(f"{slice_.seed}/{slice_.cell.arm}").random()


def twice_as_fast(slice_: Slice, rng: random.Random) -> float:
    return restless(slice_, rng) * (2 if slice_.cell.arm == "sync" else 1)


_ENDED: list[list[str]] = []


def whole(bench: Bench) -> list[str]:
    """The blocks of a run by RULE whose arms are restless: a run that several are held against, made once."""
    if not _ENDED:
        bench.load = FakeLoad(restless)
        _ENDED.append(blocks_of(bench.run(with_rule())))
    return _ENDED[0]


def half_widths(run: Path) -> dict[int, float]:
    """Number of blocks → half the primary interval with the first so many, computed here by another way."""
    (primary, *_) = analysis.analyse(frames.open_run(run)).compared
    assert (primary.arm, primary.over, primary.endpoint, primary.metric.title) == (
        "async",
        "sync",
        "hello",
        "throughput",
    )
    widths = {}
    for blocks in range(3, len(primary.logs) + 1):
        logs = primary.logs[:blocks]
        widths[blocks] = intervals.half_width(float(logs.std(ddof=1)), np.array([blocks]), intervals.DOUBT_IF_STOPPED)[
            0
        ]
    return widths


def test_a_run_ends_as_soon_as_its_first_comparison_is_known_closely_enough(bench: Bench) -> None:
    bench.load = FakeLoad(restless)
    run = bench.run(with_rule())
    widths = half_widths(run)
    blocks = len(blocks_of(run))
    assert 3 < blocks < 8
    assert [width <= np.log(1.03) for width in widths.values()] == [False] * (blocks - 3) + [True]
    head = read_json(run / "run.json")
    assert head["state"] == "finished"
    assert head["plan"]["blocks"] == 8
    told = run_report.text(analysis.analyse(frames.open_run(run)))
    assert f"\nstopped after {blocks} blocks (3 to 8, until ±3 %)\n" in told
    assert "a smaller run" not in told
    with pytest.raises(UserError, match="nothing left to measure"):
        bench("run", "--resume", run)


def test_a_run_with_a_rule_never_ends_before_its_fewest_blocks(bench: Bench) -> None:
    run = bench.run(with_rule('{ min = 4, max = 8, until = "50%" }'))
    assert half_widths(run)[3] < 0.1
    assert len(blocks_of(run)) == 4


def test_a_run_with_a_rule_ends_with_its_most_blocks_and_says_how_close_it_got(bench: Bench) -> None:
    bench.load = FakeLoad(restless)
    run = bench.run(with_rule('{ min = 3, max = 5, until = "0.1 %" }'))
    assert len(blocks_of(run)) == 5
    told = run_report.text(analysis.analyse(frames.open_run(run)))
    half = np.expm1(half_widths(run)[5])
    assert f"\ndid not get within ±0.1 % in 5 blocks (±{100 * half:.2g} %)\n" in told
    assert "a smaller run" not in told


def test_a_difference_does_not_end_a_run_a_narrow_interval_does(bench: Bench) -> None:
    """Twice as fast from the first block on, and as restless as before: it ends when the interval is narrow."""
    ended = len(whole(bench))
    bench.load = FakeLoad(twice_as_fast)
    assert abs(len(blocks_of(bench.run(with_rule()))) - ended) <= 1


def test_without_any_interval_a_run_goes_on_to_its_most_blocks(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = FakeStage({("sync", "hello"): "verification: HTTP 500"})
    monkeypatch.setattr(session, "Stage", lambda *_: refused)
    run = bench.run(with_rule('{ min = 3, max = 4, until = "3%" }'))
    assert len(blocks_of(run)) == 4
    assert "did not get within ±3 % in 4 blocks (–)" in run_report.text(analysis.analyse(frames.open_run(run)))


def test_the_rule_is_stored_with_the_plan_before_the_first_block(bench: Bench) -> None:
    bench.load = stop_in(0)
    head = read_json(bench.run(with_rule()) / "run.json")
    asked = reader.parse(with_rule(), "tiny.toml")
    assert head["overrides"]["blocks"] == {"min": 3, "max": 8, "until": "3%"}
    assert head["plan"]["hash"] == layout.digest(asked, layout.expand(asked))
    assert head["plan"]["blocks"] == 8


def test_a_resumed_run_ends_by_its_stored_rule(bench: Bench) -> None:
    blocks = whole(bench)
    bench.load = stop_in(2)
    bench.load.latency_ms = restless
    run = bench.run(with_rule())
    assert "failed after 2 of 3 to 8 blocks: less precise than planned" in run_report.text(
        analysis.analyse(frames.open_run(run))
    )
    bench.load = FakeLoad(restless)
    ended = bench("run", "--resume", run, "--plain")
    assert "6 of 3 to 8 blocks left, until async / sync by throughput on hello @ 4 users is within ±3 %; at most" in (
        ended.output
    )
    assert "block 3 of 3 to 8" in ended.output
    assert blocks_of(run) == blocks


def test_a_run_that_ended_by_its_rule_is_extended_by_exactly_what_was_asked_for(bench: Bench) -> None:
    run = bench.run(with_rule())
    assert len(blocks_of(run)) == 3
    bench.load = FakeLoad(restless)
    bench("extend", run, "--blocks", "2")
    assert len(blocks_of(run)) == 5
    told = run_report.text(analysis.analyse(frames.open_run(run)))
    assert "extended by `djbench extend` after 3 blocks (3 to 8, until ±3 %)\n" in told
    assert "stopped after" not in told


def test_a_number_of_blocks_on_the_command_line_stands_in_for_the_rule(bench: Bench) -> None:
    run = bench.run(with_rule(), "--blocks", "5")
    assert len(blocks_of(run)) == 5
    assert Stored.open(run).scenario.rule is None


def test_the_plan_of_a_run_with_a_rule_says_until_when_and_how_long(bench: Bench) -> None:
    file = bench.folder / "tiny.toml"
    file.write_text(with_rule(text=TINY))
    told = bench("plan", file).output.splitlines()
    goal = "until async / sync by throughput on hello @ 4 users is within ±3 %"
    assert told[-1] == f"3 to 8 blocks, {goal}; about 41 s to 1 min 50 s"
    assert told[-2].startswith("3 to 8 blocks × 24 slices ")


def test_a_search_for_capacity_may_end_by_a_rule(bench: Bench) -> None:
    bench.load = FakeLoad(Holding())
    run = bench.run(CAPACITY.replace("blocks = 3", 'blocks = { min = 3, max = 9, until = "10%" }'))
    assert 3 <= len(blocks_of(run)) < 9
    assert Stored.open(run).missing == []
    asked = Stored.open(run).scenario
    assert asked.rule is not None
    assert preview.goal(asked) == "async / sync by highest rate on wait ms=10 is within ±10 %"


def test_a_run_that_was_given_a_time_is_extended_by_the_time_of_more_blocks(bench: Bench) -> None:
    run = bench.run(PAIR.replace("blocks = 6", 'blocks = 3\ntime = "60s"'))
    assert len(blocks_of(run)) == 3
    assert bench("extend", run, "--blocks", "2").exit_code == 0
    assert len(blocks_of(run)) == 5
    assert 30 < read_json(run / "run.json")["overrides"]["time"] < 60
    assert Stored.open(run).scenario.time == read_json(run / "run.json")["overrides"]["time"]
    assert bench("extend", run, "--blocks", "1").exit_code == 0  # the plan that was extended is still its own
    assert len(blocks_of(run)) == 6
