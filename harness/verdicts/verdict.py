"""Verdicts: faster, slower, equivalent or inconclusive, and how many blocks would decide. Pure."""

from dataclasses import dataclass
from math import ceil
from typing import Final, Protocol

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.plan import courses
from harness.registry.metrics import Metric
from harness.statistics import decision
from harness.statistics.decision import Outcome
from harness.statistics.estimate import Estimate
from harness.statistics.moderated import FEWEST_BLOCKS

INCONCLUSIVE, EQUIVALENT = "inconclusive", "equivalent"

MOST_MIN: Final = 120
"""Longer than this nobody goes on measuring: what takes more is not resolvable here."""


@dataclass(frozen=True)
class Verdict:
    """faster, slower (less, more for costs), equivalent or inconclusive."""

    word: str
    note: str = ""  # the margin, or what would decide it

    def __str__(self) -> str:
        return f"{self.word} {self.note}".strip()


class Tested(Protocol):
    """A ratio with its test: of two arms of a run (Compared), or of two runs (run_comparison.Matched)."""

    @property
    def metric(self) -> Metric: ...
    @property
    def ratio(self) -> Estimate: ...
    @property
    def p(self) -> float: ...
    @property
    def doubt(self) -> float: ...


def of(compared: Compared, analysis: Analysis) -> Verdict:
    """What this comparison of a run says."""
    said = weigh(compared, analysis.run.scenario.margin)
    return Verdict(said.word, _advice(compared, analysis)) if said.word == INCONCLUSIVE else said


def outcome(compared: Compared, analysis: Analysis) -> Outcome:
    """The same, as what it says of the ratio."""
    return decision.decide(compared.ratio, compared.p, analysis.run.scenario.margin, compared.doubt)


def weigh(tested: Tested, margin: float) -> Verdict:
    """What the interval and the test say against the margin below which two arms are equivalent (a fraction); see `decision`."""
    outcome = decision.decide(tested.ratio, tested.p, margin, tested.doubt)
    if outcome is Outcome.OPEN:
        return Verdict(INCONCLUSIVE)
    if outcome is Outcome.EQUIVALENT:
        return Verdict(EQUIVALENT, f"({numbers.margin(margin)})")
    metric = tested.metric
    return Verdict(metric.better if (outcome is Outcome.HIGHER) == metric.higher_is_better else metric.worse)


def needed(compared: Compared, analysis: Analysis) -> int | None:
    """Fewest blocks that would decide an inconclusive comparison; None where it is decided, or no number of blocks would.

    By the very test that decides: with its variance, its correction, and what another look at the run costs.
    """
    margin = analysis.run.scenario.margin
    if weigh(compared, margin).word != INCONCLUSIVE:
        return None
    if compared.model is None:
        return FEWEST_BLOCKS + analysis.blocks - compared.ratio.n
    fewest = decision.blocks_needed(compared.model, margin, analysis.doubt_later, compared.factor)
    return None if fewest is None else fewest + analysis.blocks - compared.model.n


def minutes(more: int | None, block_s: float) -> int | None:
    """About how long so many more blocks take; None where nobody would wait for them (MOST_MIN), or no number would do."""
    taken = MOST_MIN + 1 if more is None else ceil(more * block_s / 60)
    return taken if taken <= MOST_MIN else None


def needed_in_words(more: int | None, block_s: float, why: str = "") -> str:
    """`(≈ 3 more blocks, about 4 min)`, with what is in the way before it."""
    taken = minutes(more, block_s)
    blocks = "block" if more == 1 else "blocks"
    said = "not resolvable here" if taken is None else f"≈ {more} more {blocks}, about {taken} min"
    return f"({why}: {said})" if why else f"({said})"


def unavailable(compared: Compared, analysis: Analysis) -> str:
    """Why a comparison is in no family and cannot be judged."""
    if analysis.blocks < FEWEST_BLOCKS:
        return f"at least {FEWEST_BLOCKS} blocks are needed"
    return f"{compared.metric.title} available in {compared.ratio.n} of {analysis.blocks} blocks"


def block_s(analysis: Analysis) -> float:
    """How long a block of this run takes: as those that are measured did, or else as planned."""
    scenario = analysis.run.scenario
    planned_s = courses.expected_s(scenario) / scenario.most_blocks
    return float(analysis.run.head.get("seconds") or planned_s * analysis.blocks) / analysis.blocks


def _advice(compared: Compared, analysis: Analysis) -> str:
    """What would decide it, in words."""
    if compared.model is None:
        return f"({unavailable(compared, analysis)})"
    fewest = needed(compared, analysis)
    why = f"{numbers.probability(compared.p)} among {compared.family}" if _apart(compared.ratio) else ""
    return needed_in_words(None if fewest is None else fewest - analysis.blocks, block_s(analysis), why)


def _apart(ratio: Estimate) -> bool:
    """Whether the interval alone, which knows nothing of other comparisons, excludes 1."""
    return ratio.low is not None and ratio.high is not None and (ratio.low > 1 or ratio.high < 1)
