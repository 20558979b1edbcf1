"""Are the verdicts right as often as they say? Whole runs made of random numbers, judged by the code that judges real ones.

`python -m tools.validate_statistics` writes docs/statistics.md (some minutes); the tests do the same with fewer runs. A made-up
run is laid out by the real plan: one value per planned slice, at its place in time, pooled by block and judged like a real one.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp, log, sqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

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

START_SPREAD: Final = 0.03  # how differently a server settles at each start: standard deviation of the log

SLICE_SPREAD: Final = 0.06  # how much one slice differs from the next

MARGIN: Final = 0.03

TARGET: Final = Path(__file__).parent.parent / "docs" / "statistics.md"

Noise = Callable[[np.random.Generator, int], Values]
"""So many random numbers around 0 with a standard deviation of about 1."""


def normal(rng: np.random.Generator, count: int) -> Values:
    return rng.normal(size=count)


def heavy(rng: np.random.Generator, count: int) -> Values:
    """Student's t with three degrees of freedom, scaled to the same standard deviation: a hiccup now and then."""
    return np.asarray(rng.standard_t(3, size=count) / np.sqrt(3))


@dataclass(frozen=True)
class Case:
    """What is true in a made-up run. Fractions: 0.2 is 20 %."""

    name: str
    cells: int = 1
    blocks: int = 6
    effect: float = 0.0  # by how much the second arm truly is faster, on every cell
    noise: Noise = normal
    drift: float = 0.0  # by how much the machine has become faster when the session ends
    interleaved: bool = True  # otherwise one arm's slices all come before the other's
    until: float | None = (
        None  # stop, from `blocks` on, when the first interval is narrower; at 20 blocks at the latest
    )

    @property
    def doubt(self) -> float:
        """What intervals and tests of such a run are made for."""
        return DOUBT if self.until is None else DOUBT_IF_STOPPED


@dataclass(frozen=True)
class Tally:
    """What came out of many runs of a case, as shares of them."""

    case: Case
    runs: int
    by_test: float  # runs in which the test alone finds a difference anywhere
    different: float  # runs with any verdict but equivalent or undecided
    found: float  # first comparison: told to be different
    covered: float  # first comparison: its interval has the truth in it
    blocks: float  # mean number of blocks


def tally(case: Case, runs: int, seed: int = 1) -> Tally:
    """Make and judge so many runs of this case."""
    rng = np.random.default_rng(seed)
    outcomes = [_outcome(case, judged_run(case, rng)) for _ in range(runs)]
    by_test, different, found, covered, blocks = np.mean(outcomes, axis=0)
    return Tally(case, runs, by_test, different, found, covered, blocks)


def judged_run(case: Case, rng: np.random.Generator) -> list[Compared]:
    """The comparisons of one made-up run; of one that stops by itself, when it has stopped."""
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
    asked = _scenario(case)
    slices = [
        (block.index, slice_.cell.arm, slice_.cell.endpoint)
        for block in layout.expand(asked)
        for slice_ in block.slices
        if slice_.purpose == "measure"
    ]
    if not case.interleaved:
        slices.sort(key=lambda one: one[1])
    rows = pd.DataFrame(slices, columns=["block", "arm", "endpoint"]).assign(level=1)
    when = np.arange(len(rows)) / max(1, len(rows) - 1)
    starts = rows.groupby(["block", "arm"]).ngroup().to_numpy()
    started = START_SPREAD * case.noise(rng, starts.max() + 1)[starts]
    true = np.where(rows.arm == "B", log(1 + case.effect), 0.0) + log(1 + case.drift) * when
    rows[THROUGHPUT.column] = np.exp(true + started + SLICE_SPREAD * case.noise(rng, len(rows)))
    pooled = rows.groupby(["block", "arm", "endpoint", "level"], as_index=False).mean()
    return pooled.reindex(columns=[*pooled.columns, *(m.column for m in METRICS if m is not THROUGHPUT)])


CASES: Final = (
    Case("equal arms, 1 comparison, 6 blocks"),
    Case("equal arms, 28 comparisons, 6 blocks", cells=28),
    Case("equal arms, 28 comparisons, 12 blocks", cells=28, blocks=12),
    Case("equal arms, heavy tails, 28 comparisons, 6 blocks", cells=28, noise=heavy),
    Case("equal arms, heavy tails, 6 comparisons, 12 blocks", cells=6, blocks=12, noise=heavy),
    Case("equal arms, stopped at ±3 %, from 6 to 20 blocks", until=0.03),
    Case("equal arms, machine 20 % faster at the end, 6 blocks", drift=0.2),
    Case("the same, measured one arm after the other", drift=0.2, interleaved=False),
    *(
        Case(f"{effect:.0%} faster, {tails}{blocks} blocks".replace("%", " %"), 1, blocks, effect, noise)
        for effect in (0.05, 0.2)
        for tails, noise in (("", normal), ("heavy tails, ", heavy))
        for blocks in (6, 12, 20)
    ),
    Case("5 % faster, stopped at ±3 %, from 6 to 20 blocks", effect=0.05, until=0.03),
    Case("20 % faster, 28 comparisons, 6 blocks", cells=28, effect=0.2),
)


def table(tallies: Sequence[Tally]) -> Table:
    """One row per case."""
    columns = ["case", "runs", "blocks", "any different, by the test alone", "any different", "power", "coverage"]
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
    """What does not come out as promised: an error above 5 %, a coverage outside 93 to 97 %."""
    for one in tallies:
        if not one.case.interleaved:
            continue  # it is there to fail
        if not one.case.effect and max(one.by_test, one.different) > DOUBT + _luck(DOUBT, one.runs):
            yield f"{one.case.name}: a difference in {100 * one.by_test:.1f} % of runs (at most 5 %)"
        luck = _luck(DOUBT, one.runs)
        if not 0.93 - luck <= one.covered <= 0.97 + luck:
            yield f"{one.case.name}: intervals cover the truth in {100 * one.covered:.1f} % of runs (93 to 97 %)"


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
    print("\n".join(told) or f"all as promised; written to {TARGET}")
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
    """Three standard errors of a share seen in so many runs, less those of a thousand: what the promise is made for."""
    return 3 * sqrt(share * (1 - share)) * max(0.0, 1 / sqrt(runs) - 1 / sqrt(1_000))


def _scenario(case: Case) -> Scenario:
    arms: list[dict[str, Any]] = [{"name": name, "server": "uvicorn", "view": "async"} for name in "AB"]
    endpoints = [{"name": "wait", "query": {"ms": number}, "users": [1]} for number in range(case.cells)]
    return model.Scenario.model_validate(
        {"question": "what comes out of random numbers?", "blocks": case.blocks, "arms": arms, "endpoints": endpoints}
    )


HEAD: Final = f"""# Are the verdicts right as often as they say?

Written by `make validate-statistics`; do not edit. Runs made of random numbers go through the plan and the code that judge real
ones: a server settles anew at each start (standard deviation {100 * START_SPREAD:g} % per block and arm), slices differ by
{100 * SLICE_SPREAD:g} %, three slices per cell and block. Heavy tails are Student's t with three degrees of freedom.

*Any different* is the share of runs in which any comparison is told to be faster or slower; between equal arms it may be 5 % at
most. *By the test alone* leaves out the margin of 3 % below which a difference is none. *Power* is the share of runs in which
the first comparison is told to be different, *coverage* the share in which its 95 % interval has the truth in it (93 to 97 %).
"""

FOOT: Final = (
    """*One arm after the other* is how most published benchmarks are run: it shows what the shuffled order is for."""
)

if __name__ == "__main__":
    main()
