"""Is a cell's figure worth anything? Checks over stored data: each gives a reason with number, limit and advice.

INVALID cells take no part in comparisons and are drawn hollow. FLAGGED cells are shown with the flag. Every check
here has a test in which it fires.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

import pandas as pd

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.plan.slices import Cell
from harness.verdicts import validity
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
    upstream_late,
)
from harness.verdicts.server_checks import (
    above_cap,
    above_little,
    cut_short,
    dropped,
    failures,
    no_data,
    not_steady,
    off_little,
    overloaded,
    refused,
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


Check = Callable[[Analysis, Cell, pd.DataFrame], Iterator[str]]

_KNOWN: Final[WeakKeyDictionary[Analysis, list[Reason]]] = WeakKeyDictionary()
"""What was found of an analysis: every chart and every section asks again, and it takes longer than they do."""


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
            reasons += [
                Reason(cell, True, f"a part of {whole.endpoint}, which is INVALID: {text}") for text in lost[:1]
            ]
            flags = [reason.text for reason in reasons if reason.cell == whole and not reason.invalid]
            reasons += [] if lost else _found(OF_A_PART, True, analysis, cell, rows)
            reasons += [Reason(cell, False, f"{whole.endpoint} as a whole: {text}") for text in flags]
    return reasons


def _found(checks: Sequence[Check], invalid: bool, analysis: Analysis, cell: Cell, rows: pd.DataFrame) -> list[Reason]:
    return [Reason(cell, invalid, text) for one in checks for text in one(analysis, cell, rows)]


def sound(analysis: Analysis) -> tuple[Analysis, list[Reason]]:
    """The analysis without floors of INVALID controls or originals (no margin is made of them), and all reasons."""
    reasons = check(analysis)
    lost = invalid_cells(reasons)
    floors = [
        one
        for one in analysis.noise_floors
        if not {Cell(arm, one.endpoint, one.level) for arm in (one.arm, one.over)} & lost
    ]
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
    above_cap,
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
"""What can be wrong with one endpoint of a mix alone; the rest is asked of the mix."""

FLAGGING: Final[tuple[Check, ...]] = (
    overloaded,
    cut_short,
    not_steady,
    off_little,
    nearing_ceiling,
    upstream_late,
    others_busy,
    stolen,
)


def read(path: Path) -> tuple[Analysis, list[Reason]]:
    """The run in this folder, analysed, and what is wrong with its cells."""
    return validity.sound(analysis.analyse(frames.open_run(path)))
