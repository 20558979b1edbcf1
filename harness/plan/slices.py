"""What a plan is made of: a cell, a call, a slice, a block. In which order slices come is decided in layout."""

from dataclasses import dataclass
from typing import Final, Literal

from harness.registry.load_modes import Kind

Purpose = Literal["warm-up", "measure", "duet", "search", "confirm"]

ANALYSED: Final[tuple[Purpose, ...]] = ("measure", "confirm")
"""What a slice is for; of the others that are played and stored, no cell's figure is made."""

Level = int | float


@dataclass(frozen=True)
class Cell:
    """arm × endpoint × level."""

    arm: str
    endpoint: str  # the endpoint's label: name and query
    level: Level  # users in closed loop, requests per second in open loop


@dataclass(frozen=True)
class Open:
    """How an open-loop slice sends; the schedule follows from this, the cell's rate and the slice's seed."""

    arrivals: Kind
    max_in_flight: int
    pre_open: bool  # open the connections that will be needed before the slice
    limit_ms: float | None = None  # an objective: what takes longer is counted as late


@dataclass(frozen=True)
class Sent:
    """What is sent to a page of a user's own project, and which statuses are correct."""

    method: str
    headers: tuple[tuple[str, str], ...]
    body: str
    status: tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """What is asked in a slice: one endpoint, or one of those that it mixes."""

    endpoint: str  # the label under which it is reported
    path: str  # with the query
    share: float = 1.0  # of the slice's requests
    sent: Sent | None = None  # None: a plain GET, answered by 200
    key: str | None = None  # under which its correct answer is known; None: `endpoint`
    streams: bool | None = None  # a page that answers in a stream; None: it does not, or is an endpoint of the demo


@dataclass(frozen=True)
class Slice:
    """One stretch of load on one cell."""

    index: int  # in its block
    cell: Cell
    calls: tuple[Call, ...]  # more than one: each request draws its own, by their shares
    purpose: Purpose  # the first round of a block is warm-up
    least_s: float  # the least time a correct answer takes, open loop: on average; in a mix, one to the slowest call
    seconds: float  # closed loop: from the moment it is full it lasts at least this; open loop: it lasts exactly this
    longest_s: float  # … and is ended after this, full or not
    seed: int  # the same for every arm of a round, so that all of them get the same arrivals
    open: Open | None = None  # None: closed loop
    beside: int | None = None  # of a duet: the slice of the other arm, loaded at the same time
    spread_s: float | None = None  # of a duet: users start spread over this; else over the latency last seen


@dataclass(frozen=True)
class Duet:
    """Two slices that are played at the same time, of two arms that share a core."""

    first: Slice
    second: Slice


Turn = Slice | Duet
"""What is played at a time."""


@dataclass(frozen=True)
class Block:
    """Every arm freshly started, every cell visited in short, randomly interleaved slices, everything stopped."""

    index: int
    slices: tuple[Slice, ...]  # none where they are searched for
