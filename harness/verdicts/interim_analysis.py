"""Interim results: a run folder in, its comparisons by the first metric after the finished blocks out. Pure.

Used by displays between two blocks; the verdicts are those of the report.
"""

from pathlib import Path

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.plan.slices import Cell, Level
from harness.registry import metrics
from harness.scenario.model import Comparison
from harness.verdicts import validity, verdict
from harness.verdicts.interim import INVALID, SoFar, Standing
from harness.verdicts.validity import Reason


def so_far(path: Path) -> SoFar:
    """Every comparison that the scenario asks for, the first pair's first."""
    analysed, reasons = validity.sound(analysis.analyse(frames.open_run(path)))
    return of(analysed, reasons)


def of(analysed: Analysis, reasons: list[Reason]) -> SoFar:
    """The same of an analysed run."""
    why = {reason.cell: reason.text for reason in reversed(reasons) if reason.invalid}
    compared = {
        (c.arm, c.over, c.endpoint, c.level): c for c in analysed.compared if c.metric is metrics.of(analysed.mode)[0]
    }
    places = dict.fromkeys((cell.endpoint, cell.level) for cell in analysed.cells)
    told = [
        _standing(analysed, pair, place, why, compared.get((pair.arm, pair.over, *place)))
        for pair in analysed.run.scenario.pairs
        for place in places
    ]
    return SoFar(metrics.of(analysed.mode)[0].title, analysed.blocks, [one for one in told if one is not None])


def _standing(
    analysed: Analysis, pair: Comparison, place: tuple[str, Level], why: dict[Cell, str], compared: Compared | None
) -> Standing | None:
    """None where one of the arms is not asked for this endpoint, or nothing was measured."""
    lost = [why[cell] for cell in (Cell(pair.arm, *place), Cell(pair.over, *place)) if cell in why]
    if lost and {Cell(pair.arm, *place), Cell(pair.over, *place)} <= set(analysed.cells):
        return Standing(pair.arm, pair.over, *place, None, None, None, analysed.blocks, INVALID, lost[0])
    if compared is None:
        return None
    ratio, found = compared.ratio, verdict.of(compared, analysed)
    return Standing(
        pair.arm,
        pair.over,
        *place,
        ratio.value,
        ratio.low,
        ratio.high,
        ratio.n,
        found.word,
        found.note,
        verdict.needed(compared, analysed),
    )
