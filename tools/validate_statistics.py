"""Are the verdicts right as often as they say? `python -m tools.validate_statistics` writes docs/statistics.md (some minutes).

The tests do the same with fewer runs; what is counted, and how, is in `verdict_tallies`.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from harness.formatting import numbers, tables
from harness.formatting.tables import Table
from tools import verdict_tallies
from tools.made_up_logs import Case
from tools.made_up_sessions import Session, heavy
from tools.verdict_tallies import Advice, Tally, tally

TARGET: Final = Path(__file__).parent.parent / "docs" / "statistics.md"

EFFECT: Final = 1.25

BLOCKS: Final = (4, 6, 10)

BEFORE: Final = {4: 100, 6: 100, 10: 10}
"""Runs that are judged by the previous method as well: from ten blocks on its bootstrap is slow."""

KINDS: Final = (
    Case("28 comparisons, all alike", tenfold=False),
    Case("28 comparisons, tenfold spreads"),
    Case("… no spread known from within the blocks", covariate=None),
    Case("… heavy tails", heavy=True),
    Case("… 1 block in 20 off by ×5, each comparison by itself", off=0.05),
    Case("… the same, no spread known from within", off=0.05, covariate=None),
    Case("… 1 block in 20 off by ×5, an arm everywhere", off_blocks=0.05),
    Case("… 1 block in 20 scatters 5 times as much", noisy=0.05),
    Case("… 1 in 10 missing, 1 comparison in 5 known in 3 blocks", missing=0.1, rare=0.2),
    Case("… machine 20 % faster at the end", drift=1.2),
    Case(
        "… heavy tails, off, missing and drift at once",
        heavy=True, off=0.025, off_blocks=0.025, missing=0.05, rare=0.1, drift=1.2,
    ),
    Case("1 comparison", places=1, pairs=1),
    Case("3 comparisons", places=1, pairs=3),
    Case("6 comparisons, 1 block in 20 off by ×5", places=3, pairs=2, off=0.05),
)  # fmt: skip
"""From the second on, spreads differ tenfold."""

SESSIONS: Final = (
    Session("equal arms, stopped at ±3 %, from 6 to 20 blocks", until=0.03),
    Session("equal arms, machine 20 % faster at the end, 6 blocks", drift=0.2),
    Session("the same, measured one arm after the other", drift=0.2, interleaved=False),
    Session("10 % faster, 6 blocks", effect=0.1),
    Session("10 % faster, heavy tails, 6 blocks", effect=0.1, noise=heavy),
    Session("10 % faster, stopped at ±3 %, from 6 to 20 blocks", effect=0.1, until=0.03),
)


def main() -> None:
    """Every case, 600 runs each unless told otherwise, into docs/statistics.md; exit 3 on a shortfall."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    equal, unequal, sessions = [], [], []
    for kind in KINDS:
        for blocks in BLOCKS:
            equal.append(_told(tally(replace(kind, blocks=blocks), runs, before=min(runs, BEFORE[blocks]))))
            case = replace(kind, blocks=blocks, effect=EFFECT)
            unequal.append(_told(tally(case, max(1, runs // 5), before=min(runs // 5, BEFORE[blocks]))))
    sessions = [_told(tally(case, max(1, runs // 4))) for case in SESSIONS]
    advice = [verdict_tallies.advised(blocks, max(1, runs // 50)) for blocks in (4, 6)]
    TARGET.write_text(document(equal, unequal, sessions, advice), encoding="utf-8")
    found = list(verdict_tallies.shortfalls([*equal, *unequal, *sessions]))
    print("\n".join(found) or f"no shortfall; written to {TARGET}")
    sys.exit(3 if found else 0)


def document(
    equal: Sequence[Tally], unequal: Sequence[Tally], sessions: Sequence[Tally], advice: Sequence[Advice]
) -> str:
    """docs/statistics.md."""
    parts = [
        HEAD, *tables.as_markdown(of_comparisons(equal, unequal)), BETWEEN, *tables.as_markdown(of_sessions(sessions)),
        ADVICE, *tables.as_markdown(of_advice(advice)), "",
    ]  # fmt: skip
    return "\n".join(parts)


def of_comparisons(equal: Sequence[Tally], unequal: Sequence[Tally]) -> Table:
    """One row per case, equal arms and those that differ beside each other."""
    columns = ["case", "blocks", "runs", "family-wise error", "before", "coverage", "quietest third", "noisiest third"]
    columns += [f"power at {EFFECT:g}×", "before", "held up"]
    return Table(columns, [_row(one, other) for one, other in zip(equal, unequal, strict=True)])


def _row(one: Tally, other: Tally) -> list[str]:
    before = [_percent(told.before[at]) if told.before else numbers.MISSING for told, at in ((one, 0), (other, 1))]
    return [
        one.case.name,
        f"{one.case.blocks}",
        numbers.count(one.runs),
        _percent(max(one.by_test, one.different)),
        before[0],
        *(_percent(share) for share in (one.covered, one.quiet, one.noisy, other.found)),
        before[1],
        _percent(other.held_up),
    ]


def of_sessions(tallies: Sequence[Tally]) -> Table:
    """One row per session."""
    columns = ["case", "runs", "blocks", "different, by the test alone", "different", "coverage"]
    return Table(columns, [list(_session_row(one)) for one in tallies])


def _session_row(one: Tally) -> Iterator[str]:
    yield from (one.case.name, numbers.count(one.runs), f"{one.blocks:.3g}")
    yield from (_percent(share) for share in (one.by_test, one.different, one.covered))


def of_advice(advice: Sequence[Advice]) -> Table:
    """How the number of blocks that would decide fares."""
    columns = ["blocks so far", "advice given", "names, in the median", "decided by then"]
    columns += ["took ÷ named, quartiles", "named halfway ÷ at first"]
    rows = [
        [
            f"{one.blocks}",
            numbers.count(one.given),
            f"{one.median:.0f} blocks",
            _percent(one.kept),
            ", ".join("more than all" if np.isinf(share) else f"{share:.2f}" for share in one.took),
            f"{one.halfway:.2f}",
        ]
        for one in advice
    ]
    return Table(columns, rows)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _told(one: Tally) -> Tally:
    """The same, shown to whoever waits."""
    shares = "  ".join(_percent(share) for share in (one.by_test, one.different, one.found, one.covered, one.noisy))
    before = f"  before: {', '.join(map(_percent, one.before))}" if one.before else ""
    print(f"{one.case.name}, {one.case.blocks} blocks  {shares}{before}", flush=True)
    return one


HEAD: Final = f"""# Are the verdicts right as often as they say?

Written by `make validate-statistics`; do not edit. Runs made of random numbers go through the code that judges real ones: one
metric of a run of 5 arms at 7 places, 28 comparisons that share arms and 7 A/A pairs. A cell scatters from block to block by 2
to 20 %, the noisiest ten times as much as the quietest. *Spread known from within*: how much a cell wanders inside its blocks
says how much it will between them, up to a factor of e^±0.4 of the variance.

- *Family-wise error*: share of runs between equal arms in which any comparison is told to be different; at most 5 %.
- *Coverage*: share of 95 % intervals that have the truth in them (93 to 97 %); of a run's quietest and noisiest third as well.
- *Power*: share of comparisons told to be different where each is truly {EFFECT:g}×, in verdicts with a margin of 5 %.
- *Before*: the previous method (sign flips over all comparisons, t interval or BCa bootstrap, veto of the A/A pair).
- *Held up*: share (at {EFFECT:g}×) whose own interval lies beyond the margin, but which the correction for 28 comparisons leaves
  inconclusive; such a verdict prints its p.
"""

BETWEEN: Final = """
Laid out by the real plan, one pair of arms on one endpoint: a server settles anew at each start (3 % per block and arm), slices
differ by 6 %. *One arm after the other* is how most published benchmarks are run: it shows what the shuffled order is for.
"""

ADVICE: Final = """
`≈ n more blocks` is planned with the very test that decides: the same variance, degrees of freedom and correction. Over runs with
true ratios of 1 to 3, judged anew after every block up to 40:
"""

if __name__ == "__main__":
    main()
