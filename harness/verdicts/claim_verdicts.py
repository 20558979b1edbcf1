"""What became of the claims: supported, refuted, inconclusive or invalid, each with its numbers and a sentence of reason. Pure.

A claim is supported by an interval that lies wholly on its side of the limit, refuted by one that lies wholly on the other, and
otherwise inconclusive. Where two arms are compared, a sign-flip test against that limit has to agree, corrected for all such
conditions of the scenario, and the estimate has to be further from it than the A/A noise floor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
import pandas as pd

from harness.analysis import arm_comparison
from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.scenario.claims import PAIRED, Claim, Condition
from harness.statistics import significance
from harness.statistics.estimate import Estimate
from harness.verdicts import claim_conditions, mechanism, verdict
from harness.verdicts.claim_conditions import (
    INCONCLUSIVE,
    INVALID,
    REFUTED,
    SUPPORTED,
    Judged,
    cells_of,
    place,
    unsound,
    where,
)
from harness.verdicts.validity import Reason

BETTER, THAN = "better", "than"

WORST_FIRST: Final = (REFUTED, INVALID, INCONCLUSIVE, SUPPORTED)
"""Joined conditions: one that is refuted refutes the claim, whatever the others are."""


@dataclass(frozen=True)
class Verdict:
    """A claim and what became of it."""

    claim: Claim
    word: str
    conditions: Sequence[Judged]


def claims(analysis: Analysis, reasons: Sequence[Reason]) -> list[Verdict]:
    """Every claim of the scenario, judged."""
    lost = {reason.cell: reason.text for reason in reversed(reasons) if reason.invalid}
    scenario = analysis.run.scenario
    conditions = [(index, one) for index, told in enumerate(scenario.claims) for one in told.conditions]
    found = _judge_all(analysis, [one for _, one in conditions], lost)
    found = [
        Judged(one.word, one.reason + _flags(analysis, condition, reasons))
        for one, (_, condition) in zip(found, conditions, strict=True)
    ]
    judged = []
    for index, told in enumerate(scenario.claims):
        own = [one for (place, _), one in zip(conditions, found, strict=True) if place == index]
        judged.append(Verdict(told, min((one.word for one in own), key=WORST_FIRST.index), own))
    return judged


def expected_to_fail(analysis: Analysis) -> set[Cell]:
    """The cells that a claim says raise: that they are INVALID is what was asked, and nothing is lost by it."""
    scenario = analysis.run.scenario
    return {
        Cell(str(one.arm), str(one.endpoint), scenario.level_of(one))
        for told in scenario.claims
        for one in told.conditions
        if one.raises is not None
    }


def _judge_all(analysis: Analysis, conditions: Sequence[Condition], lost: dict[Cell, str]) -> list[Judged]:
    paired = [_compared(analysis, one) for one in conditions if one.kinds[0] in PAIRED]
    explained = mechanism.read(analysis.run.path) if any(one.probed for one in conditions) else None
    p = iter(_p_against_limits(paired))
    judged, pairs = [], iter(paired)
    for one in conditions:
        if one.kinds[0] in PAIRED:
            judged.append(_judge_pair(analysis, one, lost, next(pairs), next(p)))
        elif one.raises is not None:
            judged.append(claim_conditions.raises(analysis, one))
        elif one.probed:
            judged.append(claim_conditions.counted(analysis, one, explained))
        else:
            judged.append(claim_conditions.kept(analysis, one, lost))
    return judged


@dataclass(frozen=True)
class Pair:
    """Two arms by how many times the first is better, against a limit."""

    compared: Compared | None  # None: there is no block that has both
    limit: float  # a factor
    family: int  # how many such conditions the scenario has


def _compared(analysis: Analysis, condition: Condition) -> Pair:
    """The improvement factor of `better` over `than`: the ratio, turned round where less is better."""
    scenario = analysis.run.scenario
    metric, level = scenario.metric_of(condition), scenario.level_of(condition)
    rows, endpoint = side_by_side(analysis.per_block, condition), str(condition.endpoint)
    pair = (BETTER, THAN) if metric.higher_is_better else (THAN, BETTER)
    found = arm_comparison.compare(rows, [(endpoint, level)], [pair], [metric], analysis.doubt)
    family = sum(one.kinds[0] in PAIRED for told in scenario.claims for one in told.conditions)
    compared = found[0] if found else None
    return Pair(compared, _limit(condition, compared), family)


def side_by_side(per_block: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    """The rows of both sides as two arms of one endpoint, whichever endpoints they were."""
    sides = []
    for side, (arm, endpoint) in zip((BETTER, THAN), condition.asked, strict=True):
        rows = per_block[(per_block.arm == arm) & (per_block.endpoint == endpoint)]
        sides.append(rows.assign(arm=side, endpoint=str(condition.endpoint)))
    return pd.concat(sides)


def _limit(condition: Condition, compared: Compared | None) -> float:
    """The factor that decides: the one that is claimed, or the end of the zone of equivalence on the estimate's side."""
    if condition.by is not None:
        return condition.by.value
    assert condition.equivalent_within is not None
    zone = 1 + condition.equivalent_within
    return zone if compared is None or compared.ratio.value >= 1 else 1 / zone


