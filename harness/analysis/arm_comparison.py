"""One arm over another, block by block: log ratios in, estimates with intervals and corrected p out. Pure.

The comparisons of a metric, the A/A pairs among them, are one model (see `statistics.moderated`). Those that a scenario asks for
are one family: p is corrected for all of them that have enough known blocks to be judged. The A/A pairs are a check on the run,
and so a family of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.side_by_side import FEW, Place, SideBySide
from harness.plan.slices import Level
from harness.registry.metrics import Metric
from harness.statistics import intervals, moderated
from harness.statistics.estimate import Estimate
from harness.statistics.intervals import DOUBT, Values
from harness.statistics.moderated import Moderated
from harness.statistics.variance_prior import Prior

Pair = tuple[str, str]
"""(arm, over)."""

Key = tuple[str, str, str, Level, Metric]
"""(arm, over, endpoint, level, metric)."""


@dataclass(frozen=True)
class Logs:
    """What is compared, with its log ratio in each block."""

    key: Key
    values: Values
    covariate: float = np.nan  # the logarithm of the variance that the blocks show within themselves
    duets: "Beside | None" = None  # of arms that were also loaded side by side


@dataclass(frozen=True)
class Beside:
    """A comparison of arms that were loaded both side by side and one after the other."""

    told: SideBySide
    solo: Values  # log ratios of the arms one after the other, one per block
    objection: str  # why the duets do not stand; empty: they do

    @property
    def few(self) -> bool:
        """They do not stand because there are too few, of which nobody expected more."""
        return self.objection == FEW


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
    model: Moderated | None = None  # None: too few known blocks to be judged; then it is in no family
    factor: int = 1  # by which the correction multiplies an own p that is not significant
    duets: Beside | None = field(default=None, compare=False)  # of arms that were also loaded side by side

    @property
    def key(self) -> Key:
        return self.arm, self.over, self.endpoint, self.level, self.metric

    @property
    def left_out(self) -> int:
        """How many blocks are off and count for nothing."""
        return len(self.model.left_out) if self.model else 0

    @property
    def by_duets(self) -> bool:
        """Whether it is the duets that it was made of."""
        return self.duets is not None and not self.duets.objection


@dataclass(frozen=True)
class Comparisons:
    """All ratios of a run."""

    compared: list[Compared]  # what the scenario asks for
    controls: list[Compared]  # the A/A pairs
    priors: dict[Metric, Prior]


def compare(
    per_block: pd.DataFrame,
    levels: Sequence[tuple[str, Level]],
    pairs: Sequence[Pair],
    controls: Sequence[Pair],
    told: Sequence[Metric],
    duets: Mapping[Place, SideBySide],
    doubt: float = DOUBT,
) -> Comparisons:
    """Each pair of arms on every (endpoint, level) that both have, for each metric.

    `per_block`: one row per block and cell (columns: block, arm, endpoint, level, the metrics and `within_spread`); `duets`: in
    the same order of blocks.
    """
    found = [
        [with_duets(one, duets) for one in log_ratios(per_block, levels, some, told)] for some in (pairs, controls)
    ]
    compared: dict[Key, Compared] = {}
    equal: dict[Key, Compared] = {}
    priors = {}
    for metric in told:
        asked, repeated = ([one for one in some if one.key[-1] is metric] for some in found)
        if asked or repeated:
            own, aa, priors[metric] = judged(asked, repeated, doubt)
            compared |= {one.key: one for one in own}
            equal |= {one.key: one for one in aa}
    orders = [[one.key for one in some] for some in found]
    return Comparisons(
        [compared[key] for key in orders[0] if key in compared],
        [equal[key] for key in orders[1] if key in equal],
        priors,
    )


def judged(
    asked: Sequence[Logs], repeated: Sequence[Logs], doubt: float
) -> tuple[list[Compared], list[Compared], Prior]:
    """The comparisons of one metric, and its A/A pairs, in one model; each of both corrected within itself."""
    every = [*asked, *repeated]
    model = moderated.fit(np.column_stack([one.values for one in every]), np.array([one.covariate for one in every]))
    found = [_estimated(one, own, doubt) for one, own in zip(every, model.comparisons, strict=True)]
    parts = found[: len(asked)], found[len(asked) :]
    compared, equal = (corrected([one for one in part if one is not None]) for part in parts)
    return compared, equal, model.prior


def under(prior: Prior, one: Logs, doubt: float) -> Compared | None:
    """One comparison more, by itself, under the prior of others; None where no block has both arms."""
    return _estimated(one, moderated.moderate(one.values, prior, one.covariate), doubt)


def corrected(family: Sequence[Compared]) -> list[Compared]:
    """The same comparisons, each with its p raised for this family; those that cannot be judged are in none."""
    known = [one for one in family if one.model is not None]
    if not known:
        return list(family)
    raised, factor = moderated.adjusted([one.p for one in known], known[0].doubt)
    p = iter(raised)
    return [
        one if one.model is None else replace(one, p=float(next(p)), family=len(known), factor=factor) for one in family
    ]


def log_ratios(
    per_block: pd.DataFrame, levels: Sequence[tuple[str, Level]], pairs: Sequence[Pair], told: Sequence[Metric]
) -> Iterator[Logs]:
    """What is compared, with its log ratios."""
    if per_block.empty:
        return
    blocks, places = np.unique(per_block.block.to_numpy(), return_inverse=True)
    figures = per_block[[*(metric.column for metric in told), "within_spread"]].to_numpy(dtype=float)
    groups = {
        key: _by_block(figures[rows], places[rows], len(blocks))
        for key, rows in per_block.groupby(["arm", "endpoint", "level"]).indices.items()
    }
    for endpoint, level in levels:
        for arm, over in pairs:
            ours, base = groups.get((arm, endpoint, level)), groups.get((over, endpoint, level))
            if ours is None or base is None:
                continue
            covariate = _variance_within(ours[:, -1], base[:, -1])
            for column, metric in enumerate(told):
                ratios = intervals.log_ratios(ours[:, column], base[:, column])
                yield Logs((arm, over, endpoint, level, metric), ratios, covariate)


def with_duets(one: Logs, duets: Mapping[Place, SideBySide]) -> Logs:
    """The same comparison, by duets where there are some that stand for it."""
    told = duets.get(one.key[:-1])
    ratios = None if told is None else told.ratios(one.key[-1])
    if told is None or ratios is None:
        return one
    objection = told.objection(ratios, one.values)
    beside = Beside(told, one.values, objection)
    return replace(one, duets=beside) if objection else Logs(one.key, ratios, told.spread, beside)


def _by_block(figures: Values, places: NDArray[np.int64], blocks: int) -> Values:
    """A cell's figures, one row per block and one column per metric; NaN in a block that the cell is not in."""
    table = np.full((blocks, figures.shape[1]), np.nan)
    table[places] = figures
    return table


def _estimated(one: Logs, model: Moderated | None, doubt: float) -> Compared | None:
    """With its interval, where it can be judged; None where no block has both arms."""
    if model is not None:
        return Compared(
            *one.key, model.estimate(doubt), one.values, model.p(), doubt=doubt, model=model, duets=one.duets
        )
    ratio = intervals.of_logs(one.values)
    if ratio is None:
        return None
    return Compared(*one.key, replace(ratio, low=None, high=None), one.values, doubt=doubt, duets=one.duets)


def _variance_within(ours: Values, base: Values) -> float:
    """log of what the 250 ms within blocks say of the variance of a block's log ratio; NaN where they say nothing."""
    both = ours**2 + base**2
    known = both[np.isfinite(both)]
    return float(np.log(known.mean())) if len(known) and known.mean() > 0 else np.nan
