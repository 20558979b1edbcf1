"""What became of the claims: supported, refuted, undecided or invalid, each with its numbers and a sentence of reason. Pure.

A claim is supported by an interval that lies wholly on its side of the limit, refuted by one that lies wholly on the other, and
otherwise undecided. Where two arms are compared, a sign-flip test against that limit has to agree, corrected for all such
conditions of the scenario, and the estimate has to be further from it than the A/A floor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
import pandas as pd

from harness import claim, comparison, figures, mechanism, significance, verdict
from harness.analysis import Analysis
from harness.checks import FAILURES_MOST, Reason
from harness.claim import PAIRED, Claim, Condition, Quantity
from harness.comparison import Compared
from harness.intervals import Estimate
from harness.mechanism import Explained
from harness.metrics import Metric
from harness.plan import Cell

BETTER, THAN = "better", "than"
SUPPORTED, REFUTED, UNDECIDED, INVALID = "supported", "refuted", "undecided", "invalid"
COUNTED_OFF: Final = 0.02
"""Per request: a request under way when its slice began or ended is counted in part."""
WORST_FIRST: Final = (REFUTED, INVALID, UNDECIDED, SUPPORTED)
"""Joined conditions: one that is refuted refutes the claim, whatever the others are."""


@dataclass(frozen=True)
class Judged:
    """One condition, or a whole claim."""

    word: str
    reason: str


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
        Cell(str(one.arm), str(one.endpoint), one.level_in(scenario))
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
            judged.append(_judge_raises(analysis, one))
        elif one.probed:
            judged.append(_judge_probed(analysis, one, explained))
        else:
            judged.append(_judge_promise(analysis, one, lost))
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
    metric, level = claim.metric_of(condition, scenario), condition.level_in(scenario)
    rows, endpoint = side_by_side(analysis.per_block, condition), str(condition.endpoint)
    pair = (BETTER, THAN) if metric.higher_is_better else (THAN, BETTER)
    found = comparison.compare(rows, [(endpoint, level)], [pair], [metric], analysis.doubt)
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
    unsound = _unsound(analysis, condition, lost)
    metric = claim.metric_of(condition, analysis.run.scenario)
    if unsound or pair.compared is None:
        return Judged(INVALID, unsound or f"{_where(analysis, condition, metric)}: no block has measured both arms")
    ratio = pair.compared.ratio
    better, than = condition.sides
    said = f"{_place(analysis, condition, metric)}: {better} is {figures.ratio(ratio)} as good as {than}"
    if analysis.floor(pair.compared.endpoint, pair.compared.level, metric) is None:
        said += " (no A/A control here)"
    if condition.by is not None:
        word, why = _side(analysis, condition, pair, p, condition.by.at_least)
        return Judged(word, f"{said}, claimed {condition.by}{why}")
    assert condition.equivalent_within is not None
    said = f"{said}, claimed equivalent within {figures.margin(condition.equivalent_within)}"
    if _within(ratio, 1 + condition.equivalent_within):
        return Judged(SUPPORTED, said)
    word, why = _side(analysis, condition, pair, p, ratio.value < 1)
    return Judged(UNDECIDED if word == SUPPORTED else word, said + why)


def _side(analysis: Analysis, condition: Condition, pair: Pair, p: float, at_least: bool) -> tuple[str, str]:
    """(word, what would decide it): on which side of the limit the factor is."""
    assert pair.compared is not None
    compared, limit = pair.compared, pair.limit
    ratio = compared.ratio
    if ratio.low is None or ratio.high is None:
        return UNDECIDED, f"; a verdict takes {significance.FEWEST_BLOCKS} blocks"
    floor = analysis.floor(compared.endpoint, compared.level, compared.metric) or 0.0
    apart = ratio.low > limit or ratio.high < limit
    if apart and abs(log(ratio.value / limit)) <= log(1 + floor):
        return UNDECIDED, f"; within the A/A floor of {figures.margin(floor)}"
    if apart and p <= compared.doubt:
        return (SUPPORTED if (ratio.value > limit) == at_least else REFUTED), ""
    needed = verdict.blocks_needed(compared.logs - log(limit), 0.0, compared.doubt / pair.family)
    return UNDECIDED, f" {verdict.needed_in_words(needed)}"


def _judge_promise(analysis: Analysis, condition: Condition, lost: dict[Cell, str]) -> Judged:
    """A limit for one cell: its interval has to lie on the promised side."""
    unsound = _unsound(analysis, condition, lost)
    metric = claim.metric_of(condition, analysis.run.scenario)
    found = None if unsound else analysis.estimate(_cells(analysis, condition)[0], metric)
    where = _where(analysis, condition, metric)
    if unsound:
        return Judged(INVALID, unsound)
    if found is None:
        return Judged(UNDECIDED, f"{where}: too few samples for {metric.title}")
    limit, upper = condition.at_most or condition.at_least, condition.at_most is not None
    assert limit is not None
    said = f"{where}: {figures.estimate(found)}{_unit(metric)}, claimed {'at most' if upper else 'at least'} {limit}"
    return _against(found, limit, upper, said)


def _against(found: Estimate, limit: Quantity, upper: bool, said: str) -> Judged:
    if found.low is None or found.high is None:
        return Judged(
            UNDECIDED, f"{said}; an interval takes {significance.FEWEST_BLOCKS} blocks with enough samples each"
        )
    if found.high <= limit.value if upper else found.low >= limit.value:
        return Judged(SUPPORTED, said)
    if found.low > limit.value if upper else found.high < limit.value:
        return Judged(REFUTED, said)
    return Judged(UNDECIDED, f"{said}; the interval has the limit in it")


def _judge_probed(analysis: Analysis, condition: Condition, explained: Explained | None) -> Judged:
    """A count of the explaining pass. It has no interval: what is counted per request is the same in every block."""
    metric, cell = claim.metric_of(condition, analysis.run.scenario), _cells(analysis, condition)[0]
    where, limit = _where(analysis, condition, metric), condition.at_most or condition.at_least
    assert limit is not None
    if explained is None:
        return Judged(UNDECIDED, f"{where}: not counted; `bench explain {analysis.run.path}` counts it")
    if cell not in explained.cells:
        return Judged(INVALID, f"{where}: not explained: {explained.unexplained.get(cell, 'not asked for')}")
    value = getattr(explained.cells[cell], metric.column)
    if value is None:
        return Judged(INVALID, f"{where}: there is none")
    kept = value <= limit.value + COUNTED_OFF if condition.at_most else value >= limit.value - COUNTED_OFF
    said = f"{where}: {figures.number(value)}{_unit(metric)}, claimed {'at most' if condition.at_most else 'at least'} {limit}"
    return Judged(SUPPORTED if kept else REFUTED, said)


def _judge_raises(analysis: Analysis, condition: Condition) -> Judged:
    """An arm that cannot serve this endpoint, with the exception that its own log names."""
    cell = _cells(analysis, condition)[0]
    where, failed = f"{cell.endpoint} on {cell.arm}", analysis.refusal(cell) or _failed_under_load(analysis, cell)
    if failed is None:
        return Judged(REFUTED, f"{where}: answers as it should")
    cause = analysis.causes.get(cell.arm, "nothing")
    named = cause.partition(":")[0].rpartition(".")[2] == condition.raises
    return Judged(SUPPORTED if named else REFUTED, f"{where}: {failed}; its log says: {cause}")


def _failed_under_load(analysis: Analysis, cell: Cell) -> str | None:
    """How many of its requests failed; None if they are few enough for a valid cell."""
    rows = analysis.rows(cell)
    requests, failures = int(rows.requests.sum()), int(rows.failures.sum())
    if failures <= FAILURES_MOST * requests:
        return None
    return f"{figures.percent(failures / requests)} of {figures.count(requests)} requests failed"


def _unsound(analysis: Analysis, condition: Condition, lost: dict[Cell, str]) -> str | None:
    """Why one of its cells cannot be used, if so."""
    for cell in _cells(analysis, condition):
        name = f"{cell.arm} on {figures.pushed(analysis.mode, cell.endpoint, cell.level)}"
        if cell in lost:
            return f"{name} is INVALID: {lost[cell]}"
        if not len(analysis.rows(cell)):
            return f"{name} was not measured"
    return None


def _flags(analysis: Analysis, condition: Condition, reasons: Sequence[Reason]) -> str:
    """What is flagged of its cells: the verdict stands, and whoever reads it should know."""
    cells = _cells(analysis, condition)
    flagged = dict.fromkeys(reason.cell.arm for reason in reasons if reason.cell in cells and not reason.invalid)
    return f"; flagged, see its notes: {', '.join(flagged)}" if flagged else ""


def _cells(analysis: Analysis, condition: Condition) -> list[Cell]:
    level = condition.level_in(analysis.run.scenario)
    return [Cell(arm, endpoint, level) for arm, endpoint in condition.asked]


def _where(analysis: Analysis, condition: Condition, metric: Metric) -> str:
    return f"{_place(analysis, condition, metric)}, {' over '.join(condition.sides)}"


def _place(analysis: Analysis, condition: Condition, metric: Metric) -> str:
    level = condition.level_in(analysis.run.scenario)
    return f"{metric.title} of {figures.pushed(analysis.mode, str(condition.endpoint), level)}"


def _unit(metric: Metric) -> str:
    return f" {metric.unit}" if metric.unit else ""


def _within(ratio: Estimate, zone: float) -> bool:
    return ratio.low is not None and ratio.high is not None and 1 / zone <= ratio.low and ratio.high <= zone
