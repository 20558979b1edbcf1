"""Claims: read, refused, judged, gated. Each verdict is seen to come out, for each kind of condition."""

from pathlib import Path

import pytest
from support.claimed import PAIR, with_claims
from support.fakes import FakeLoad
from support.runs import fake_run
from support.scenarios import TINY

from harness.commands import preview, publishing
from harness.errors import UserError
from harness.location import ROOT
from harness.report.plots import charts
from harness.scenario import reader


def test_a_gate_without_claims_is_refused(tmp_path: Path) -> None:
    run = fake_run(tmp_path, reader.parse(TINY, "tiny.toml"), FakeLoad())
    with pytest.raises(UserError, match="--gate: expected claims"):
        publishing.publish(run, gated=True)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes seconds, and has tests of its own."""
    monkeypatch.setattr(charts, "save_all", lambda *_: [])


MALFORMED = {
    "an unknown arm": ('endpoint = "hello"\nbetter = "asink"\nthan = "sync"\nby = ">= 2"', "did you mean 'async'?"),
    "an unknown endpoint": (PAIR.replace("hello", "helo") + 'by = ">= 2"', "(did you mean 'hello'?)"),
    "no endpoint": (
        'better = "async"\nthan = "sync"\nby = ">= 2"',
        "claims[0].endpoint: expected one of hello, wait ms=10",
    ),
    "an unknown metric": (PAIR + 'metric = "p98"\nby = ">= 2"', "claims[0].metric: expected one of"),
    "an unknown level": (PAIR + 'level = 64\nby = ">= 2"', "claims[0].level: expected one of 4 for hello, got 64"),
    "an unknown key": (PAIR + 'bye = ">= 2"', "claims[0].bye: unknown key"),
    "no condition": (PAIR, "claims[0]: expected one of by, equivalent_within, at_most, at_least, raises; got none"),
    "two conditions in one": (PAIR + 'by = ">= 2"\nequivalent_within = "5%"', "got by and equivalent_within"),
    "a factor that is none": (PAIR + 'by = "twice"', "claims[0].by: expected a factor such as '>= 1.5'"),
    "a percentage that is none": (PAIR + 'equivalent_within = "5"', "expected a percentage above 0 and below 100"),
    "a limit that is none": ('endpoint = "hello"\narm = "sync"\nat_most = "fast"', "expected a limit such as '250ms'"),
    "a limit in the wrong unit": (
        'endpoint = "hello"\narm = "sync"\nmetric = "p95"\nat_most = "200/s"',
        "claims[0].at_most: expected a limit in ms for p95, got '200 req/s'",
    ),
    "a comparison without its other side": (
        'endpoint = "hello"\nbetter = "async"\nby = ">= 2"',
        "claims[0].than: expected",
    ),
    "an objective for two": (PAIR + 'at_most = "250ms"', "claims[0].better: expected only arm with at_most"),
    "another endpoint that is not there": (
        PAIR + 'by = ">= 2"\nthan_endpoint = "wait"',
        "claims[0].than_endpoint: expected one of",
    ),
    "another endpoint without that level": (
        PAIR + 'by = ">= 2"\nlevel = 4\nthan_endpoint = "wait ms=10"',
        "claims[0].level: expected one of 8 for wait ms=10, got 4",
    ),
    "another endpoint, and no level in common": (
        PAIR + 'by = ">= 2"\nthan_endpoint = "wait ms=10"',
        "claims[0].level: expected one that both endpoints have, got nothing",
    ),
    "another endpoint in an objective": (
        'endpoint = "hello"\narm = "sync"\nthan_endpoint = "hello"\nmetric = "p50"\nat_most = "5ms"',
        "claims[0].than_endpoint: expected only with by or equivalent_within",
    ),
    "an arm against itself": (PAIR.replace('"sync"', '"async"') + 'by = ">= 2"', "expected two different arms"),
    "joined, in the second": (
        PAIR + 'all = [{ by = ">= 2" }, { by = ">= 2", than = "synk" }]',
        "claims[0].all[1].than: expected the name of an arm, got 'synk' (did you mean 'sync'?)",
    ),
    "a text of two lines": (
        PAIR + 'by = ">= 2"\n[[claims]]\ntext = "one\\nline more"\n' + PAIR + 'by = ">= 2"',
        "claims[1].text: expected",
    ),
    "too short a text": (
        PAIR + 'by = ">= 2"\n[[claims]]\ntext = "x"\n' + PAIR + 'by = ">= 2"',
        "claims[1].text: expected",
    ),
}


@pytest.mark.parametrize(("claim", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_claim_is_refused_in_words(claim: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        reader.parse(with_claims(claim), "bad.toml")
    assert message in str(caught.value)


def test_the_plan_names_what_a_mix_is_made_of_which_arms_are_asked_and_what_is_claimed() -> None:
    told = "\n".join(preview.lines(reader.load(ROOT / "scenarios" / "tutorial_claims.toml")))
    assert "neighbours @ 100 users: 20 % greeting, 80 % hello, only on sync · gthread×16, sync · gthread×256," in told
    assert "wait ms=100 spread=50, async · uvicorn over sync · gthread×16: throughput >= 1.5×" in told
    assert "unsafe, async · uvicorn: raises SynchronousOnlyOperation" in told
    assert "wait ms=100 spread=50, async · uvicorn: p95 at most 200 ms" in told
