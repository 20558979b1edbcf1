"""May a run end before its last block: by the `until` of its scenario, or because everything is decided. Pure.

A run that ends by its rule ends because an interval is narrow, wherever it lies: ending on a difference would find differences
where there are none (see docs/statistics.md). A run with a time ends where every comparison by the primary metric is known to
within the margin, or differs so surely that the looks in between hardly cost anything: p < 0.001.
Source: Peto et al., "Design and analysis of randomized clinical trials requiring prolonged observation of each patient" (1976);
Haybittle, "Repeated assessment of results in clinical trials of cancer treatment" (1971).
"""

from math import expm1, log
from pathlib import Path
from typing import Final

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.scenario.blocks import Rule
from harness.statistics.estimate import Estimate

SURE: Final = 0.001

NARROWER: Final = 0.9
"""Intervals of a run that ended early are held to more than 95 %, and so a little wider than they were when it ended."""


def reached(path: Path) -> bool:
    """Whether the run in this folder may end: by its rule or, without one, because everything is decided."""
    analysed = analysis.analyse(frames.open_run(path))
    rule = analysed.run.scenario.rule
    if rule is None:
        return decided(analysed)
    ratio = primary(analysed)
    return ratio is not None and narrow(ratio, rule.within)


def decided(analysed: Analysis) -> bool:
    """Whether every comparison by the primary metric is within the margin, or differs beyond doubt."""
    margin = NARROWER * analysed.run.scenario.margin
    told = [one for one in analysed.compared if one.metric is analysed.metrics[0]]
    return bool(told) and all(one.p < SURE or narrow(one.ratio, margin) for one in told)


def primary(analysed: Analysis) -> Estimate | None:
    """The first pair's ratio on the first endpoint and level, by what a comparison is about; None where there is none."""
    asked = analysed.run.scenario
    pair, endpoint, metric = asked.pairs[0], asked.endpoints[0], analysed.metrics[0]
    wanted = (pair.arm, pair.over, endpoint.label, endpoint.levels[0], metric)
    told = [c.ratio for c in analysed.compared if (c.arm, c.over, c.endpoint, c.level, c.metric) == wanted]
    return told[0] if told else None


def narrow(ratio: Estimate, until: float) -> bool:
    """Whether the interval is within ± this fraction of its middle; without an interval it is not."""
    half = half_width(ratio)
    return half is not None and half <= until


def half_width(ratio: Estimate) -> float | None:
    """Half the interval of a ratio as a fraction: 0.03 where it reaches from 1 / 1.03 to 1.03 times its middle."""
    if ratio.low is None or ratio.high is None:
        return None
    return expm1(log(ratio.high / ratio.low) / 2)


def outcome(analysed: Analysis, rule: Rule) -> str:
    """How a finished run with a rule ended: `stopped after 9 blocks (6 to 20, until ±3 %)`."""
    ratio, until = primary(analysed), numbers.margin(rule.within)
    if ratio is not None and narrow(ratio, rule.within):
        return f"stopped after {analysed.blocks} blocks ({rule}, until {until})"
    seen = numbers.margin(half_width(ratio) if ratio is not None else None)
    return f"did not get within {until} in {analysed.blocks} blocks ({seen})"
