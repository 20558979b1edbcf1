"""One arm over another, block by block: log ratios in, estimates with intervals and corrected p out. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.plan.slices import Level
from harness.registry.metrics import Metric
from harness.statistics import intervals, significance
from harness.statistics.estimate import Estimate
from harness.statistics.intervals import DOUBT, Values

Pair = tuple[str, str]
"""(arm, over)."""


@dataclass(frozen=True)
class Compared:
    """One arm over another, for one endpoint, level and metric."""

    arm: str
    over: str
    endpoint: str
    level: Level
    metric: Metric
    ratio: Estimate
    logs: Values = field(compare=False)  # one per block; NaN where either side is missing
    p: float = 1.0  # of there being no difference, corrected for the family
    family: int = 1  # how many comparisons it was corrected for
    doubt: float = DOUBT  # of the interval and the test: how often they may err


def compare(
    per_block: pd.DataFrame,
    levels: Sequence[tuple[str, Level]],
    pairs: Sequence[Pair],
    told: Sequence[Metric],
    doubt: float = DOUBT,
) -> list[Compared]:
    """Each pair of arms on every (endpoint, level) that both have, for each metric; all of them one family.

    `per_block`: one row per block and cell (columns: block, arm, endpoint, level and the metrics).
    """
    found = _logs(per_block, levels, pairs, told)
    estimated = ((one, logs, intervals.of_logs(logs, doubt)) for one, logs in found)
    return corrected([Compared(*one, ratio, logs, doubt=doubt) for one, logs, ratio in estimated if ratio is not None])


def corrected(family: Sequence[Compared]) -> list[Compared]:
    """The same comparisons, each with its p within this family."""
    if not family:
        return []
    p = significance.adjusted(np.column_stack([one.logs for one in family]))
    return [replace(one, p=float(own), family=len(family)) for one, own in zip(family, p, strict=True)]


def _logs(
    per_block: pd.DataFrame, levels: Sequence[tuple[str, Level]], pairs: Sequence[Pair], told: Sequence[Metric]
) -> Iterator[tuple[tuple[str, str, str, Level, Metric], Values]]:
    """What is compared, with its log ratio in each block."""
    if per_block.empty:
        return
    blocks, places = np.unique(per_block.block.to_numpy(), return_inverse=True)
    figures = per_block[[metric.column for metric in told]].to_numpy(dtype=float)
    groups = {
        key: _by_block(figures[rows], places[rows], len(blocks))
        for key, rows in per_block.groupby(["arm", "endpoint", "level"]).indices.items()
    }
    for endpoint, level in levels:
        for arm, over in pairs:
            ours, base = groups.get((arm, endpoint, level)), groups.get((over, endpoint, level))
            if ours is None or base is None:
                continue
            for column, metric in enumerate(told):
                ratios = intervals.log_ratios(ours[:, column], base[:, column])
                yield (arm, over, endpoint, level, metric), ratios


def _by_block(figures: Values, places: NDArray[np.int64], blocks: int) -> Values:
    """A cell's figures, one row per block and one column per metric; NaN in a block that the cell is not in."""
    table = np.full((blocks, figures.shape[1]), np.nan)
    table[places] = figures
    return table
