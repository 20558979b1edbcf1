"""How often verdicts on made-up runs are right: each run judged by the code that judges real ones, and the results counted.

Most runs are made as block log ratios (`made_up_logs`), a few are laid out by the real plan (`made_up_sessions`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

import numpy as np

from harness.analysis import arm_comparison
from harness.analysis.arm_comparison import Compared, Logs
from harness.registry.metrics import THROUGHPUT
from harness.statistics import decision
from harness.statistics.decision import Outcome
from harness.statistics.intervals import DOUBT, Values
from harness.verdicts import verdict
from tools import made_up_logs, made_up_sessions, previous_verdicts
from tools.made_up_logs import Case, MadeUp
from tools.made_up_sessions import Session

MARGIN: Final = 0.05

TOLD: Final = (THROUGHPUT.better, THROUGHPUT.worse)


@dataclass(frozen=True)
class Tally:
    """Results of many runs of a case, as shares of them, or of their comparisons."""

    case: Case | Session
    runs: int
    by_test: float  # runs in which the test alone finds a difference anywhere
    different: float  # runs with any verdict but equivalent or inconclusive
    found: float  # comparisons told to be different
    covered: float  # comparisons whose interval has the truth in it
    blocks: float  # mean number of blocks
    noisy: float = np.nan  # covered, of the noisiest third of a run's comparisons
    quiet: float = np.nan  # … of the quietest third
    held_up: float = np.nan  # comparisons whose interval lies beyond the margin and that are inconclusive all the same
    before: tuple[float, float] | None = None  # by_test and found, as verdicts were before


def tally(case: Case | Session, runs: int, seed: int = 1, before: int = 0) -> Tally:
    """Make and judge so many runs of this case, and the first few by the previous method as well."""
    rng = np.random.default_rng(seed)
    if isinstance(case, Session):
        outcomes = [_outcome(made_up_sessions.judged_run(case, rng), 1 + case.effect, None) for _ in range(runs)]
        return Tally(case, runs, *np.nanmean(outcomes, axis=0))
    made = [made_up_logs.run(case, rng) for _ in range(runs)]
    outcomes = [_outcome(judged(one), case.effect, one.spreads) for one in made]
    found = Tally(case, runs, *np.nanmean(outcomes, axis=0))
    if not before:
        return found
    by_test, told = np.mean([_before(case, one) for one in made[:before]], axis=0)
    return replace(found, before=(float(by_test), float(told)))


def judged(made: MadeUp) -> list[Compared]:
    """The comparisons of one metric of a made-up run."""
    beside = np.full(made.logs.shape[1], np.nan) if made.covariate is None else made.covariate
    every = [Logs(("B", "A", str(at), 1, THROUGHPUT), made.logs[:, at], beside[at]) for at in range(len(beside))]
    return arm_comparison.judged(every[: made.pairs], every[made.pairs :], DOUBT)[0]


def _outcome(compared: Sequence[Compared], truth: float, spreads: Values | None) -> list[float]:
    """A row of a Tally, of one run."""
    known = [one for one in compared if one.model is not None]
    ends = [(one.ratio.low or 0.0, one.ratio.high or np.inf) for one in known]
    told = np.array([verdict.weigh(one, MARGIN).word in TOLD for one in known])
    covered = np.array([low <= truth <= high for low, high in ends], dtype=float)
    apart = np.array([low > 1 + MARGIN or high < 1 / (1 + MARGIN) for low, high in ends])
    order = np.argsort([spreads[int(one.endpoint)] for one in known]) if spreads is not None else np.arange(len(known))
    third = max(1, len(known) // 3)
    return [
        float(any(one.p <= one.doubt for one in known)),
        float(told.any()),
        float(told.mean()),
        float(covered.mean()),
        float(max(one.ratio.n for one in known)),
        float(covered[order[-third:]].mean()),
        float(covered[order[:third]].mean()),
        float((apart & ~told).mean()),
    ]


def _before(case: Case, made: MadeUp) -> tuple[bool, float]:
    p, told = previous_verdicts.different(made.logs, made.pairs, case.places, MARGIN, DOUBT)
    return p <= DOUBT, float(np.mean(told))


@dataclass(frozen=True)
class Advice:
    """How the advice `≈ n more blocks` fares, over comparisons that were inconclusive and got one."""

    blocks: int  # of the run that gave it
    given: int  # how often
    median: float  # how many blocks in all it named
    kept: float  # share that was decided by then
    took: tuple[float, float, float]  # quartiles of the blocks that it took ÷ those that were named
    halfway: float  # median of the blocks named halfway ÷ those named first, of what was still inconclusive then


def advised(blocks: int, runs: int, most: int = 40, seed: int = 1) -> Advice:
    """Runs with small and large effects, judged after every block up to `most`."""
    rng, named, took, later = np.random.default_rng(seed), [], [], []
    for _ in range(runs):
        made = made_up_logs.run(Case("advice", blocks=most), rng)
        made.logs[:, : made.pairs] += np.log(rng.choice([1.0, 1.02, 1.1, 1.15, 1.25, 1.5, 3.0], made.pairs))
        path = np.array([_named(replace(made, logs=made.logs[:n])) for n in range(blocks, most + 1)])
        for own in path.T:
            first = own[0]
            if 0 < first <= most:
                named.append(first)
                took.append(blocks + int(np.argmin(own)) if (own == 0).any() else np.inf)
                halfway = own[int(first - blocks) // 2]
                later += [halfway / first] if halfway else []
    shares = np.array(took) / np.array(named)
    low, middle, high = np.quantile(shares, [0.25, 0.5, 0.75], method="nearest")
    kept = float((shares <= 1).mean())
    return Advice(blocks, len(named), float(np.median(named)), kept, (low, middle, high), float(np.median(later)))


def _named(made: MadeUp) -> list[float]:
    """How many blocks each comparison is told to need: 0 where it is decided, infinite where no number would do."""
    told = []
    for one in judged(made):
        assert one.model is not None
        if decision.decide(one.ratio, one.p, MARGIN, DOUBT) is not Outcome.OPEN:
            told.append(0.0)
        else:
            told.append(float(decision.blocks_needed(one.model, MARGIN, DOUBT, one.factor) or np.inf))
    return told


def shortfalls(tallies: Sequence[Tally]) -> Iterator[str]:
    """What does not come out as promised: an error above 5 %, a coverage outside 93 to 97 %."""
    for one in tallies:
        if isinstance(one.case, Session) and not one.case.interleaved:
            continue  # it is there to fail
        equal = one.case.effect == (0.0 if isinstance(one.case, Session) else 1.0)
        name = f"{one.case.name}, {one.case.blocks} blocks"
        if equal and max(one.by_test, one.different) > DOUBT + _luck(DOUBT, one.runs):
            yield f"{name}: a difference in {100 * one.by_test:.1f} % of runs (at most 5 %)"
        luck = _luck(DOUBT, one.runs)
        if not 0.93 - luck <= one.covered <= 0.97 + luck:
            yield f"{name}: intervals cover the truth in {100 * one.covered:.1f} % of cases (93 to 97 %)"


def _luck(share: float, runs: int) -> float:
    """Three standard errors of a share seen in so many runs, less those of a thousand: for which the limits are meant."""
    return 3 * sqrt(share * (1 - share)) * max(0.0, 1 / sqrt(runs) - 1 / sqrt(1_000))
