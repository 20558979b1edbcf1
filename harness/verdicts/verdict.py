"""From figures to words: faster, slower, equivalent or inconclusive, and how many blocks would decide. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Final, Protocol

import numpy as np

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.registry.metrics import Metric
from harness.statistics import intervals
from harness.statistics.estimate import Estimate
from harness.statistics.intervals import Values
from harness.statistics.significance import FEWEST_BLOCKS

MOST_BLOCKS: Final = 1_000

MOST_MARGIN: Final = 0.25
"""Where two equal arms differ by more, everything would be equivalent: then nothing is."""

INCONCLUSIVE, EQUIVALENT = "inconclusive", "equivalent"


@dataclass(frozen=True)
class Verdict:
    """faster, slower (less, more for costs), equivalent or inconclusive."""

    word: str
    note: str = ""  # within which margin, or what would decide it

    def __str__(self) -> str:
        return f"{self.word} {self.note}".strip()


class Tested(Protocol):
    """A ratio with its test: of two arms of a run (Compared), or of two runs (compare.Matched)."""

    @property
    def metric(self) -> Metric: ...
    @property
    def ratio(self) -> Estimate: ...
    @property
    def p(self) -> float: ...
    @property
    def doubt(self) -> float: ...


Advice = Callable[[float], str]
"""The margin → what would decide it, in words."""


def of(compared: Compared, analysis: Analysis) -> Verdict:
    """What this comparison of a run says."""
    floor = analysis.noise_floor(compared.endpoint, compared.level, compared.metric)
    return judge(compared, analysis.run.scenario.margin, floor)


def judge(compared: Compared, margin: float, floor: float | None) -> Verdict:
    """What the blocks of a run say of two of its arms; see `weigh`."""

    def advice(allowed: float) -> str:
        if compared.ratio.low is None:
            return f"(a difference takes {FEWEST_BLOCKS} blocks)"
        return needed_in_words(blocks_needed(compared.logs, allowed, compared.doubt / compared.family))

    return weigh(compared, margin, floor, advice)


def needed(compared: Compared, analysis: Analysis) -> int | None:
    """Fewest blocks that would decide an inconclusive comparison; None where it is decided, or no number of blocks would."""
    counted: list[int | None] = []

    def advice(allowed: float) -> str:
        fewest = blocks_needed(compared.logs, allowed, compared.doubt / compared.family)
        counted.append(FEWEST_BLOCKS if compared.ratio.low is None else fewest)
        return ""

    floor = analysis.noise_floor(compared.endpoint, compared.level, compared.metric)
    weigh(compared, analysis.run.scenario.margin, floor, advice)
    return counted[0] if counted else None


def weigh(tested: Tested, margin: float, floor: float | None, advice: Advice) -> Verdict:
    """What the interval and the test say against the margin below which two arms are equivalent (a fraction).

    The margin is the scenario's or the measured noise floor (A/A), whichever is larger. A difference counts only if the corrected
    test finds one, the interval excludes 1 and the estimate lies beyond the margin: what a control shows against itself is no
    effect. An interval that excludes 1 is never called equivalent on the strength of a large floor: noise proves nothing.
    """
    ratio, metric, allowed = tested.ratio, tested.metric, max(margin, floor or 0.0)
    if ratio.low is None or ratio.high is None:
        return Verdict(INCONCLUSIVE, advice(allowed))
    excludes_one = ratio.low > 1 or ratio.high < 1
    if _inside(ratio, margin) or (_inside(ratio, allowed) and not excludes_one and allowed <= MOST_MARGIN):
        return Verdict(EQUIVALENT, f"({numbers.margin(allowed)})")
    beyond = abs(log(ratio.value)) > log(1 + allowed)
    if excludes_one and beyond and tested.p <= tested.doubt:
        return Verdict(metric.better if (ratio.value > 1) == metric.higher_is_better else metric.worse)
    if not beyond and allowed > margin and (excludes_one or allowed > MOST_MARGIN):
        return Verdict(INCONCLUSIVE, f"(within the A/A noise floor, {numbers.margin(allowed)})")
    return Verdict(INCONCLUSIVE, advice(allowed))


def blocks_needed(logs: Values, margin: float, doubt: float) -> int | None:
    """Fewest blocks that would decide it, if mean and spread of the log ratios stayed what they are; None above MOST_BLOCKS.

    For a difference the t-interval of this doubt (Bonferroni's share of it, in a family) has to exclude 0; for equivalence the
    95 % one has to lie within the margin (a fraction).
    """
    known = logs[np.isfinite(logs)]
    if len(known) < 2:
        return FEWEST_BLOCKS
    middle, spread, allowed = abs(float(known.mean())), float(known.std(ddof=1)), log(1 + margin)
    n = np.arange(max(len(known) + 1, FEWEST_BLOCKS), MOST_BLOCKS + 1)
    if middle > allowed:
        enough = intervals.half_width(spread, n, doubt) < middle
    else:
        enough = intervals.half_width(spread, n) <= allowed - middle
    return int(n[enough][0]) if enough.any() else None


def needed_in_words(blocks: int | None) -> str:
    """`(about 15 blocks would do)`."""
    if blocks is None:
        return f"(more than {numbers.count(MOST_BLOCKS)} blocks)"
    return f"(about {blocks} blocks would do)"


def _inside(ratio: Estimate, margin: float) -> bool:
    assert ratio.low is not None
    assert ratio.high is not None
    return 1 / (1 + margin) <= ratio.low and ratio.high <= 1 + margin
