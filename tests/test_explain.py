"""A scenario's probed pass, and what is made of its counts: made-up ones here, those of real servers at the end."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import kill_nine
import pandas as pd
import pytest
from conftest import FACTS, ROOT, TINY, FakeLoad, FakeStage, Quiet, fake_run, tiny

from harness.analysis import analysis, frames
from harness.commands import publishing, workflow
from harness.deployment import arm_environment
from harness.display.watch import Watch
from harness.errors import UserError
from harness.measure import probe_counts, runner, session
from harness.measure.probe_counts import Counts
from harness.plan import layout, probed_pass
from harness.plan.slices import Cell
from harness.registry.servers import SERVERS
from harness.report import mechanism_text, run_report
from harness.scenario import model, reader
from harness.scenario.arm import Arm
from harness.storage.files import FINISHED, write_json
from harness.storage.writer import RunFolder
from harness.verdicts import claim_verdicts, mechanism, validity

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
    """A probed pass over the tiny scenario in which each probed request counted MADE_UP and `made_up`."""
    scenario = probed_pass.probed(tiny())
    planned = layout.as_json(scenario, layout.expand(scenario))
    facts = {"overrides": scenario.overrides, "plan": planned, "switch_cost": COST}
    run = RunFolder.create(results, "tiny-explain", TINY, FACTS | facts)
    runner.run(scenario, run, stage or FakeStage(), FakeLoad(), Quiet())
    run.mark(FINISHED)
    notes_file = run.path / "blocks/000/block.json"
    notes = json.loads(notes_file.read_text())
    played = {one["index"]: one["requests"] for one in notes["played"]}
    notes["probed"] = [
        counted(one["index"], played[one["index"]], MADE_UP | made_up)
        for one in notes["slices"]
        if one["cell"]["arm"].endswith(probed_pass.PROBED) and one["index"] in played
    ]
    notes["middleware"] = {"async (probed)": {"number": 7, "sync_only": ["a.B"]}}
    write_json(notes_file, notes)
    return run.path


def counted(index: int, requests: int, each: dict[str, int]) -> dict[str, Any]:
    grown = {name: value * requests for name, value in each.items()} | {"requests": requests}
    return {"slice": index, "grown": grown, "requests": {"1": requests}, "inside_most": 4}


def test_every_arm_is_asked_with_and_without_the_probe_and_nothing_is_claimed_of_it() -> None:
    twice = probed_pass.probed(tiny())
    assert [(arm.name, arm.probe) for arm in twice.arms] == [
        ("sync", False),
        ("sync (probed)", True),
        ("async", False),
        ("async (probed)", True),
    ]
    assert (twice.blocks, twice.claims, twice.explained) == (1, [], True)
    assert [(pair.arm, pair.over) for pair in twice.pairs] == [("sync (probed)", "sync"), ("async (probed)", "async")]


def test_an_endpoint_that_some_arms_are_asked_for_is_asked_of_their_twins() -> None:
    endpoints = [one.model_copy(update={"arms": ["async", "async again"]}) for one in tiny().endpoints]
    assert probed_pass.probed(tiny(endpoints=endpoints)).endpoints[0].arms == ["async", "async (probed)"]
    of_controls = [endpoints[0].model_copy(update={"arms": ["async again"]}), endpoints[1]]
    assert [one.name for one in probed_pass.probed(tiny(endpoints=of_controls)).endpoints] == ["wait"]


def test_a_slice_is_short_but_long_enough_for_its_wait() -> None:
    long = tiny().load.model_copy(update={"slice_max_s": 20.0})
    slow = [tiny().endpoints[1].model_copy(update={"query": {"ms": 1_000}})]
    assert probed_pass.short(long, tiny().endpoints).slice_max_s == 1.0
    assert probed_pass.short(long, slow).slice_max_s == 5.0
    assert probed_pass.short(tiny().load.model_copy(update={"slice_max_s": 0.5}), slow).slice_max_s == 0.5


def test_a_search_is_explained_with_the_sockets_of_its_run_although_its_arms_are_twice_as_many() -> None:
    search = reader.load(ROOT / "scenarios" / "capacity.toml")
    twice = probed_pass.probed(search)
    assert len(twice.arms) * layout.most_connections(twice) == len(search.arms) * layout.most_connections(search)
    few = search.model_copy(update={"load": search.load.model_copy(update={"max_in_flight": 50})})
    assert probed_pass.probed(few).load.max_in_flight == 50
    assert probed_pass.probed(tiny()).load.max_in_flight is None


def refuse(*told: Any) -> None:
    raise UserError(f"{len(told[0].arms)} arms" if isinstance(told[0], model.Scenario) else "no pass")


def test_what_a_pass_lacks_is_known_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "refuse_what_cannot_be", refuse)
    monkeypatch.setattr(workflow, "measured", lambda *_: pytest.fail("was measured"))
    with pytest.raises(UserError, match=f"^{len(probed_pass.probed(tiny()).arms)} arms$"):
        workflow.carried_out(tmp_path / "tiny.toml", tiny(), tmp_path, Watch(workflow.so_far), gate=False, explain=True)


def test_a_pass_that_fails_leaves_its_run_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fake_run(tmp_path, tiny(), FakeLoad())
    monkeypatch.setattr(workflow, "measured", lambda *_: RunFolder(run, {}))
    monkeypatch.setattr(workflow, "explain_run", refuse)
    with pytest.raises(UserError, match="no pass"):
        workflow.carried_out(tmp_path / "tiny.toml", tiny(), tmp_path, Watch(workflow.so_far), gate=False, explain=True)
    assert (run / "report" / "report.md").exists()


@pytest.mark.parametrize("key", ["blocks = 6", "[[arms]]"])
def test_a_file_cannot_ask_for_the_probe(key: str) -> None:
    text = TINY.replace(key, f"{key}\n{'probe' if 'arms' in key else 'explained'} = true", 1)
    with pytest.raises(UserError, match=r"probe: expected by `djbench explain SCENARIO`, and not in a scenario"):
        reader.parse(text, "tiny.toml")


def test_the_hash_of_a_plan_does_not_know_of_the_probe() -> None:
    assert "probe" not in tiny().model_dump_json()
    assert "explained" not in tiny().model_dump_json()


@pytest.mark.parametrize("server", SERVERS)
def test_a_probed_arm_differs_from_its_twin_in_the_module_alone(server: str) -> None:
    threads = {"threads": 4} if "threads" in SERVERS[server].options else {}
    arm = Arm(name="x", server=server, view="sync", **threads)
    plain, twin = (" ".join(one.table.argv(one, 1)) for one in (arm, probed_pass.twin(arm)))
    module = arm.table.interface.lower()
    assert f"config.{module}" in plain
    assert twin == plain.replace(f"config.{module}", f"probe.{module}")


def test_a_probed_arm_finds_the_probe_behind_its_own_django() -> None:
    arm = Arm(name="x", server="uvicorn", view="sync", django="3.0.99")
    assert arm_environment.own_django(probed_pass.twin(arm))["PYTHONPATH"].endswith(f"django/3.0.99{os.pathsep}{ROOT}")
    assert arm_environment.own_django(probed_pass.twin(arm.model_copy(update={"django": None}))) == {
        "PYTHONPATH": str(ROOT)
    }
    assert arm_environment.own_django(arm.model_copy(update={"django": None})) == {}


def process(folder: Path, pid: int, *numbers: int) -> None:
    """What a probed process leaves."""
    slots = ["requests", "inside", "inside_most", "switches"]
    (folder / f"{pid}.json").write_text(json.dumps({"slots": slots, "middleware": 7, "sync_only": ["a.B"]}))
    (folder / str(pid)).write_bytes(struct.pack("4q", *numbers))


def test_what_a_slice_counted_is_the_growth_over_all_processes(tmp_path: Path) -> None:
    process(tmp_path, 1, 10, 0, 9, 30)
    process(tmp_path, 2, 5, 0, 3, 15)
    (tmp_path / "3").write_bytes(b"")  # a process that has only just made its file
    counts = Counts(7, tmp_path)
    assert [one["inside_most"] for one in probe_counts.read(tmp_path).values()] == [0, 0]
    process(tmp_path, 1, 14, 0, 4, 42)
    process(tmp_path, 2, 5, 0, 0, 15)
    process(tmp_path, 4, 2, 0, 2, 6)  # a worker that was started meanwhile
    assert counts.end() == {
        "slice": 7,
        "grown": {"requests": 6, "switches": 18},
        "requests": {"1": 4, "2": 0, "4": 2},
        "inside_most": 4,
    }
    assert probe_counts.middleware(tmp_path) == {"number": 7, "sync_only": ["a.B"]}


def test_the_mechanism_of_a_cell_is_what_its_probed_twin_counted_per_request(tmp_path: Path) -> None:
    found = mechanism.of(a_pass(tmp_path))
    assert set(found) == {Cell(arm, c.endpoint, c.level) for arm in ("sync", "async") for c in (HELLO, WAIT)}
    one = found[HELLO]
    assert (one.switches, one.middleware_switches, one.threads_started, one.loops_started) == (16, 13, 2, 0)
    assert (one.application_ms, one.thread_ms, one.query_ms, one.answered_ms) == (10, 4, 1, 2)
    assert (one.redis_ms, one.rest_ms) == (0.5, pytest.approx(2.5))
    assert one.lag_p99_ms == pytest.approx(0.01 * 2 ** (41 / 4))
    assert one.outside_ms == pytest.approx(10.5 - 8, abs=0.2)  # the made-up latency less what came before the answer
    assert (one.middleware, one.sync_only, one.inside_most, one.busiest_share) == (7, ("a.B",), 4, 1)
    assert (one.switch_cpu_us, found[Cell("sync", "hello", 4)].switch_cpu_us) == (50, None)


def test_warm_up_is_left_out(tmp_path: Path) -> None:
    path = a_pass(tmp_path)
    notes = json.loads((path / "blocks/000/block.json").read_text())
    slices = {one["index"]: one for one in notes["slices"]}
    own = [
        sum(one["requests"].values())
        for one in notes["probed"]
        if slices[one["slice"]]["cell"] == vars(HELLO) | {"arm": "async (probed)"}
        and slices[one["slice"]]["purpose"] == "measure"
    ]
    assert len(own) == probed_pass.VISITS
    assert mechanism.of(path)[HELLO].requests == sum(own)


def test_a_run_has_the_mechanism_of_the_pass_that_is_kept_with_it(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(), FakeLoad())
    assert mechanism.of(run) == {}
    assert "why" not in run_report.text(analysis.analyse(frames.open_run(run)))
    (run / probed_pass.PASSES / "20260101T000000Z-cut-off/blocks").mkdir(parents=True)
    a_pass(run / probed_pass.PASSES)
    assert mechanism.of(run)[HELLO].switches == 16
    told = run_report.text(analysis.analyse(frames.open_run(run)))
    assert "why · async\n    makes 16.0 thread switches per request (13.0 from 7 middleware)" in told
    assert "\n- why: async\n  - makes 16.0 thread switches" in run_report.markdown(
        analysis.analyse(frames.open_run(run))
    )


PROBED_CLAIMS = {
    'arm = "async"\nmetric = "switches"\nat_least = "16"': "supported",
    'arm = "async"\nmetric = "switches"\nat_most = "15"': "refuted",
    'arm = "async"\nmetric = "lag"\nat_most = "50ms"': "supported",
    'arm = "async"\nmetric = "inside"\nat_least = "5"': "refuted",
    'arm = "async"\nmetric = "busiest"\nat_most = "0.99"': "refuted",  # a share is exact: 1 is more than 0.99
    'arm = "sync"\nmetric = "lag"\nat_most = "50ms"': "supported",
}


@pytest.mark.parametrize(("claim", "word"), PROBED_CLAIMS.items(), ids=PROBED_CLAIMS.values())
def test_a_claim_about_what_the_probe_counts_is_judged_by_the_pass(tmp_path: Path, claim: str, word: str) -> None:
    text = f'{TINY}\n[[claims]]\ntext = "it is so"\nendpoint = "hello"\n{claim}'
    run = fake_run(tmp_path, reader.parse(text, "tiny.toml"), FakeLoad())
    (run / "scenario.toml").write_text(text)
    assert judged(run).word == "inconclusive"
    assert f"`djbench explain {run}` counts it" in judged(run).conditions[0].reason
    a_pass(run / probed_pass.PASSES)
    assert judged(run).word == word


def test_a_claim_about_a_cell_that_is_not_explained_is_invalid_and_says_why(tmp_path: Path) -> None:
    text = (
        f'{TINY}\n[[claims]]\ntext = "it is so"\nendpoint = "hello"\narm = "async"\nmetric = "switches"\nat_most = "1"'
    )
    run = fake_run(tmp_path, reader.parse(text, "tiny.toml"), FakeLoad())
    (run / "scenario.toml").write_text(text)
    a_pass(run / probed_pass.PASSES, FakeStage(refused={("async (probed)", "hello"): "HTTP 500 from the view"}))
    assert judged(run).word == "invalid"
    assert "not explained: not loaded: HTTP 500 from the view" in judged(run).conditions[0].reason


def test_what_the_probe_counts_once_cannot_be_compared() -> None:
    claim = 'endpoint = "hello"\nmetric = "switches"\nbetter = "async"\nthan = "sync"\nby = ">= 2"'
    text = f'{TINY}\n[[claims]]\ntext = "it is so"\n{claim}'
    with pytest.raises(UserError, match=r"claims\[0\].metric: expected at_most or at_least of one arm with 'switches'"):
        reader.parse(text, "tiny.toml")


def judged(run: Path) -> claim_verdicts.Verdict:
    told = analysis.analyse(frames.open_run(run))
    return claim_verdicts.claims(told, validity.check(told))[0]


def test_a_cell_that_was_refused_is_not_explained_and_says_why(tmp_path: Path) -> None:
    refused = {("async (probed)", "hello"): "HTTP 500 from the view"}
    found = mechanism.read(a_pass(tmp_path, FakeStage(refused=refused)))
    assert found is not None
    assert HELLO not in found.cells
    assert mechanism_text.lines(found, HELLO, 1.0)[0].startswith("not explained: not loaded: HTTP 500 from the view")
    assert WAIT in found.cells


def test_a_cell_whose_probe_saw_nothing_is_not_explained(tmp_path: Path) -> None:
    path = a_pass(tmp_path)
    file = path / "blocks/000/block.json"
    write_json(file, json.loads(file.read_text()) | {"probed": []})
    found = mechanism.read(path)
    assert found is not None
    assert mechanism_text.lines(found, HELLO, 1.0) == ["not explained: the probe saw no request"]
    publishing.publish_why(path)


def test_the_words_say_what_is_there_and_leave_out_what_is_not(tmp_path: Path) -> None:
    found = mechanism.read(a_pass(tmp_path, sessions_opened=1))
    assert found is not None
    assert mechanism_text.lines(found, HELLO, 2.0) == [
        "makes 16.0 thread switches per request (13.0 from 7 middleware); at the measured 50.0 µs of CPU each they are 40 %"
        " of its CPU per request",
        "the threads that these switches need cost 200 µs of CPU more, 10 % of it",
        "starts 2.0 threads per request",
        "opens 1.0 database sessions per request",
        "sync-only middleware: a.B",
        "of 10.0 ms in the application: 4.00 ms waiting for a thread, 1.00 ms in database queries,"
        " 0.500 ms for Redis, 2.50 ms asleep, in Python and elsewhere, 2.00 ms after the answer",
        f"latency outside the application (queues of the server): {found.cells[HELLO].outside_ms:.2f} ms",
        "event loop late by up to 12.2 ms (p99)",
        "at most 4 requests in one process's application at once",
    ]
    quiet = a_pass(tmp_path / "quiet", **dict.fromkeys(MADE_UP, 0))
    found = mechanism.read(quiet)
    assert found is not None
    assert mechanism_text.lines(found, HELLO, 2.0)[-1] == "at most 4 requests in one process's application at once"
    assert not any("switch" in line or "event loop" in line for line in mechanism_text.lines(found, HELLO, 2.0))


def test_an_uneven_share_of_the_workers_is_told(tmp_path: Path) -> None:
    path = a_pass(tmp_path)
    file = path / "blocks/000/block.json"
    notes = json.loads(file.read_text())
    for one in notes["probed"]:
        whole = one["grown"]["requests"]
        one["requests"] = {"1": whole - whole // 4, "2": whole // 4}
    write_json(file, notes)
    found = mechanism.read(path)
    assert found is not None
    assert "busiest of 2 workers served 75 %" in mechanism_text.lines(found, HELLO, 2.0)


def test_every_figure_is_in_a_table_with_its_unit(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(), FakeLoad())
    a_pass(run / probed_pass.PASSES)
    publishing.publish(run)
    table = pd.read_csv(run / "report/mechanism.csv")
    assert len(table) == 4
    assert table.set_index(["arm", "endpoint"]).loc[("async", "hello")].switches == 16
    assert {"thread_ms", "lag_p99_ms", "switch_cpu_us", "sync_only"} <= set(table.columns)


def test_a_pass_is_reported_like_any_run_and_says_nothing_of_being_edited(tmp_path: Path) -> None:
    run = frames.open_run(a_pass(tmp_path))
    assert run.scenario == probed_pass.probed(tiny())
    told = run_report.text(analysis.analyse(run))
    assert "why · async" in told
    assert "async (probed): async view, uvicorn (ASGI), 1 worker, no declared cap, middleware default, probed" in told
    assert "edited" not in told


REAL = """
question = "Does a pass with a probe work with real servers?"
blocks = 1

