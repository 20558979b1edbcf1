"""Verdicts: what the interval, the test and the margin say together, and how many blocks would decide."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
from support.scenarios import tiny

from harness.analysis import arm_comparison
from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared, Logs
from harness.registry.metrics import CPU, THROUGHPUT, Metric
from harness.statistics.estimate import Estimate
from harness.verdicts import verdict

SPREAD = np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0])


def compared(interval: tuple[float, float, float], p: float = 0.03, metric: Metric = THROUGHPUT) -> Compared:
    low, value, high = interval
    logs = log(value) + 0.1 * SPREAD
    return Compared("async", "sync", "hello", 4, metric, Estimate(value, low, high, 6), logs, p)


def judged(*logs: np.ndarray) -> list[Compared]:
    """These comparisons, as those of one metric of one run."""
    every = [Logs(("async", "sync", "hello", at, THROUGHPUT), values) for at, values in enumerate(logs)]
    return arm_comparison.judged(every, [], 0.05)[0]


def many(blocks: int, *effects: float, others: int = 20) -> list[Compared]:
    """Comparisons with these true ratios, and others that have none, with a spread of 5 %."""
    rng = np.random.default_rng(1)
    ratios = [*effects, *[1.0] * others]
    return judged(*(log(ratio) + rng.normal(0, 0.05, blocks) for ratio in ratios))


@pytest.fixture
def analysis() -> Analysis:
    """As much of one as a verdict asks for: six blocks, a margin of 5 %."""
    found = object.__new__(Analysis)
    for name, value in {"run": Run(), "blocks": 6}.items():
        object.__setattr__(found, name, value)
    return found


class Run:
    def __init__(self) -> None:
        self.scenario = tiny()
        self.head: dict[str, dict[str, object]] = {"plan": {}}


@pytest.mark.parametrize(
    ("interval", "p", "word"),
    [
        ((0.98, 1.00, 1.02), 0.9, "equivalent (±5 %)"),
        ((0.98, 0.985, 0.99), 0.001, "equivalent (±5 %)"),  # it excludes 1, by less than the scenario cares for
        ((1.01, 1.03, 1.06), 0.01, "faster"),  # maybe by less than the scenario cares for, and maybe not
        ((0.99, 1.03, 1.06), 0.2, "inconclusive"),
        ((1.05, 1.10, 1.15), 0.01, "faster"),
        ((1.02, 1.10, 1.18), 0.01, "faster"),
        ((0.80, 0.85, 0.90), 0.01, "slower"),
        ((0.90, 1.00, 1.10), 0.9, "inconclusive"),
        ((0.153, 0.196, 0.251), 1e-6, "slower"),
        ((2.45, 2.57, 2.71), 1e-6, "faster"),
    ],
)
def test_the_verdict_follows_interval_test_and_margin(
    interval: tuple[float, float, float], p: float, word: str
) -> None:
    assert str(verdict.weigh(compared(interval, p), 0.05)) == word


def test_a_difference_that_the_corrected_test_does_not_find_is_none() -> None:
    assert verdict.weigh(compared((1.05, 1.10, 1.15), p=0.06), 0.03).word == "inconclusive"


def test_a_cost_is_less_or_more_and_not_faster_or_slower() -> None:
    assert verdict.weigh(compared((0.80, 0.85, 0.90), metric=CPU), 0.03).word == "less"


def test_four_blocks_show_a_large_difference_among_many_comparisons() -> None:
    first, second, *others = many(4, 3.0, 0.5)
    assert (verdict.weigh(first, 0.05).word, verdict.weigh(second, 0.05).word) == ("faster", "slower")
    assert not {verdict.weigh(one, 0.05).word for one in others} & {"faster", "slower"}


@pytest.mark.parametrize("known", [1, 2])
def test_what_is_known_in_too_few_blocks_is_in_no_family_and_says_so(known: int, analysis: Analysis) -> None:
    clear, rare = log(1.3) + 0.01 * SPREAD, np.full(6, np.nan)
    rare[:known] = log(4)
    alone, beside = judged(clear)[0], judged(clear, rare)
    assert beside[0].p == alone.p
    assert [one.family for one in beside] == [1, 1]
    assert (beside[1].p, beside[1].ratio.low) == (1.0, None)
    assert str(verdict.of(beside[1], analysis)) == f"inconclusive (throughput available in {known} of 6 blocks)"
    assert verdict.needed(beside[1], analysis) == 6 + 3 - known


def test_inconclusive_names_blocks_and_minutes_of_the_very_test_that_decides(analysis: Analysis) -> None:
    inconclusive = [one for one in many(6, *[1.10] * 8) if verdict.weigh(one, 0.05).word == "inconclusive"]
    open_, needed = next((one, n) for one in inconclusive if (n := verdict.needed(one, analysis)) is not None)
    assert open_.model is not None
    more = needed - 6
    blocks = f"≈ {more} more {'block' if more == 1 else 'blocks'}"
    assert blocks in str(verdict.of(open_, analysis))
    assert "min)" in str(verdict.of(open_, analysis))
    decided = replace(open_.model, n=needed)
    if abs(decided.mean) > log(1.05):
        assert decided.p() * open_.factor <= analysis.doubt_later
    else:
        assert decided.half_width(analysis.doubt_later, needed) <= log(1.05) - abs(decided.mean)


def test_a_verdict_that_only_the_correction_holds_up_prints_its_p(analysis: Analysis) -> None:
    apart = replace(many(6, 1.2)[0], ratio=Estimate(1.3, 1.07, 1.58, 6), p=0.08, factor=20)
    assert verdict.of(apart, analysis).note.startswith("(p = 0.08 among 21: ")


def test_a_decided_comparison_needs_nothing(analysis: Analysis) -> None:
    assert verdict.needed(compared((1.10, 1.20, 1.30), p=0.001), analysis) is None


def test_what_no_number_of_blocks_decides_is_told_so(analysis: Analysis) -> None:
    on_the_margin = judged(log(1.05) + 0.5 * SPREAD - 1e-6)[0]
    assert verdict.needed(on_the_margin, analysis) is None
    assert str(verdict.of(on_the_margin, analysis)) == "inconclusive (not resolvable here)"


def test_more_comparisons_take_more_blocks(analysis: Analysis) -> None:
    one = judged(0.1 + 0.1 * SPREAD)[0]
    alone, among_many = (verdict.needed(replace(one, factor=factor), analysis) for factor in (1, 100))
    assert alone is not None
    assert among_many is not None
    assert among_many > alone
