"""Error rates, power and coverage of the verdicts: simulated runs, analysed by the code that analyses real ones.

`python -m tools.validate_statistics` writes docs/statistics.md (some minutes); the tests do the same with fewer runs. A simulated
run follows a real plan: one value per planned slice, at its time in the run, pooled by block and judged like a real one.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import exp, log, sqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import arm_comparison
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers, tables
from harness.formatting.tables import Table
from harness.plan import layout
from harness.registry.metrics import METRICS, THROUGHPUT
from harness.scenario import model
from harness.scenario.model import Scenario
from harness.statistics.intervals import DOUBT, DOUBT_IF_STOPPED, Values
from harness.verdicts import stopping_rule, verdict

START_SPREAD: Final = 0.03  # variation between server starts: standard deviation of the log

SLICE_SPREAD: Final = 0.06  # variation between slices

MARGIN: Final = 0.03

TARGET: Final = Path(__file__).parent.parent / "docs" / "statistics.md"

Noise = Callable[[np.random.Generator, int], Values]
"""A count in, that many random numbers with mean 0 and a standard deviation of about 1 out."""


def normal(rng: np.random.Generator, count: int) -> Values:
    return rng.normal(size=count)


def heavy(rng: np.random.Generator, count: int) -> Values:
    """Student's t with three degrees of freedom, scaled to the same standard deviation: occasional outliers."""
    return np.asarray(rng.standard_t(3, size=count) / np.sqrt(3))


@dataclass(frozen=True)
class Case:
    """The truth of a simulated run. Fractions: 0.2 is 20 %."""

    name: str
    cells: int = 1
    blocks: int = 6
    effect: float = 0.0  # true speed-up of the second arm, on every cell
    noise: Noise = normal
    drift: float = 0.0  # speed-up of the machine from start to end of the run
    interleaved: bool = True  # otherwise one arm's slices all come before the other's
    until: float | None = (
        None  # stop, from `blocks` on, when the first interval is narrower; at 20 blocks at the latest
    )

    @property
    def doubt(self) -> float:
        """The significance level of intervals and tests in such a run."""
        return DOUBT if self.until is None else DOUBT_IF_STOPPED


@dataclass(frozen=True)
class Tally:
    """Results of many runs of a case, as shares of the runs."""

    case: Case
    runs: int
    by_test: float  # runs in which the test alone finds a difference anywhere
    different: float  # runs with any verdict but equivalent or inconclusive
    found: float  # first comparison: a difference is reported
    covered: float  # first comparison: its interval contains the true ratio
    blocks: float  # mean number of blocks


def tally(case: Case, runs: int, seed: int = 1) -> Tally:
    """Simulate and judge this many runs of the case."""
    rng = np.random.default_rng(seed)
    outcomes = [_outcome(case, judged_run(case, rng)) for _ in range(runs)]
    by_test, different, found, covered, blocks = np.mean(outcomes, axis=0)
    return Tally(case, runs, by_test, different, found, covered, blocks)


def judged_run(case: Case, rng: np.random.Generator) -> list[Compared]:
    """The comparisons of one simulated run; with a stopping rule, at the block where it stops."""
    most = case.blocks if case.until is None else 20
    per_block = session(replace(case, blocks=most), rng)
    for blocks in range(case.blocks, most + 1):
        compared = compared_of(per_block[per_block.block < blocks], case.doubt)
        if case.until is not None and stopping_rule.narrow(compared[0].ratio, case.until):
            break
    return compared


def compared_of(per_block: pd.DataFrame, doubt: float) -> list[Compared]:
    """Arm B over arm A on every cell, by throughput."""
    levels = [(str(name), 1) for name in per_block.endpoint.unique()]
    return arm_comparison.compare(per_block, levels, [("B", "A")], [THROUGHPUT], doubt)


def session(case: Case, rng: np.random.Generator) -> pd.DataFrame:
    """One row per block and cell, as the analysis makes it of a real run, with the mean of the cell's slices as throughput."""
    rows, pooled, cells, starts = _frames(case)
    started = START_SPREAD * case.noise(rng, starts.max() + 1)[starts]
    when = np.arange(len(rows)) / max(1, len(rows) - 1)
    true = np.where(rows.arm == "B", log(1 + case.effect), 0.0) + log(1 + case.drift) * when
    figures = np.exp(true + started + SLICE_SPREAD * case.noise(rng, len(rows)))
    return pooled.assign(**{THROUGHPUT.column: np.bincount(cells, figures) / np.bincount(cells)})


Places = NDArray[np.int64]


@cache
def _frames(case: Case) -> tuple[pd.DataFrame, pd.DataFrame, Places, Places]:
    """Shared by all runs of a case: its slices, a row per block and cell, each slice's place in that and among the starts."""
    slices = _measured(case)
    if not case.interleaved:
        slices.sort(key=lambda one: one[1])
    rows = pd.DataFrame(slices, columns=["block", "arm", "endpoint"]).assign(level=1)
    keys = rows.groupby(list(rows.columns))
    pooled = keys.size().index.to_frame(index=False).reindex(columns=[*rows.columns, *(m.column for m in METRICS)])
    return rows, pooled, keys.ngroup().to_numpy(), rows.groupby(["block", "arm"]).ngroup().to_numpy()


def _measured(case: Case) -> list[tuple[int, str, str]]:
    """Block, arm and endpoint of every measured slice, in the order of the plan."""
    return [
        (block.index, slice_.cell.arm, slice_.cell.endpoint)
        for block in layout.expand(_scenario(case))
        for slice_ in block.slices
        if slice_.purpose == "measure"
    ]


