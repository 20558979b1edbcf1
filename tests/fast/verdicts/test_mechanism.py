"""A scenario's instrumented run, and what is made of its counts: made-up ones here, those of real servers at the end."""

import json
from pathlib import Path

import pandas as pd
import pytest
from support import report
from support.claimed import run_of
from support.fakes import FakeLoad, FakeStage
from support.passes import HELLO, WAIT, a_pass
from support.runs import fake_run
from support.scenarios import TINY, tiny

from harness.analysis import analysis, frames
from harness.commands import publishing
from harness.errors import UserError
from harness.plan import instrumented_run
from harness.plan.slices import Cell
from harness.report import mechanism_text, run_report
from harness.scenario import reader
from harness.storage.files import write_json
from harness.verdicts import claim_verdicts, mechanism, validity


def test_the_mechanism_of_a_cell_is_what_its_instrumented_arm_counted_per_request(tmp_path: Path) -> None:
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
        for one in notes["instrumented"]
        if slices[one["slice"]]["cell"] == vars(HELLO) | {"arm": "async (instrumented)"}
        and slices[one["slice"]]["purpose"] == "measure"
    ]
    assert len(own) == instrumented_run.instrumented(tiny()).load.visits
    assert mechanism.of(path)[HELLO].requests == sum(own)


def test_a_run_has_the_mechanism_of_the_pass_that_is_kept_with_it(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=2), FakeLoad())
    assert mechanism.of(run) == {}
    assert "why" not in run_report.text(analysis.analyse(frames.open_run(run)))
    (run / instrumented_run.INSTRUMENTED_RUNS / "20260101T000000Z-cut-off/blocks").mkdir(parents=True)
    a_pass(run / instrumented_run.INSTRUMENTED_RUNS)
    assert mechanism.of(run)[HELLO].switches == 16
    told = run_report.text(analysis.analyse(frames.open_run(run)))
    assert "mechanism · async\n    16.0 thread switches per request (13.0 from 7 middleware)" in told
    assert "\n- mechanism: async\n  - 16.0 thread switches" in run_report.markdown(
        analysis.analyse(frames.open_run(run))
    )


BRIEF = TINY.replace("blocks = 6", "blocks = 2")


INSTRUMENTED_CLAIMS = {
    'arm = "async"\nmetric = "switches"\nat_least = "16"': "supported",
    'arm = "async"\nmetric = "switches"\nat_most = "15"': "refuted",
    'arm = "async"\nmetric = "lag"\nat_most = "50ms"': "supported",
    'arm = "async"\nmetric = "inside"\nat_least = "5"': "refuted",
    'arm = "async"\nmetric = "busiest"\nat_most = "0.99"': "refuted",  # a share is exact: 1 is more than 0.99
    'arm = "sync"\nmetric = "lag"\nat_most = "50ms"': "supported",
}


@pytest.mark.parametrize(("claim", "word"), INSTRUMENTED_CLAIMS.items(), ids=INSTRUMENTED_CLAIMS.values())
def test_a_claim_about_what_the_probe_counts_is_judged_by_the_pass(tmp_path: Path, claim: str, word: str) -> None:
    text = f'{BRIEF}\n[[claims]]\ntext = "it is so"\nendpoint = "hello"\n{claim}'
    run = run_of(tmp_path, text, FakeLoad())
    assert judged(run).word == "inconclusive"
    assert f"`djbench explain {run}`" in judged(run).conditions[0].reason
    a_pass(run / instrumented_run.INSTRUMENTED_RUNS)
    assert judged(run).word == word


def test_a_claim_about_a_cell_that_is_not_explained_is_invalid_and_says_why(tmp_path: Path) -> None:
    text = (
        f'{BRIEF}\n[[claims]]\ntext = "it is so"\nendpoint = "hello"\narm = "async"\nmetric = "switches"\nat_most = "1"'
    )
    run = run_of(tmp_path, text, FakeLoad())
    a_pass(
        run / instrumented_run.INSTRUMENTED_RUNS,
        FakeStage(refused={("async (instrumented)", "hello"): "HTTP 500 from the view"}),
    )
    assert judged(run).word == "invalid"
    assert "no mechanism: not measured: HTTP 500 from the view" in judged(run).conditions[0].reason


def test_what_the_probe_counts_once_cannot_be_compared() -> None:
    claim = 'endpoint = "hello"\nmetric = "switches"\nbetter = "async"\nthan = "sync"\nby = ">= 2"'
    text = f'{BRIEF}\n[[claims]]\ntext = "it is so"\n{claim}'
    with pytest.raises(UserError, match=r"claims\[0\].metric: expected at_most or at_least of one arm with 'switches'"):
        reader.parse(text, "tiny.toml")


def judged(run: Path) -> claim_verdicts.Verdict:
    told = analysis.analyse(frames.open_run(run))
    return claim_verdicts.claims(told, validity.check(told))[0]


def test_a_cell_that_was_refused_is_not_explained_and_says_why(tmp_path: Path) -> None:
    refused = {("async (instrumented)", "hello"): "HTTP 500 from the view"}
    found = mechanism.read(a_pass(tmp_path, FakeStage(refused=refused)))
    assert found is not None
    assert HELLO not in found.cells
    assert mechanism_text.lines(found, HELLO, 1.0)[0].startswith("no mechanism: not measured: HTTP 500 from the view")
    assert WAIT in found.cells


def test_a_cell_whose_probe_saw_nothing_is_not_explained(tmp_path: Path) -> None:
    path = a_pass(tmp_path)
    file = path / "blocks/000/block.json"
    write_json(file, json.loads(file.read_text()) | {"instrumented": []})
    found = mechanism.read(path)
    assert found is not None
    assert mechanism_text.lines(found, HELLO, 1.0) == ["no mechanism: the probe saw no request"]
    publishing.publish_why(path)


def test_every_figure_is_in_a_table_with_its_unit(tmp_path: Path) -> None:
    run = fake_run(tmp_path, tiny(blocks=2), FakeLoad())
    a_pass(run / instrumented_run.INSTRUMENTED_RUNS)
    report.tables(run)
    table = pd.read_csv(run / "report/mechanism.csv")
    assert len(table) == 4
    assert table.set_index(["arm", "endpoint"]).loc[("async", "hello")].switches == 16
    assert {"thread_ms", "lag_p99_ms", "switch_cpu_us", "sync_only"} <= set(table.columns)


def test_a_pass_is_reported_like_any_run_and_says_nothing_of_being_edited(tmp_path: Path) -> None:
    run = frames.open_run(a_pass(tmp_path))
    assert run.scenario == instrumented_run.instrumented(tiny())
    told = run_report.text(analysis.analyse(run))
    assert "mechanism · async" in told
    assert (
        "async (instrumented): async view, uvicorn (ASGI), 1 worker, no concurrency limit, middleware default, instrumented"
        in told
    )
    assert "edited" not in told
