"""What a person sees while a run goes on: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
import time
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.blocks import Rule
from harness.plan import Block, Slice
from harness.samples import Played


class PlainProgress:
    """One line per block start and per round of about a tenth of a block.

    `left`: how many of the run's blocks are to be measured, at most. `slices`: how many a block has; a search for
    capacity can only guess.
    """

    def __init__(self, blocks: int | Rule, left: int, slices: int, stream: TextIO | None = None) -> None:
        self._blocks, self._left_blocks, self._slices = blocks, left, slices
        self._stream = stream or sys.stdout
        self._started = time.monotonic()
        self._done = 0

    def block_started(self, block: Block) -> None:
        self._say(f"block {block.index + 1} of {self._blocks}: starting servers, then about {self._slices} slices")

    def slice_played(self, block: Block, slice_: Slice, played: Played | None) -> None:  # noqa: ARG002
        self._done += 1
        if self._done % max(1, self._slices // 10) == 0:
            total = max(self._left_blocks * self._slices, self._done)
            self._say(f"{self._done}/{total} slices, {self._left(total)} left; {describe(slice_, played)}")

    def _left(self, total: int) -> str:
        elapsed = time.monotonic() - self._started
        at_most = "at most " if isinstance(self._blocks, Rule) else ""
        return f"{at_most}{elapsed / self._done * (total - self._done):.0f} s"

    def _say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class BarProgress:
    """A rich progress bar; use it under `with`."""

    def __init__(self, blocks: int | Rule, left: int, slices: int, console: Console) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        self._bar = Progress(*columns, console=console, refresh_per_second=4)
        self._task = self._bar.add_task("starting", total=None)
        self._blocks, self._total = blocks, left * slices

    def __enter__(self) -> "BarProgress":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def block_started(self, block: Block) -> None:
        what = f"block {block.index + 1} of {self._blocks}: starting servers"
        self._bar.update(self._task, total=self._total, description=what)

    def slice_played(self, block: Block, slice_: Slice, played: Played | None) -> None:
        what = f"block {block.index + 1} of {self._blocks}: {describe(slice_, played)}"
        self._bar.update(self._task, advance=1, description=what)


def describe(slice_: Slice, played: Played | None) -> str:
    """The slice just played, in a few words."""
    cell = slice_.cell
    pushed = f"{cell.level:g}/s" if slice_.open else f"{cell.level} users"
    what = f"{cell.endpoint} @ {pushed} on {cell.arm}"
    if played is None:
        return f"{what}: skipped"
    failed = f", {played.failures} FAILED" if played.failures else ""
    dropped = f", {played.dropped} dropped" if played.dropped else ""
    return f"{what}: {played.requests} requests{failed}{dropped}"
