"""Data quality: checks over stored data, each with a reason that has figure, limit and advice.

INVALID cells are excluded from comparisons and drawn hollow. FLAGGED cells are shown with a warning. Every check
here has a test in which it fires.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.analysis.cell_blocks import CellBlocks
from harness.plan.slices import Cell
from harness.verdicts.environment_checks import (
    load_generator_busy,
    near_ceiling,
    nearing_ceiling,
    offered,
    others_busy,
    send_lag,
    stolen,
    swapping,
    ticker_late,
    uneven,
    upstream_late,
)
from harness.verdicts.server_checks import (
    above_concurrency_limit,
    above_little,
    cut_short,
    dropped,
    failures,
    no_data,
    not_in_every_block,
    not_steady,
    off_little,
    overloaded,
    refused,
    strange,
    too_early,
    too_few_threads,
    unaccounted,
    unseen,
    wrong_workers,
)


@dataclass(frozen=True)
class Reason:
    """Why a cell is INVALID, or FLAGGED."""

    cell: Cell
    invalid: bool
    text: str  # what was seen against what limit, and what to do


Check = Callable[[Analysis, Cell, CellBlocks], Iterator[str]]

_KNOWN: Final[WeakKeyDictionary[Analysis, list[Reason]]] = WeakKeyDictionary()
"""Results per analysis: every chart and section asks for them, and they are expensive."""


def check(analysis: Analysis) -> list[Reason]:
    """All reasons of all cells, in the scenario's order."""
    if analysis not in _KNOWN:
        _KNOWN[analysis] = _checked(analysis)
    return list(_KNOWN[analysis])


def _checked(analysis: Analysis) -> list[Reason]:
    reasons: list[Reason] = []
    for cell in analysis.cells:
        rows, whole = analysis.rows(cell), analysis.whole(cell)
        if whole == cell:
            reasons += _found(INVALIDATING, True, analysis, cell, rows) + _found(FLAGGING, False, analysis, cell, rows)
        else:
            lost = [reason.text for reason in reasons if reason.cell == whole and reason.invalid]
            reasons += [Reason(cell, True, f"part of {whole.endpoint}, which is INVALID: {text}") for text in lost[:1]]
            flags = [reason.text for reason in reasons if reason.cell == whole and not reason.invalid]
            reasons += [] if lost else _found(OF_A_PART, True, analysis, cell, rows)
            reasons += [Reason(cell, False, f"{whole.endpoint} overall: {text}") for text in flags]
    return reasons


def _found(checks: Sequence[Check], invalid: bool, analysis: Analysis, cell: Cell, rows: CellBlocks) -> list[Reason]:
    return [Reason(cell, invalid, text) for one in checks for text in one(analysis, cell, rows)]


def sound(analysis: Analysis) -> tuple[Analysis, list[Reason]]:
    """The analysis without noise floors of INVALID controls or originals, and all reasons."""
    reasons = check(analysis)
    lost = invalid_cells(reasons)
    floors = [
        one
        for one in analysis.noise_floors
        if not {Cell(arm, one.endpoint, one.level) for arm in (one.arm, one.over)} & lost
    ]
    if len(floors) == len(analysis.noise_floors):
        return analysis, reasons
    told = replace(analysis, noise_floors=floors)
    _KNOWN[told] = reasons  # no check asks for a floor
    return told, reasons


def invalid_cells(reasons: list[Reason]) -> set[Cell]:
    """The cells that must not be compared."""
    return {reason.cell for reason in reasons if reason.invalid}


INVALIDATING: Final[tuple[Check, ...]] = (
    refused,
    failures,
    no_data,
    dropped,
    too_early,
    above_little,
    above_concurrency_limit,
    too_few_threads,
    unaccounted,
    unseen,
    wrong_workers,
    offered,
    send_lag,
    ticker_late,
    load_generator_busy,
    near_ceiling,
    swapping,
)

OF_A_PART: Final[tuple[Check, ...]] = (failures, no_data, too_early)
"""Checks of one endpoint of a mix; all others are made on the whole mix."""

FLAGGING: Final[tuple[Check, ...]] = (
    not_in_every_block,
    strange,
    overloaded,
    cut_short,
    not_steady,
    off_little,
    nearing_ceiling,
    uneven,
    upstream_late,
    others_busy,
    stolen,
)


def read(path: Path) -> tuple[Analysis, list[Reason]]:
    """The run in this folder, analysed, and the reasons why cells are INVALID or FLAGGED."""
    return sound(analysis.analyse(frames.open_run(path)))
