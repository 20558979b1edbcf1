"""Verdicts on claims: supported, refuted, inconclusive or invalid, each with its figures and a reason. Pure.

A claim is supported by an interval that lies wholly on its side of the limit, refuted by one that lies wholly on the other, and
otherwise inconclusive. Where two arms are compared, the moderated t against that limit has to agree, corrected for all such
conditions of the scenario.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from harness.analysis import arm_comparison
from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared, Logs
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.metrics import Metric
from harness.scenario.claims import PAIRED, Claim, Condition
from harness.statistics.estimate import Estimate
from harness.statistics.variance_prior import UNKNOWN
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
    """A claim and its verdict."""

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
    """Cells that a claim expects to raise: INVALID is their expected result, and loses no comparison."""
    scenario = analysis.run.scenario
    return {
        Cell(str(one.arm), str(one.endpoint), scenario.level_of(one))
        for told in scenario.claims
        for one in told.conditions
        if one.raises is not None
    }


def _judge_all(analysis: Analysis, conditions: Sequence[Condition], lost: dict[Cell, str]) -> list[Judged]:
    paired = [_compared(analysis, one) for one in conditions if one.kinds[0] in PAIRED]
    explained = mechanism.read(analysis.run.path) if any(one.instrumented for one in conditions) else None
    judged, pairs = [], iter(_against_limits(paired))
    for one in conditions:
        if one.kinds[0] in PAIRED:
            judged.append(_judge_pair(analysis, one, lost, next(pairs)))
        elif one.raises is not None:
            judged.append(claim_conditions.raises(analysis, one))
        elif one.instrumented:
            judged.append(claim_conditions.counted(analysis, one, explained))
        else:
            judged.append(claim_conditions.limited(analysis, one, lost))
    return judged


@dataclass(frozen=True)
class Pair:
    """By which factor the first of two arms is better, against a limit."""

    compared: Compared | None  # None: there is no block that has both
    limit: float  # a factor


def _compared(analysis: Analysis, condition: Condition) -> Pair:
    """The improvement factor of `better` over `than`: the ratio, turned round where less is better."""
    scenario = analysis.run.scenario
    metric, level = scenario.metric_of(condition), scenario.level_of(condition)
    rows, endpoint = side_by_side(analysis.per_block, condition), str(condition.endpoint)
    pair = (BETTER, THAN) if metric.higher_is_better else (THAN, BETTER)
    found = list(arm_comparison.log_ratios(rows, [(endpoint, level)], [pair], [metric]))
    prior = analysis.priors.get(metric, UNKNOWN)
    if not found:
        return Pair(None, _limit(condition, None))
    compared = arm_comparison.under(prior, _with_duets(analysis, condition, found[0]), analysis.doubt)
    return Pair(compared, _limit(condition, compared))


def _with_duets(analysis: Analysis, condition: Condition, one: Logs) -> Logs:
    """The same comparison, by the duets of its arms where a comparison of the run has some, whichever way round."""
    asked = dict(zip((BETTER, THAN), condition.asked, strict=True))
    (arm, endpoint), (over, other) = (asked[side] for side in one.key[:2])
    told, turned = (analysis.duets.get((*arms, endpoint, one.key[3])) for arms in ((arm, over), (over, arm)))
    told = told or (turned.inverse if turned else None)
    return one if told is None or endpoint != other else arm_comparison.with_duets(one, {one.key[:-1]: told})


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


def _against_limits(pairs: Sequence[Pair]) -> list[Pair]:
    """The same with the p of each true factor being its limit, corrected for all that can be judged."""
    family = [
        replace(pair.compared, p=pair.compared.model.p(pair.limit))
        for pair in pairs
        if pair.compared is not None and pair.compared.model is not None
    ]
    judged = iter(arm_comparison.corrected(family))
    return [replace(one, compared=next(judged)) if one.compared and one.compared.model else one for one in pairs]


def _judge_pair(analysis: Analysis, condition: Condition, lost: dict[Cell, str], pair: Pair) -> Judged:
    why_not = unsound(analysis, condition, lost)
    metric = analysis.run.scenario.metric_of(condition)
    if why_not or pair.compared is None:
        return Judged(INVALID, why_not or f"{where(analysis, condition, metric)}: no block with both arms")
    ratio = pair.compared.ratio
    better, than = condition.sides
    said = f"{place(analysis, condition, metric)}: {better} {_times(ratio, metric)} than {than}"
    if analysis.noise_floor(pair.compared.endpoint, pair.compared.level, metric) is None:
        said += " (no A/A control here)"
    if condition.by is not None:
        word, why = _side(analysis, pair, condition.by.at_least)
        return Judged(word, f"{said}, claimed {condition.by} better{why}")
    assert condition.equivalent_within is not None
    said = f"{said}, claimed equivalent within {numbers.margin(condition.equivalent_within)}"
    if _within(ratio, 1 + condition.equivalent_within):
        return Judged(SUPPORTED, said)
    word, why = _side(analysis, pair, ratio.value < 1)
    return Judged(INCONCLUSIVE if word == SUPPORTED else word, said + why)


def _times(better_by: Estimate, metric: Metric) -> str:
    """The improvement factor as `6.8× [5.1, 9.2] higher` or `lower`: what the metric itself does, never below 1."""
    higher = (better_by.value >= 1) == metric.higher_is_better
    return (
        f"{numbers.ratio(better_by if better_by.value >= 1 else better_by.inverse)} {'higher' if higher else 'lower'}"
    )


def _side(analysis: Analysis, pair: Pair, at_least: bool) -> tuple[str, str]:
    """(verdict word, what would decide it): on which side of the limit the factor is."""
    compared, limit = pair.compared, pair.limit
    assert compared is not None
    if compared.model is None:
        return INCONCLUSIVE, f"; {verdict.unavailable(compared, analysis)}"
    if compared.p <= compared.doubt:
        return (SUPPORTED if (compared.ratio.value > limit) == at_least else REFUTED), ""
    needed = compared.model.blocks_until_apart(limit, analysis.doubt_later / compared.factor)
    more = None if needed is None else needed - compared.model.n
    return INCONCLUSIVE, f" {verdict.needed_in_words(more, verdict.block_s(analysis))}"


def _flags(analysis: Analysis, condition: Condition, reasons: Sequence[Reason]) -> str:
    """Warnings on its cells: the verdict stands, and the reader is told."""
    cells = cells_of(analysis, condition)
    flagged = dict.fromkeys(reason.cell.arm for reason in reasons if reason.cell in cells and not reason.invalid)
    return f"; warnings on {', '.join(flagged)}, see the notes" if flagged else ""


def _within(ratio: Estimate, zone: float) -> bool:
    return ratio.low is not None and ratio.high is not None and 1 / zone <= ratio.low and ratio.high <= zone