def _p_against_limits(pairs: Sequence[Pair]) -> list[float]:
    """p of each pair's true factor being its limit, corrected for all of them."""
    known = [pair for pair in pairs if pair.compared is not None]
    if not known:
        return [1.0] * len(pairs)
    logs = [pair.compared.logs - log(pair.limit) for pair in known if pair.compared is not None]
    p = iter(significance.adjusted(np.column_stack(logs)))
    return [1.0 if pair.compared is None else float(next(p)) for pair in pairs]


def _judge_pair(analysis: Analysis, condition: Condition, lost: dict[Cell, str], pair: Pair, p: float) -> Judged:
    why_not = unsound(analysis, condition, lost)
    metric = analysis.run.scenario.metric_of(condition)
    if why_not or pair.compared is None:
        return Judged(INVALID, why_not or f"{where(analysis, condition, metric)}: no block has measured both arms")
    ratio = pair.compared.ratio
    better, than = condition.sides
    said = f"{place(analysis, condition, metric)}: {better} is {numbers.ratio(ratio)} as good as {than}"
    if analysis.noise_floor(pair.compared.endpoint, pair.compared.level, metric) is None:
        said += " (no A/A control here)"
    if condition.by is not None:
        word, why = _side(analysis, condition, pair, p, condition.by.at_least)
        return Judged(word, f"{said}, claimed {condition.by}{why}")
    assert condition.equivalent_within is not None
    said = f"{said}, claimed equivalent within {numbers.margin(condition.equivalent_within)}"
    if _within(ratio, 1 + condition.equivalent_within):
        return Judged(SUPPORTED, said)
    word, why = _side(analysis, condition, pair, p, ratio.value < 1)
    return Judged(INCONCLUSIVE if word == SUPPORTED else word, said + why)


def _side(analysis: Analysis, condition: Condition, pair: Pair, p: float, at_least: bool) -> tuple[str, str]:
    """(word, what would decide it): on which side of the limit the factor is."""
    assert pair.compared is not None
    compared, limit = pair.compared, pair.limit
    ratio = compared.ratio
    if ratio.low is None or ratio.high is None:
        return INCONCLUSIVE, f"; a verdict takes {significance.FEWEST_BLOCKS} blocks"
    floor = analysis.noise_floor(compared.endpoint, compared.level, compared.metric) or 0.0
    apart = ratio.low > limit or ratio.high < limit
    if apart and abs(log(ratio.value / limit)) <= log(1 + floor):
        return INCONCLUSIVE, f"; within the A/A noise floor of {numbers.margin(floor)}"
    if apart and p <= compared.doubt:
        return (SUPPORTED if (ratio.value > limit) == at_least else REFUTED), ""
    needed = verdict.blocks_needed(compared.logs - log(limit), 0.0, compared.doubt / pair.family)
    return INCONCLUSIVE, f" {verdict.needed_in_words(needed)}"


def _flags(analysis: Analysis, condition: Condition, reasons: Sequence[Reason]) -> str:
    """What is flagged of its cells: the verdict stands, and whoever reads it should know."""
    cells = cells_of(analysis, condition)
    flagged = dict.fromkeys(reason.cell.arm for reason in reasons if reason.cell in cells and not reason.invalid)
    return f"; flagged, see its notes: {', '.join(flagged)}" if flagged else ""


def _within(ratio: Estimate, zone: float) -> bool:
    return ratio.low is not None and ratio.high is not None and 1 / zone <= ratio.low and ratio.high <= zone
