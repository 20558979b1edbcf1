"""How far the figures of a run can be trusted: a grade from A to D, which is that of its worst part. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.metrics import CPU
from harness.verdicts import claim_verdicts, validity
from harness.verdicts.server_checks import NOT_STEADY
from harness.verdicts.validity import Reason

GRADES: Final = "ABCD"

UNSTEADY_MOST: Final = (0.0, 0.10, 0.25)
"""Share of cells that were not at steady state, up to which a run is graded A, B, C."""

CALIBRATION_MOST: Final = (0.0, 0.25, 0.50)
"""Share of calibration lines that failed, likewise."""

STEAL_MOST: Final = (0.01, 0.05, 0.15)

OTHERS_MOST: Final = (0.05, 0.10, 0.30)

SPEED_MOST: Final = (0.05, 0.15, 0.40)
"""Standard deviation over blocks of what a request costs in one cell, as a fraction: median over cells."""


@dataclass(frozen=True)
class Part:
    """One thing that was looked at: `steady 40/42`."""

    text: str
    grade: str


@dataclass(frozen=True)
class Quality:
    """The grade of a run, and what it is made of."""

    parts: Sequence[Part]

    @property
    def grade(self) -> str:
        return max((part.grade for part in self.parts), default="A")

    @property
    def line(self) -> str:
        """`data quality: B   calibration 7/7 · steady 40/42 (B) · …`: what lowers it shows its own grade."""
        parts = [part.text + (f" ({part.grade})" if part.grade != "A" else "") for part in self.parts]
        return f"data quality: {self.grade}   {' · '.join(parts)}"


def of(analysis: Analysis, reasons: Sequence[Reason]) -> Quality:
    """The quality of a run, from what its checks found."""
    return Quality(
        [
            *_valid(analysis, reasons),
            *_calibration(analysis),
            *_steady(analysis, reasons),
            *_repeated(analysis),
            *_duets(analysis),
            *_machine(analysis),
            *_core(analysis),
        ]
    )


def _graded(share: float, most: Sequence[float]) -> str:
    return GRADES[sum(share > one for one in most)]


def _measured(analysis: Analysis) -> list[Cell]:
    """The cells that were loaded; of a mix the whole."""
    return [cell for cell in analysis.cells if len(analysis.rows(cell)) and analysis.whole(cell) == cell]


def _valid(analysis: Analysis, reasons: Sequence[Reason]) -> Iterator[Part]:
    """Told where a cell is INVALID that nobody expected to be."""
    lost = validity.invalid_cells(list(reasons)) - claim_verdicts.expected_to_fail(analysis)
    if lost:
        yield Part(
            f"{len(lost)} of {len(analysis.cells)} cells INVALID", "C" if 2 * len(lost) <= len(analysis.cells) else "D"
        )


def _calibration(analysis: Analysis) -> Iterator[Part]:
    lines = analysis.run.head["calibration"].get("lines", [])
    judged = [line["passed"] for line in lines if line["passed"] is not None]
    if judged:
        passed = sum(judged)
        yield Part(f"calibration {passed}/{len(judged)}", _graded(1 - passed / len(judged), CALIBRATION_MOST))


def _steady(analysis: Analysis, reasons: Sequence[Reason]) -> Iterator[Part]:
    cells = _measured(analysis)
    moving = {reason.cell for reason in reasons if reason.text.startswith(NOT_STEADY)} & set(cells)
    if cells:
        yield Part(f"steady {len(cells) - len(moving)}/{len(cells)}", _graded(len(moving) / len(cells), UNSTEADY_MOST))


def _repeated(analysis: Analysis) -> Iterator[Part]:
    """The A/A pairs: the same arm twice should not differ."""
    pairs = [one for one in analysis.noise_floors if one.metric is analysis.metrics[0] and one.model is not None]
    if pairs:
        differ = len(analysis.uneven)
        yield Part(f"A/A within noise {len(pairs) - differ}/{len(pairs)}", "C" if differ else "A")


def _duets(analysis: Analysis) -> Iterator[Part]:
    """Comparisons of arms that were loaded side by side: whether that stands for them one after the other."""
    primary = [one for one in analysis.compared if one.metric is analysis.metrics[0] and one.duets is not None]
    pairs = [one for one in primary if one.duets is not None and not one.duets.few]
    if pairs:
        standing = sum(one.by_duets for one in pairs)
        yield Part(f"duets {standing}/{len(pairs)}", "A" if standing == len(pairs) else "B")


def _machine(analysis: Analysis) -> Iterator[Part]:
    """What else ran."""
    for name, column, most in (("steal", "steal", STEAL_MOST), ("other processes", "others", OTHERS_MOST)):
        share = analysis.per_block[column].astype(float).median()
        if share == share:
            yield Part(f"{name} {numbers.percent(round(share, 4))}", _graded(share, most))


def _core(analysis: Analysis) -> Iterator[Part]:
    """How evenly the servers' core ran: by what the same request cost from block to block."""
    spreads = [
        float(np.std(np.log(known), ddof=1))
        for known in (analysis.rows(cell).known(CPU.column) for cell in _measured(analysis))
        if len(known) > 1 and (known > 0).all()
    ]
    if spreads:
        spread = float(np.median(spreads))
        yield Part(f"core speed {numbers.margin(spread)}", _graded(spread, SPEED_MOST))
