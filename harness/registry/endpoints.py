"""What the harness knows of the measured project's endpoints: name, query, least time of a correct answer, services needed.

The least time is what makes a plausibility check possible: an answer that comes sooner did not do
the work, and `users` users cannot get more than users / least answers per second (Little's law).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Query = Mapping[str, int | str]


def _none(query: Query) -> float:
    return 0.0


def _wait(default_ms: int) -> Callable[[Query], float]:
    return lambda query: float(query.get("ms", default_ms))


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

CALLS: Final = range(101)

ROW: Final = range(1_001)

MODES: Final = ("parallel", "sequential")


@dataclass(frozen=True)
class Facts:
    """One endpoint."""

    least_ms: Callable[[Query], float]
    words: str  # what it does, for a reader who has not seen its code
    needs: frozenset[str] = frozenset()  # which services it asks: DATABASE, CACHE, UPSTREAM
    query: Mapping[str, range | Sequence[str]] = field(
        default_factory=dict
    )  # what it understands: whole numbers or words
    streams: bool = False  # the answer comes bit by bit


ENDPOINTS: Final[dict[str, Facts]] = {
    "hello": Facts(_none, "answers at once"),
    "simple": Facts(_none, "answers at once"),
    "wait": Facts(_wait(1_000), "waits, as for somebody else's answer", query={"ms": MS}),
    "greeting": Facts(_greeting, "waits two seconds"),
    "upstream": Facts(_wait(100), "calls a slow API", frozenset({UPSTREAM}), {"ms": MS}),
    "fanout": Facts(
        _fanout, "calls a slow API several times", frozenset({UPSTREAM}), {"k": CALLS, "ms": MS, "mode": MODES}
    ),
    "db_read": Facts(_none, "reads a row of the database", frozenset({DATABASE}), {"pk": ROW}),
    "db_list": Facts(_none, "reads fifty rows and renders a page", frozenset({DATABASE})),
    "db_write": Facts(_none, "writes a row of the database", frozenset({DATABASE}), {"pk": ROW}),
    "db_fanout": Facts(_none, "reads several rows, one query each", frozenset({DATABASE}), {"k": CALLS, "mode": MODES}),
    "db_backend": Facts(_none, "reads a row by an async ORM", frozenset({DATABASE}), {"pk": ROW}),
    "db_native": Facts(
        _none, "reads rows without the ORM", frozenset({DATABASE}), {"pk": ROW, "k": CALLS, "mode": MODES}
    ),
    "cache": Facts(_none, "reads the cache", frozenset({CACHE}), {"k": CALLS}),
    "cache_native": Facts(_none, "reads Redis without Django's cache", frozenset({CACHE}), {"k": CALLS}),
    "unsafe": Facts(_none, "reads a row by the sync ORM in either colour", frozenset({DATABASE}), {"pk": ROW}),
    "mixed": Facts(
        _wait(100),
        "an ordinary page: two queries, a slow API, a template",
        frozenset({DATABASE, UPSTREAM}),
        {"ms": MS, "pk": ROW},
    ),
    "stream": Facts(_stream, "streams its answer in chunks", query={"k": CALLS, "ms": MS}, streams=True),
    "sse": Facts(_sse, "streams events", query={"ms": MS, "every": range(1, 60_001)}, streams=True),
    "longpoll": Facts(_none, "holds its users until something happens", query={"ms": MS}),
    "file": Facts(_none, "sends a file", query={"kib": range(10_241)}),
    "bridge": Facts(_none, "crosses between sync and async and back", query={"k": range(1_001)}),
    "cpu": Facts(_none, "computes"),
    "blocking": Facts(_wait(100), "waits without letting others run", query={"ms": MS}),
}
"""By name; a test holds it equal to the project's URLs."""


def streams(label: str) -> bool:
    """Whether what is reported under this label (`sse ms=2000`; in a mix `neighbours: sse ms=2000`) comes bit by bit."""
    facts = ENDPOINTS.get(label.rpartition(": ")[2].partition(" ")[0])
    return facts is not None and facts.streams


def in_words(label: str) -> str:
    """What is done under this label (`wait ms=100`) in plain words; nothing for a mix, whose name its author gave."""
    facts = ENDPOINTS.get(label.rpartition(": ")[2].partition(" ")[0])
    return facts.words if facts else ""
