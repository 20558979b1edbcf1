"""Claims: read, refused, judged, gated. Each verdict is seen to come out, for each kind of condition."""

import random
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.claimed import PAIR, run_of, with_claims
from support.fakes import FakeLoad, FakeStage
from support.latencies import slower_when_sync
from support.runs import read_json
from support.scenarios import TINY

from harness.analysis import analysis, frames, side_by_side
from harness.commands import publishing
from harness.plan import layout
from harness.plan.slices import Slice
from harness.report import conclusion, csv_tables, run_report
from harness.report.html import page
from harness.report.plots import charts
from harness.samples import COLUMNS, Outcome
from harness.storage import files
from harness.verdicts import claim_verdicts, validity


def judged(folder: Path, *claims: str, load: FakeLoad | None = None, **more: Any) -> list[claim_verdicts.Verdict]:
    stage = more.pop("stage", None)
    run = run_of(folder, with_claims(*claims, **more), load or FakeLoad(slower_when_sync), stage)
    result = analysis.analyse(frames.open_run(run))
    return claim_verdicts.claims(result, validity.check(result))


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which async is twice as fast; what is claimed of it is written into it afterwards."""
    return run_of(tmp_path_factory.mktemp("run"), with_claims(), FakeLoad(slower_when_sync))


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        (PAIR + 'by = ">= 1.5"', "supported"),
        (PAIR + 'by = ">= 3"', "refuted"),
        (PAIR + 'by = "<= 3"', "supported"),
        (PAIR + 'by = "<= 1.5"', "refuted"),
        (PAIR + 'metric = "p50"\nby = ">= 1.5"', "supported"),  # less is better: the factor is turned round
        (PAIR + 'metric = "p50"\nby = ">= 3"', "refuted"),
        ('endpoint = "hello"\nbetter = "sync"\nthan = "async"\nby = ">= 1.5"', "refuted"),
        (PAIR + 'equivalent_within = "5%"', "refuted"),
        ('endpoint = "hello"\nbetter = "async again"\nthan = "async"\nequivalent_within = "5%"', "supported"),
        ('endpoint = "hello"\narm = "async"\nmetric = "p50"\nat_most = "12ms"', "supported"),
        ('endpoint = "hello"\narm = "sync"\nmetric = "p50"\nat_most = "0.012s"', "refuted"),
        ('endpoint = "hello"\narm = "sync"\nmetric = "throughput"\nat_least = "100/s"', "supported"),
        ('endpoint = "hello"\narm = "sync"\nmetric = "throughput"\nat_least = "100000 req/s"', "refuted"),
        ('endpoint = "hello"\narm = "sync"\nmetric = "p99"\nat_most = "1s"', "supported"),  # of all blocks' samples
        ('endpoint = "hello"\narm = "sync"\nraises = "ValueError"', "refuted"),  # it answers
    ],
)
def test_a_claim_is_judged_by_its_interval(one_run: Path, claim: str, word: str) -> None:
    (one_run / "scenario.toml").write_text(with_claims(claim))
    result = analysis.analyse(frames.open_run(one_run))
    told = claim_verdicts.claims(result, validity.check(result))[0]
    assert told.word == word, told


@pytest.mark.parametrize("turned", [False, True], ids=["as compared", "the other way round"])
def test_a_claim_of_arms_that_were_loaded_side_by_side_is_judged_by_that(one_run: Path, turned: bool) -> None:
    """The arms one after the other: twice. Side by side, and within the margin of that: 1.94 times, 2.5 % apart."""
    sides = ("sync", "async") if turned else ("async", "sync")
    claim = (
        f'endpoint = "hello"\nbetter = "{sides[0]}"\nthan = "{sides[1]}"\nby = "{">= 0.5" if turned else "<= 1.98"}"'
    )
    (one_run / "scenario.toml").write_text(with_claims(claim))
    result = analysis.analyse(frames.open_run(one_run))
    solo = next(one.logs for one in result.compared if one.endpoint == "hello" and one.metric.key == "throughput")
    duets = side_by_side.SideBySide(
        0.03 - solo + np.linspace(-0.002, 0.002, len(solo)), np.zeros(len(solo)), -9.0, 30, 0.5, []
    )
    told = replace(result, duets={("async", "sync", "hello", 4): duets})
    alone, beside = (claim_verdicts.claims(one, validity.check(one))[0].conditions[0].reason for one in (result, told))
    assert alone != beside
    assert ("0.5" if turned else "1.9") in beside


def test_what_the_interval_has_in_it_is_inconclusive_and_told_how_many_blocks_would_do(tmp_path: Path) -> None:
    @cache
    def block_mood(slice_: Slice) -> float:
        return random.Random(f"{slice_.seed // 7}{slice_.cell.arm}").uniform(0.6, 1.4)

    def noisy(slice_: Slice, rng: random.Random) -> float:
        return 10.0 * block_mood(slice_) * (1.1 if slice_.cell.arm == "sync" else 1.0)

    told = judged(tmp_path, PAIR + 'by = ">= 1.1"', load=FakeLoad(noisy))[0]
    assert told.word == "inconclusive"
    assert "blocks" in told.conditions[0].reason


def test_too_few_blocks_decide_nothing(tmp_path: Path) -> None:
    pair, objective = judged(
        tmp_path,
        PAIR + 'by = ">= 1.5"',
        'endpoint = "hello"\narm = "async"\nmetric = "p50"\nat_most = "12ms"',
        blocks=2,
    )
    assert (pair.word, objective.word) == ("inconclusive", "inconclusive")
    assert "at least 3 blocks" in pair.conditions[0].reason
    assert "6 blocks" in objective.conditions[0].reason


def test_an_invalid_cell_makes_its_claims_invalid_with_the_reason(tmp_path: Path) -> None:
    def spoil(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if slice_.cell.arm == "sync" and slice_.cell.endpoint == "hello":
            rows[:10, COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
        return rows

    told = judged(tmp_path, PAIR + 'by = ">= 1.5"', load=FakeLoad(spoil=spoil), blocks=1)[0]
    assert told.word == "invalid"
    assert "requests failed" in told.conditions[0].reason


def test_joined_conditions_are_as_good_as_the_worst_of_them(tmp_path: Path) -> None:
    both = PAIR + 'all = [{ by = ">= 1.5" }, { by = ">= 1.2", metric = "p50" }]'
    one_off = PAIR + 'all = [{ by = ">= 1.5" }, { by = ">= 9" }]'
    supported, refuted = judged(tmp_path, both, one_off)
    assert (supported.word, refuted.word) == ("supported", "refuted")
    assert [part.word for part in refuted.conditions] == ["supported", "refuted"]


def test_an_arm_that_raises_what_was_claimed_supports_it_and_loses_nothing(tmp_path: Path) -> None:
    stage = FakeStage(
        {("sync", "hello"): "verification: HTTP 500"}, log="django.core.exceptions.SynchronousOnlyOperation: no\n"
    )
    claims = [
        f'endpoint = "hello"\narm = "sync"\nraises = "{name}"' for name in ("SynchronousOnlyOperation", "KeyError")
    ]
    run = run_of(tmp_path, with_claims(*claims, blocks=1), FakeLoad(), stage)
    result = analysis.analyse(frames.open_run(run))
    told = claim_verdicts.claims(result, validity.check(result))
    assert [one.word for one in told] == ["supported", "refuted"]
    assert "SynchronousOnlyOperation" in told[0].conditions[0].reason
    assert not conclusion.lost_comparisons(result, validity.invalid_cells(validity.check(result)))


ACROSS = 'endpoint = "hello"\nlevel = 4\nbetter = "async"\nthan_endpoint = "wait ms=10"\n'


BOTH_AT_FOUR = TINY.replace("users = [8]", "users = [4]").replace("blocks = 6", "blocks = 3")


def wait_takes_twice_as_long(slice_: Slice, rng: random.Random) -> float:
    return (20.0 if slice_.cell.endpoint == "wait ms=10" else 10.0) * (1 + 0.02 * rng.random())


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        ('than = "async"\nby = ">= 1.5"', "supported"),  # the same arm, another endpoint
        ('than = "sync"\nby = ">= 1.5"', "supported"),
        ('than = "async"\nmetric = "p50"\nby = ">= 3"', "refuted"),
        ('than = "async"\nequivalent_within = "5%"', "refuted"),
    ],
)
def test_a_claim_may_hold_one_endpoint_against_another(tmp_path: Path, claim: str, word: str) -> None:
    text = f'{BOTH_AT_FOUR}\n[[claims]]\ntext = "it is quicker"\n{ACROSS}{claim}'
    run = run_of(tmp_path, text, FakeLoad(wait_takes_twice_as_long))
    result = analysis.analyse(frames.open_run(run))
    told = claim_verdicts.claims(result, validity.check(result))[0]
    assert told.word == word, told
    assert "on wait ms=10" in told.conditions[0].reason


def test_what_others_have_published_stands_beside_the_claim(tmp_path: Path) -> None:
    run = run_of(tmp_path, with_claims(PAIR + 'published = "0.34×"\nby = ">= 1.5"'), FakeLoad(slower_when_sync))
    result = analysis.analyse(frames.open_run(run))
    assert "published: 0.34×" in run_report.text(result).splitlines()[3]
    assert "| claim number 0 (published: 0.34×) | **supported** |" in run_report.markdown(result)
    assert list(csv_tables.claims_table(result, []).published) == ["0.34×"]


def test_an_arm_that_raises_only_under_load_supports_it_as_well(tmp_path: Path) -> None:
    def spoil(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if slice_.cell.arm == "sync":
            rows[::2, COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
        return rows

    told = judged(
        tmp_path,
        'endpoint = "hello"\narm = "sync"\nraises = "RuntimeError"',
        load=FakeLoad(spoil=spoil),
        stage=FakeStage(log="RuntimeError: not here\n"),
        blocks=1,
    )[0]
    assert told.word == "supported", told
    assert "50 % of" in told.conditions[0].reason


def test_claims_stand_first_in_every_report(tmp_path: Path) -> None:
    run = run_of(tmp_path, with_claims(PAIR + 'by = ">= 1.5"', PAIR + 'by = ">= 3"'), FakeLoad(slower_when_sync))
    result = analysis.analyse(frames.open_run(run))
    text = run_report.text(result)
    assert text.index("SUPPORTED  claim number 0") < text.index("REFUTED  claim number 1") < text.index("closed loop")
    assert "2.0" in text.splitlines()[3]
    assert "| claim number 1 | **refuted** |" in run_report.markdown(result)


@pytest.mark.parametrize(
    ("claims", "blocks", "code"),
    [
        ([PAIR + 'by = ">= 1.5"'], 6, 0),
        ([PAIR + 'by = ">= 1.5"', PAIR + 'by = ">= 3"'], 6, 4),
        ([PAIR + 'by = ">= 1.5"'], 2, 4),  # inconclusive
    ],
)
def test_a_gate_opens_only_if_every_claim_is_supported(
    tmp_path: Path, claims: list[str], blocks: int, code: int
) -> None:
    run = run_of(tmp_path, with_claims(*claims, blocks=blocks), FakeLoad(slower_when_sync))
    assert publishing.publish(run, gated=True) == code
    assert publishing.publish(run) == 0
    assert (run / "report" / "claims.csv").read_text().count("\n") == 1 + len(claims)


def test_a_gate_never_opens_on_an_invalid_cell(tmp_path: Path) -> None:
    stage = FakeStage({("sync", "hello"): "HTTP 500"})
    run = run_of(tmp_path, with_claims(PAIR + 'by = ">= 1.5"', blocks=1), FakeLoad(), stage)
    assert publishing.publish(run, gated=True) == 4
    assert publishing.publish(run) == 3


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing and the page take seconds, and have tests of their own."""
    monkeypatch.setattr(charts, "save_all", lambda *_: [])
    monkeypatch.setattr(page, "write", lambda *_: None)


def test_a_scenario_that_was_edited_after_its_run_is_told(one_run: Path) -> None:
    head, text = read_json(one_run / "run.json"), (one_run / "scenario.toml").read_text()
    asked = frames.open_run(one_run).scenario
    try:
        files.write_json(one_run / "run.json", head | {"plan": layout.as_json(asked, layout.expand(asked))})
        assert "edited after the run" not in run_report.text(analysis.analyse(frames.open_run(one_run)))
        (one_run / "scenario.toml").write_text(with_claims(PAIR + 'by = ">= 1.2"'))
        assert "edited after the run" in run_report.text(analysis.analyse(frames.open_run(one_run)))
    finally:
        files.write_json(one_run / "run.json", head)
        (one_run / "scenario.toml").write_text(text)
