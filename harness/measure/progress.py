"""What a run tells those who watch it, and what they may ask of it. The seam between the only loop and every display.

The loop calls a Progress at its turns; a display, plain lines or events are made of these calls. Nothing is called while a
slice is played, so that whoever watches costs the measurement nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.plan.slices import Block, Slice
from harness.samples import Played
from harness.scenario.model import Scenario


@dataclass(frozen=True)
class Opening:
    """A run as its blocks are about to be measured."""

    scenario: Scenario
    folder: Path
    left: int  # blocks to measure, at most
    slices: int  # of a block; a search for capacity can only guess
    expected_s: float  # for what is left
    load_cores: int = 1  # that the load generator can use
    calibration: Sequence[dict[str, Any]] = ()  # calibrate.Line, as stored


class Progress(Protocol):
    """Told by the loop, between slices and between blocks."""

    def block_started(self, block: Block) -> None: ...

    def slice_started(self, block: Block, slice_: Slice) -> None: ...

    def slice_played(self, block: Block, slice_: Slice, played: Played | None, load_busy: float | None) -> None:
        """`played` None: the cell was refused. `load_busy`: CPU of the load generators' processes, in cores."""

    def block_finished(self, block: Block) -> None:
        """It is part of the run folder; nothing is running."""


Show = Callable[[Opening], AbstractContextManager[Progress]]
"""How a run is watched, from before its first block to after its last, or to the error that ends it."""
