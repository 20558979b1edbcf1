"""Progress as plain lines, without a terminal or with --plain."""

import sys
import time
from typing import TextIO

from harness.display import phrases
from harness.measure.progress import Opening
from harness.plan.slices import Block, Slice
from harness.samples import Played
from harness.scenario.blocks import Rule
from harness.verdicts.interim import Ask, SoFar


class PlainProgress:
    """A line per block start and per tenth of a block; after each block, a line per comparison as it stands."""

    def __init__(self, opening: Opening, ask: Ask, stream: TextIO | None = None) -> None:
        self._opening, self._ask = opening, ask
        self._stream = stream or sys.stdout
        self._started = time.monotonic()
        self._done = 0

    def block_started(self, block: Block) -> None:
        number = f"block {block.index + 1} of {self._opening.scenario.blocks}"
        self._say(f"{number}: starting servers, then about {self._opening.slices} slices")

    def slice_started(self, block: Block, slice_: Slice) -> None: ...

    def slice_played(self, block: Block, slice_: Slice, played: Played | None, load_busy: float | None) -> None:  # noqa: ARG002
        self._done += 1
        if self._done % max(1, self._opening.slices // 10) == 0:
            total = max(self._opening.left * self._opening.slices, self._done)
            told = phrases.played(self._mode, slice_, played)
            self._say(f"{self._done}{self._of(total)} slices, {self._left(total)} left; {told}")

    def block_finished(self, block: Block) -> None:  # noqa: ARG002
        for line in lines(self._mode, self._ask(self._opening.folder)):
            self._say(line)

    @property
    def _mode(self) -> str:
        return str(self._opening.scenario.load.mode)

    def _of(self, total: int) -> str:
        """Nothing where the run was given a time: how many there will be is what the time is for."""
        scenario = self._opening.scenario
        return "" if scenario.time is not None else f"/{'about ' if scenario.adaptive else ''}{total}"

    def _left(self, total: int) -> str:
        elapsed = time.monotonic() - self._started
        if self._opening.scenario.time is not None:
            return f"{max(0.0, self._opening.expected_s - elapsed):.0f} s"
        at_most = "at most " if isinstance(self._opening.scenario.blocks, Rule) else ""
        return f"{at_most}{elapsed / self._done * (total - self._done):.0f} s"

    def _say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


MOST_LINES = 6


def lines(mode: str, so_far: SoFar) -> list[str]:
    """The comparisons as they stand, the first pair's first; no more than a few."""
    if not so_far.standings:
        return []
    told = [f"  {phrases.standing(mode, one)}" for one in so_far.standings[:MOST_LINES]]
    more = len(so_far.standings) - MOST_LINES
    return [f"{phrases.title(so_far)}:", *told, *([f"  … and {more} more"] if more > 0 else [])]
