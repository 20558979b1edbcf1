"""Endpoints of the measured project: name, query, minimum time of a correct response, services needed.

The minimum time allows plausibility checks: a faster response skipped the workload, and `users` users
cannot get more than users / minimum responses per second (Little's law).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Query = Mapping[str, int | str]


def _none(query: Query) -> float:
    return 0.0


SPREAD: Final = "spread"
"""The parameter by how many percent a wait may be shorter, or longer."""


def _wait(default_ms: int) -> Callable[[Query], float]:
    return lambda query: float(query.get("ms", default_ms)) * (1 - float(query.get(SPREAD, 0)) / 100)


def _greeting(query: Query) -> float:
    return 2_000.0


def _fanout(query: Query) -> float:
    calls = int(query.get("k", 5)) if query.get("mode") == "sequential" else 1
    return float(query.get("ms", 100)) * calls


def _sse(query: Query) -> float:
    """The last message comes at the last whole multiple of `every`."""
    ms, every = int(query.get("ms", 2_000)), int(query.get("every", 250))
    return float(ms - ms % every)


def _stream(query: Query) -> float:
    return float(query.get("ms", 500)) if query.get("k", 5) else 0.0


DATABASE: Final = "database"

CACHE: Final = "cache"

UPSTREAM: Final = "upstream"

MS: Final = range(60_001)

PERCENT: Final = range(101)

CALLS: Final = range(101)

ROW: Final = range(1_001)

MODES: Final = ("parallel", "sequential")


@dataclass(frozen=True)
class Facts:
    """One endpoint."""

    least_ms: Callable[[Query], float]
    words: str  # what it does
    needs: frozenset[str] = frozenset()  # services it uses: DATABASE, CACHE, UPSTREAM
    query: Mapping[str, range | Sequence[str]] = field(default_factory=dict)  # its parameters: whole numbers or words
    streams: bool = False  # a streaming response


ENDPOINTS: Final[dict[str, Facts]] = {
    "hello": Facts(_none, "returns immediately"),
    "simple": Facts(_none, "returns immediately"),
    "wait": Facts(_wait(1_000), "sleeps (simulated I/O)", query={"ms": MS, SPREAD: PERCENT}),
    "greeting": Facts(_greeting, "sleeps two seconds (simulated I/O)"),
    "upstream": Facts(_wait(100), "calls a slow API", frozenset({UPSTREAM}), {"ms": MS, SPREAD: PERCENT}),
    "fanout": Facts(
        _fanout, "calls a slow API several times", frozenset({UPSTREAM}), {"k": CALLS, "ms": MS, "mode": MODES}
    ),
    "db_read": Facts(_none, "reads one row (ORM)", frozenset({DATABASE}), {"pk": ROW}),
    "db_list": Facts(_none, "reads fifty rows and renders a template", frozenset({DATABASE})),
    "db_write": Facts(_none, "writes one row (ORM)", frozenset({DATABASE}), {"pk": ROW}),
    "db_fanout": Facts(
        _none, "reads several rows, one query each (ORM)", frozenset({DATABASE}), {"k": CALLS, "mode": MODES}
    ),
    "db_backend": Facts(
        _none, "reads one row, in the async view through an async ORM backend", frozenset({DATABASE}), {"pk": ROW}
    ),
    "db_native": Facts(
        _none,
        "reads rows through the database driver, without the ORM",
        frozenset({DATABASE}),
        {"pk": ROW, "k": CALLS, "mode": MODES},
    ),
    "cache": Facts(_none, "reads Django's cache", frozenset({CACHE}), {"k": CALLS}),
    "cache_native": Facts(
        _none, "reads Redis through its client, without Django's cache", frozenset({CACHE}), {"k": CALLS}
    ),
    "unsafe": Facts(_none, "reads one row through the sync ORM in both views", frozenset({DATABASE}), {"pk": ROW}),
    "mixed": Facts(
        _wait(100),
        "typical page: two queries, a slow API, a template",
        frozenset({DATABASE, UPSTREAM}),
        {"ms": MS, SPREAD: PERCENT, "pk": ROW},
    ),
    "stream": Facts(_stream, "streams a response in chunks", query={"k": CALLS, "ms": MS}, streams=True),
    "sse": Facts(_sse, "streams server-sent events", query={"ms": MS, "every": range(1, 60_001)}, streams=True),
    "longpoll": Facts(_none, "long-polls until an event", query={"ms": MS}),
    "file": Facts(_none, "sends a file", query={"kib": range(10_241)}),
    "bridge": Facts(_none, "switches between sync and async and back", query={"k": range(1_001)}),
    "cpu": Facts(_none, "computes (CPU-bound)"),
    "blocking": Facts(_wait(100), "blocks the thread or event loop while it sleeps", query={"ms": MS, SPREAD: PERCENT}),
}
"""By name; a test holds it equal to the project's URLs."""


def streams(label: str) -> bool:
    """Whether what is reported under this label (`sse ms=2000`; in a mix `neighbours: sse ms=2000`) is a streaming response."""
    facts = ENDPOINTS.get(label.rpartition(": ")[2].partition(" ")[0])
    return facts is not None and facts.streams


def in_words(label: str) -> str:
    """What this endpoint (`wait ms=100`) does, in words; empty for a mix, whose name its author gave."""
    facts = ENDPOINTS.get(label.rpartition(": ")[2].partition(" ")[0])
    return facts.words if facts else ""
