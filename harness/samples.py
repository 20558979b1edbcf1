"""Rows that a run stores, shared by load generator and harness: a request as a row of int64, a slice as it was played, resource
usage and conditions. Standard library only: the load generator imports this and nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

COLUMNS: Final = (
    "slice",  # index of the slice in its block
    "user",  # number of the simulated user; in open loop, of the arrival in the slice's schedule
    "intended_ns",  # when the request should have been sent; CLOCK_MONOTONIC, like all times here
    "sent_ns",  # just before the first byte was handed to the kernel; of a dropped arrival, when it was dropped
    "first_ns",  # when the first part of the response body was parsed; 0: none came
    "done_ns",  # when the last byte was parsed, or the request was given up
    "status",  # HTTP status; 0: none was received
    "outcome",  # an Outcome
    "bytes",  # bytes of response body received
    "reused",  # 1: sent on a connection that was already open; 0: it had to be opened
    "part",  # which of the slice's endpoints was asked: 0 but where a slice mixes several
)

FILLING_ANSWERS: Final = 2
"""A closed-loop slice is full as soon as every user has had so many answers; what came before is not analysed …"""

LATENCIES_PER_SLICE: Final = 5
"""… and from then on it lasts at least this many of the latencies seen …"""

FILLINGS_PER_SLICE, ENOUGH_NS = 2, 1_000_000_000
"""… and of the times that it took to fill, up to a second, so that most of a slice is analysed."""

WARM_S: Final = 0.1
"""To warm up, a slice goes on for so long when every user has had an answer …"""

WARM_ANSWERS: Final = 60
"""… and after so many answers an arm is taken to be warm: it has imported what the endpoint needs, and opened its connections."""


ANSWER: Final = "answer-{slice}-{call}-{process}"
"""The file in which a load generator keeps one answer of a slice, where those of a page differ."""


class Outcome(IntEnum):
    """What became of a request. Everything but OK is a failure, and never counts as throughput."""

    OK = 0
    HTTP_ERROR = 1  # a status other than the expected 200
    WRONG_BODY = 2  # the right status with another body than verification saw
    TIMEOUT = 3  # no complete response in time
    CONNECT_FAILED = 4  # refused, or not accepted in time
    RESET = 5  # the peer reset the connection
    EARLY_EOF = 6  # the peer closed before the response was complete
    MALFORMED = 7  # not HTTP
    UNFINISHED = 8  # still in flight when the slice's drain ended
    DROPPED = 9  # never sent: max_in_flight requests were under way when it was due


@dataclass(frozen=True)
class Page:
    """What a correct answer is."""

    body: bytes | None = None  # the same each time; None: it differs
    status: tuple[int, ...] = (200,)
    lengths: tuple[int, int] | None = None  # of a body that differs, in bytes
    contains: tuple[bytes, ...] = ()
    lacks: tuple[bytes, ...] = ()

    def outcome(self, status: int, body: bytes) -> Outcome:
        """OK, HTTP_ERROR or WRONG_BODY."""
        if status not in self.status:
            return Outcome.HTTP_ERROR
        if self.body is not None:
            return Outcome.OK if body == self.body else Outcome.WRONG_BODY
        right = self.lengths is None or self.lengths[0] <= len(body) <= self.lengths[1]
        right = right and all(text in body for text in self.contains) and not any(text in body for text in self.lacks)
        return Outcome.OK if right else Outcome.WRONG_BODY


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers as they are sent: of those with the same name, whatever its case, the last counts; cookies are in one line."""
    given: dict[str, str] = {}
    for name, value in headers:
        key = next((known for known in given if known.lower() == name.lower()), name)
        given[key] = f"{given[key]}; {value}" if key.lower() == "cookie" and key in given else value
    return given


CUT_LATENCIES: Final = 2
"""So many of its endpoint's least times are cut off at the start of an open-loop slice: the pipeline is filling."""

SAMPLES_NEEDED: Final = {0.50: 10, 0.95: 130, 0.99: 662, 0.999: 6_636}
"""Fewest samples for percentile q: so many that with three-sigma certainty (q^n ≤ 0.00135) one of them lies above it."""

