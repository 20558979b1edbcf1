"""The closing sentences of a report: who was faster than whom, on what, and which comparisons were lost."""

from collections.abc import Iterable, Sequence
from typing import Final

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.report import sections
from harness.scenario.claims import Claim
from harness.scenario.model import Comparison
from harness.verdicts import claim_conditions, claim_verdicts, validity, verdict
from harness.verdicts.claim_conditions import Judged
from harness.verdicts.validity import Reason

SIGNS: Final = {
    claim_conditions.SUPPORTED: "✔",
    claim_conditions.REFUTED: "✘",
    claim_conditions.INCONCLUSIVE: "~",
    claim_conditions.INVALID: "!",
}


def conclusion(analysis: Analysis, reasons: list[Reason]) -> list[str]:
    """What was found, in sentences: one per compared pair of arms, then what cannot be believed."""
    lost = validity.invalid_cells(reasons)
    lines = []
    for pair in analysis.run.scenario.pairs:
        found = [c for c in sections.valid_comparisons(analysis, lost) if (c.arm, c.over) == (pair.arm, pair.over)]
        lines.append(_sentence(analysis, pair.arm, pair.over, [c for c in found if c.metric is analysis.metrics[0]]))
    if lost:
        arms = ", ".join(sorted({cell.arm for cell in lost}))
        lines.append(f"{len(lost)} of {len(analysis.cells)} cells are INVALID and take no part in this ({arms}).")
    return lines


def lost_comparisons(analysis: Analysis, lost: set[Cell]) -> list[Comparison]:
    """The comparisons that the scenario asked for and that an INVALID cell on either side took away."""
    levels = dict.fromkeys((cell.endpoint, cell.level) for cell in analysis.cells)
    lost = lost - claim_verdicts.expected_to_fail(analysis)
    return [
        pair
        for pair in analysis.run.scenario.pairs
        for endpoint, level in levels
        if {Cell(pair.arm, endpoint, level), Cell(pair.over, endpoint, level)} & lost
    ]


def told(claim: Claim) -> str:
    """What is claimed, and what others have published of it."""
    return f"{claim.text} (published: {claim.published})" if claim.published else claim.text


def figures_of(all_of_them: Sequence[Judged], part: Judged) -> str:
    """A condition's reason, with its own word where a claim has several."""
    return f"{part.word}: {part.reason}" if len(all_of_them) > 1 else part.reason


def _sentence(analysis: Analysis, arm: str, over: str, compared: Iterable[Compared]) -> str:
    told = analysis.metrics[0]
    groups: dict[str, list[str]] = {told.better: [], told.worse: [], "equivalent": [], "inconclusive": []}
    for c in compared:
        found = verdict.of(c, analysis)
        word = found.word
        factor = (
            f" ({numbers.number(c.ratio.value)}×)" if word in (told.better, told.worse) else f" {found.note}".rstrip()
        )
        groups[word].append(f"{numbers.cell(analysis.mode, c.endpoint, c.level)}{factor}")
    said = "; ".join(f"{word} on {', '.join(cells)}" for word, cells in groups.items() if cells)
    if not said:
        return f"{arm} against {over}: no valid cell to compare."
    rooms = [analysis.run.scenario.arm(name).room for name in (arm, over)]
    unequal = "" if rooms[0] == rooms[1] else f" Unequal caps: {rooms[0]} against {rooms[1]}."
    return f"{arm} against {over}, by {told.title}: {said}.{unequal}"