CASES: Final = (
    Case("A/A, 1 comparison, 6 blocks"),
    Case("A/A, 28 comparisons, 6 blocks", cells=28),
    Case("A/A, 28 comparisons, 12 blocks", cells=28, blocks=12),
    Case("A/A, heavy tails, 28 comparisons, 6 blocks", cells=28, noise=heavy),
    Case("A/A, heavy tails, 6 comparisons, 12 blocks", cells=6, blocks=12, noise=heavy),
    Case("A/A, stopping rule ±3 %, 6 to 20 blocks", until=0.03),
    Case("A/A, machine 20 % faster at the end, 6 blocks", drift=0.2),
    Case("the same, one arm after the other", drift=0.2, interleaved=False),
    *(
        Case(f"{effect:.0%} faster, {tails}{blocks} blocks".replace("%", " %"), 1, blocks, effect, noise)
        for effect in (0.05, 0.2)
        for tails, noise in (("", normal), ("heavy tails, ", heavy))
        for blocks in (6, 12, 20)
    ),
    Case("5 % faster, stopping rule ±3 %, 6 to 20 blocks", effect=0.05, until=0.03),
    Case("20 % faster, 28 comparisons, 6 blocks", cells=28, effect=0.2),
)


def table(tallies: Sequence[Tally]) -> Table:
    """One row per case."""
    columns = ["case", "runs", "blocks", "any difference (test only)", "any difference", "power", "coverage"]
    rows = [
        [
            one.case.name,
            numbers.count(one.runs),
            f"{one.blocks:.3g}",
            f"{100 * one.by_test:.1f} %",
            f"{100 * one.different:.1f} %",
            f"{100 * one.found:.1f} %" if one.case.effect else numbers.MISSING,
            f"{100 * one.covered:.1f} %",
        ]
        for one in tallies
    ]
    return Table(columns, rows)


def shortfalls(tallies: Sequence[Tally]) -> Iterator[str]:
    """Cases out of specification: error rate above 5 %, or coverage outside 93 to 97 %."""
    for one in tallies:
        if not one.case.interleaved:
            continue  # it is there to fail
        if not one.case.effect and max(one.by_test, one.different) > DOUBT + _luck(DOUBT, one.runs):
            yield f"{one.case.name}: a difference in {100 * one.by_test:.1f} % of runs (at most 5 %)"
        luck = _luck(DOUBT, one.runs)
        if not 0.93 - luck <= one.covered <= 0.97 + luck:
            yield f"{one.case.name}: intervals contain the true ratio in {100 * one.covered:.1f} % of runs (93 to 97 %)"


def document(tallies: Sequence[Tally]) -> str:
    """docs/statistics.md."""
    return "\n".join([HEAD, *tables.as_markdown(table(tallies)), "", FOOT, ""])


def main() -> None:
    """Every case, 1 000 runs each unless told otherwise, into docs/statistics.md; exit 3 on a shortfall."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    tallies = []
    for case in CASES:
        tallies.append(tally(case, runs))
        print("  ".join(table(tallies[-1:]).rows[0]), flush=True)
    TARGET.write_text(document(tallies), encoding="utf-8")
    told = list(shortfalls(tallies))
    print("\n".join(told) or f"all within specification; written to {TARGET}")
    sys.exit(3 if told else 0)


def _outcome(case: Case, compared: Sequence[Compared]) -> tuple[bool, bool, bool, bool, int]:
    words = [verdict.judge(one, MARGIN, None).word for one in compared]
    told = [word in (THROUGHPUT.better, THROUGHPUT.worse) for word in words]
    ratio, truth = compared[0].ratio, exp(log(1 + case.effect))
    assert ratio.low is not None
    assert ratio.high is not None
    by_test = any(one.p <= one.doubt for one in compared)
    return by_test, any(told), told[0], ratio.low <= truth <= ratio.high, ratio.n


def _luck(share: float, runs: int) -> float:
    """Tolerance for fewer than 1 000 runs: three standard errors of the share, less those of 1 000 runs."""
    return 3 * sqrt(share * (1 - share)) * max(0.0, 1 / sqrt(runs) - 1 / sqrt(1_000))


def _scenario(case: Case) -> Scenario:
    arms: list[dict[str, Any]] = [{"name": name, "server": "uvicorn", "view": "async"} for name in "AB"]
    endpoints = [{"name": "wait", "query": {"ms": number}, "users": [1]} for number in range(case.cells)]
    return model.Scenario.model_validate(
        {"question": "simulation", "blocks": case.blocks, "arms": arms, "endpoints": endpoints}
    )


HEAD: Final = f"""# Statistics: error rates, power and coverage

Generated by `make validate-statistics`; do not edit. Simulated runs go through the same planning and analysis code as real ones.
Noise: {100 * START_SPREAD:g} % standard deviation between server starts (per block and arm), {100 * SLICE_SPREAD:g} % between
slices, three slices per cell and block. *Heavy tails*: Student's t with three degrees of freedom. *A/A*: the arms are identical,
so every reported difference is an error.

| column | meaning |
| --- | --- |
| any difference | share of runs that report any comparison as faster or slower; for A/A the family-wise error rate, at most 5 % |
| … (test only) | the same without the equivalence margin of 3 % |
| power | share of runs in which the first comparison is reported as different |
| coverage | share of runs in which the first comparison's 95 % interval contains the true ratio; specified as 93 to 97 % |
"""

FOOT: Final = """*One arm after the other* is how most published benchmarks are run: drift then looks like a difference,
which interleaved slices avoid."""

if __name__ == "__main__":
    main()
