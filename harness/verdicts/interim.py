"""Interim results between two blocks: types only, so that displays need not load pandas."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.plan.slices import Level

INVALID: Final = "invalid"


@dataclass(frozen=True)
class Standing:
    """One comparison by the run's first metric, as the finished blocks have it."""

    arm: str
    over: str
    endpoint: str
    level: Level
    ratio: float | None  # None: nothing valid to compare
    low: float | None  # of the 95 % interval; None: too few blocks for one
    high: float | None
    blocks: int
    word: str  # a verdict, or INVALID
    note: str = ""  # what would decide it, or why it is INVALID
    blocks_needed: int | None = None  # that would about decide it; None: decided, or no number of blocks would


@dataclass(frozen=True)
class SoFar:
    """All comparisons of a run by its first metric, after so many blocks; the first pair's first."""

    metric: str
    blocks: int
    standings: Sequence[Standing]


Ask = Callable[[Path], SoFar]
"""Interim results of the run in this folder; passed in, because displays may not import analysis."""
