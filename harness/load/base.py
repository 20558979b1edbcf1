"""The seam between the loop and whatever generates load: prepare one slice, play it, hand over its raw requests."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from harness.plan.slices import Slice
from harness.samples import Played
from harness.scenario.model import Load as LoadSettings

Address = tuple[str, int]


class Playing(Protocol):
    """A load generator, ready to play slices."""

    @property
    def pids(self) -> list[int]:
        """The load generator's processes."""

    def prepare(self, slice_: Slice, address: Address) -> None:
        """Get ready for this slice: choose users, open connections."""

    def play(self, tick: Callable[[], None]) -> Played:
        """Drive the slice that was prepared; `tick` is called about every TICK_S meanwhile."""

    def requests(self) -> bytes:
        """All raw rows so far, int64 rows of samples.COLUMNS; call it after the last slice."""


class Load(Protocol):
    """What makes the load."""

    @contextmanager
    def playing(
        self, settings: LoadSettings, bodies: Mapping[str, bytes], folder: Path, cores: tuple[int, ...] | None
    ) -> Iterator[Playing]:
        """A load generator for one block. `bodies`: endpoint label → the correct answer."""
