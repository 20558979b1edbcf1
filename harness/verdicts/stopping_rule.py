"""The stopping rule: how precisely the first comparison is known, which the `until` of a scenario is about. Pure.

A run that ends by its rule ends because an interval is narrow, wherever it lies: ending on a difference would find differences
where there are none (see docs/statistics.md).
"""

from math import expm1, log
from pathlib import Path

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.scenario.blocks import Rule
from harness.statistics.estimate import Estimate


def reached(path: Path) -> bool:
    """Whether the run in this folder may end by its rule."""
    analysed = analysis.analyse(frames.open_run(path))
    rule, ratio = analysed.run.scenario.rule, primary(analysed)
    return rule is not None and ratio is not None and narrow(ratio, rule.within)


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
