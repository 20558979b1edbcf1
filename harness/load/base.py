"""The interface between the measuring loop and a load generator: prepare one slice, play it, return its raw requests."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns
from typing import Final, Protocol

from harness.plan.slices import Slice
from harness.samples import Page, Played
from harness.scenario.model import Load as LoadSettings

Address = tuple[str, int]

Headers = Sequence[tuple[str, str]]

LEAD_NS: Final = 3_000_000  # from the decision to start to the start, so that every load generator knows of it in time


@dataclass(frozen=True)
class Asked:
    """What requests and answers have in common, whatever the slice."""

    pages: Mapping[str, Page]  # endpoint label → what a correct answer is
    host: str  # under which every arm is asked
    headers: Mapping[str, Mapping[str, Headers]] = field(default_factory=dict)  # arm → label → what no scenario names


class Playing(Protocol):
    """A load generator, ready to play slices."""

    @property
    def pids(self) -> list[int]:
        """The load generator's processes."""

    def prepare(self, slice_: Slice, address: Address) -> None:
        """Get ready for this slice: choose users, open connections."""

    def start(self, at_ns: int) -> None:
        """Drive the slice that was prepared, from this moment on (perf_counter_ns)."""

    def finish(self, tick: Callable[[], None]) -> Played:
        """Wait for its end; `tick` is called about every TICK_S meanwhile."""

    def requests(self) -> bytes:
        """All raw rows so far, int64 rows of samples.COLUMNS; call it after the last slice."""

    def answers(self) -> dict[tuple[int, int], bytes]:
        """Of pages whose answers differ, one of each slice: (slice, place of its call) → body; call it after the last slice."""


class Load(Protocol):
    """A kind of load generator."""

    @contextmanager
    def playing(
        self, settings: LoadSettings, asked: Asked, folder: Path, cores: tuple[int, ...] | None
    ) -> Iterator[Playing]:
        """A load generator for one block."""


def play(playing: Sequence[Playing], tick: Callable[[], None] = lambda: None) -> list[Played]:
    """Drive what was prepared, on all of these from the same moment on."""
    at_ns = perf_counter_ns() + LEAD_NS
    for one in playing:
        one.start(at_ns)
    return [one.finish(tick) for one in playing]
