"""What a run tells those who watch it, and what they may ask of it. The seam between the only loop and every display.

The loop calls a Progress at its turns; a display, plain lines or events are made of these calls. Nothing is called while a
slice is played, so that whoever watches costs the measurement nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from harness.plan import Block, Level, Slice
from harness.samples import Played
from harness.scenario import Scenario

INVALID: Final = "invalid"


@dataclass(frozen=True)
class Opening:
    """A run as its blocks are about to be measured."""

    scenario: Scenario
    folder: Path
    left: int  # blocks to measure, at most
    slices: int  # of a block; a search for capacity can only guess
    expected_s: float  # for what is left
    load_cores: int = 1  # that the load maker can use
    calibration: Sequence[dict[str, Any]] = ()  # calibrate.Line, as stored


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


class Progress(Protocol):
    """Told by the loop, between slices and between blocks."""

    def block_started(self, block: Block) -> None: ...

    def slice_started(self, block: Block, slice_: Slice) -> None: ...

    def slice_played(self, block: Block, slice_: Slice, played: Played | None, load_busy: float | None) -> None:
        """`played` None: the cell was refused. `load_busy`: CPU of the load makers' processes, in cores."""

    def block_finished(self, block: Block) -> None:
        """It is part of the run folder; nothing is running."""


Show = Callable[[Opening], AbstractContextManager[Progress]]
"""How a run is watched, from before its first block to after its last, or to the error that ends it."""
Ask = Callable[[Path], SoFar]
"""What the upper half may not know: how the comparisons of the run in this folder stand."""
