"""The conclusion of a report: verdicts per pair of arms, and invalid comparisons."""

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
    """One sentence per compared pair of arms, then the number of INVALID cells."""
    lost = validity.invalid_cells(reasons)
    lines = []
    for pair in analysis.run.scenario.pairs:
        found = [c for c in sections.valid_comparisons(analysis, lost) if (c.arm, c.over) == (pair.arm, pair.over)]
        lines.append(_sentence(analysis, pair.arm, pair.over, [c for c in found if c.metric is analysis.metrics[0]]))
    if lost:
        arms = ", ".join(sorted({cell.arm for cell in lost}))
        lines.append(f"Excluded: {len(lost)} of {len(analysis.cells)} cells are INVALID ({arms}).")
    return lines


def lost_comparisons(analysis: Analysis, lost: set[Cell]) -> list[Comparison]:
    """Requested comparisons that are invalid because of an INVALID cell on either side."""
    levels = dict.fromkeys((cell.endpoint, cell.level) for cell in analysis.cells)
    lost = lost - claim_verdicts.expected_to_fail(analysis)
    return [
        pair
        for pair in analysis.run.scenario.pairs
        for endpoint, level in levels
        if {Cell(pair.arm, endpoint, level), Cell(pair.over, endpoint, level)} & lost
    ]


def told(claim: Claim) -> str:
    """The claim, with published figures."""
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
        return f"{arm} vs {over}: no valid cell to compare."
    limits = [analysis.run.scenario.arm(name).concurrency for name in (arm, over)]
    unequal = "" if limits[0] == limits[1] else f" Concurrency differs: {limits[0]} vs {limits[1]}."
    return f"{arm} vs {over}, {told.title}: {said}.{unequal}"