SHORTAGE: Final = frozenset({Outcome.TIMEOUT, Outcome.UNFINISHED})
"""Outcomes that leave requests unfinished in the server: its arm is restarted before it is loaded again."""


@dataclass(frozen=True)
class Played:
    """One slice as it was driven, by one load generator or by several together. Times in ns of CLOCK_MONOTONIC."""

    index: int
    start_ns: int  # the first request may be sent
    cut_ns: int  # the pipeline is full: what is due or done from here on is analysed …
    end_ns: int  # … up to here; no request falls due afterwards
    drained_ns: int  # the last response has been received or given up
    requests: int  # sent
    dropped: int  # due and not sent; open loop only
    failures: int  # of the sent ones
    late: int  # sent or dropped ones that did not keep the slice's limit, failures included; 0 without a limit
    shortage: bool  # requests timed out or were abandoned: the server is still busy with them
    latency_ms: float | None  # median of correct responses; None: there were none
    ticks: int  # of the load generator's own 10 ms clock during the slice …
    late_ticks: int  # … so many of them more than TICK_LATE_MS late
    worst_tick_ms: float
    p95_ms: float | None = None  # of correct responses; None: too few of them
    in_flight: tuple[float, float] = (0.0, 0.0)  # requests under way on average, in each half of the window
    server_cpu_ns: int | None = None  # what the arm's server used from start to drain; None: unknown
    server_gc_ns: int = 0  # … of that, in full garbage collections
    server_gc_young: int = 0  # how often it collected only the young, which goes with what it allocated
    core_idle_ns: int | None = (
        None  # how long the servers' cores had nothing to do around it; None: unknown, or they have none
    )
    disturbed: bool = False  # others had a part of the machine meanwhile, see Conditions


TICK_MS: Final = 10.0

TICK_LATE_MS: Final = 5.0


SERVER: Final = "server"
LOAD: Final = "load"
SERVICES: Final = "services"


@dataclass(frozen=True)
class Usage:
    """One process group over one slice, from before its first request to after its drain.

    Of the services, memory, threads and switches are those of the processes we started; CPU is that of all their descendants,
    ended ones included: PostgreSQL has a process per connection.
    """

    slice: int
    group: str  # server, load, services
    wall_ns: int
    cpu_ns: int | None  # user + system
    rss_bytes: int | None  # largest sum over the group's processes seen in the slice
    threads: int | None  # largest sum seen in the slice
    voluntary_switches: int | None  # of threads alive at both ends
    involuntary_switches: int | None
    processes: int  # alive at the end

    @property
    def busy(self) -> float | None:
        """CPU time by time: how many cores it used."""
        return self.cpu_ns / self.wall_ns if self.cpu_ns is not None and self.wall_ns else None


@dataclass(frozen=True)
class Conditions:
    """One slice. None: this system does not say."""

    slice: int
    wall_ns: int
    steal_ns: int | None  # time the host took from this machine, all cores
    others_ns: int | None  # CPU of processes that are not ours, all cores; in steps of 10 ms
    swapped_bytes: int | None  # in and out, by anyone
    connections: int | None  # established at the server's port after the slice
    seen: int | None  # requests that reached the application, counted by its own processes
    workers: int | None  # processes of the arm that had loaded the application by the end
    new_workers: int | None  # those of them that were not there at the start
    upstream_requests: int | None  # what the slow API answered …
    upstream_late_p99_ms: float | None  # … and how much later than asked
    sessions_opened: int | None  # connections to the database made in the slice, counted by it …
    sessions: int | None  # … and those open after it

    @property
    def disturbed(self) -> bool:
        """Whether other processes, or the host's other guests, had a part of the machine."""
        return (self.others_ns or 0) + (self.steal_ns or 0) > OTHERS_MOST * self.wall_ns


STEAL_MOST: Final = 0.02
"""Of a slice: more CPU time taken by the host disturbs what was measured."""

OTHERS_MOST: Final = 0.10
"""Of a core: more CPU used by other processes disturbs what was measured."""
