"""What the harness knows of the measured project's endpoints: name, least time of a correct answer, services needed.

The least time is what makes a plausibility check possible: an answer that comes sooner did not do
the work, and `users` users cannot get more than users / least answers per second (Little's law).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


DATABASE: Final = "database"
CACHE: Final = "cache"
UPSTREAM: Final = "upstream"


@dataclass(frozen=True)
class Facts:
    """One endpoint."""

    least_ms: Callable[[Query], float]
    needs: frozenset[str] = frozenset()  # which services it asks: DATABASE, CACHE, UPSTREAM


ENDPOINTS: Final[dict[str, Facts]] = {
    "hello": Facts(_none),
    "simple": Facts(_none),
    "wait": Facts(_wait(1_000)),
    "greeting": Facts(_greeting),
    "upstream": Facts(_wait(100), frozenset({UPSTREAM})),
    "fanout": Facts(_fanout, frozenset({UPSTREAM})),
    "db_read": Facts(_none, frozenset({DATABASE})),
    "db_list": Facts(_none, frozenset({DATABASE})),
    "unsafe": Facts(_none, frozenset({DATABASE})),
    "mixed": Facts(_wait(100), frozenset({DATABASE, UPSTREAM})),
    "cpu": Facts(_none),
    "blocking": Facts(_wait(100)),
}
"""By name; a test holds it equal to the project's URLs."""
