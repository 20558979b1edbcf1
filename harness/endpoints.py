"""What the harness knows of the measured project's endpoints: their names, and the least time a correct answer can take.

The least time is what makes a plausibility check possible: an answer that comes sooner did not do
the work, and `users` users cannot get more than users / least answers per second (Little's law).
"""

from collections.abc import Callable, Mapping
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


LEAST_MS: Final[dict[str, Callable[[Query], float]]] = {
    "hello": _none,
    "simple": _none,
    "wait": _wait(1_000),
    "greeting": _greeting,
    "upstream": _wait(100),
    "fanout": _fanout,
    "db_read": _none,
    "db_list": _none,
    "unsafe": _none,
    "mixed": _wait(100),
    "cpu": _none,
    "blocking": _wait(100),
}
"""Endpoint name → least milliseconds for a query; a test holds it equal to the project's URLs."""