[load]
visits = 1
slice_max_s = 0.3

[[arms]]
name = "sync"
server = "gunicorn-gthread"
view = "sync"
threads = 4

[[arms]]
name = "async"
server = "uvicorn"
view = "async"

[[endpoints]]
name = "db_read"
users = [4]
"""


def bench(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", *arguments]
    env = os.environ | {"TMPDIR": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.live
def test_explain_counts_the_switches_of_real_servers_and_leaves_nothing_running(tmp_path: Path) -> None:
    file = tmp_path / "real.toml"
    file.write_text(REAL)
    ended = bench("explain", str(file), "--plain", "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "makes 16.0 thread switches per request (13.0 from 7 middleware); at the measured" in ended.stdout
    assert kill_nine.survivors(tmp_path) == []
    (run,) = (tmp_path / "results").iterdir()
    assert run.name.endswith("-real-explain")
    found = mechanism.of(run)
    sync, async_ = found[Cell("sync", "db_read", 4)], found[Cell("async", "db_read", 4)]
    assert (sync.switches, sync.threads_started, sync.sessions_opened) == (0, 0, 1)
    assert (async_.switches, async_.middleware_switches, async_.threads_started) == (16, 13, 2)
    assert sync.inside_most <= 4
    assert async_.thread_ms > 0
    assert (run / "report/mechanism.csv").exists()


@pytest.mark.live
def test_a_run_is_explained_with_its_timed_pass_or_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "real.toml"
    file.write_text(REAL)
    ended = bench("run", str(file), "--explain", "--plain", "--results", str(tmp_path / "results"), folder=tmp_path)
    assert "why · async" in ended.stdout, ended.stdout + ended.stderr
    (run,) = (tmp_path / "results").iterdir()
    again = bench("explain", str(run), "--plain", folder=tmp_path)
    assert "why · async" in again.stdout, again.stdout + again.stderr
    passes = sorted((run / probed_pass.PASSES).iterdir())
    assert len(passes) == 2
    refused = bench("explain", str(passes[0]), folder=tmp_path)
    assert refused.returncode == 1
    assert "is a probed pass itself" in refused.stderr
    assert kill_nine.survivors(tmp_path) == []
