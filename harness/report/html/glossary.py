"""The terms of the page that a reader of other benchmark tools does not know, each explained once."""

from typing import Final

TERMS: Final = (
    ("scenario", "the TOML file that asks the question: arms, endpoints, load levels, claims"),
    (
        "arm",
        "one way to run Django (server, workers, threads, settings) together with the view it serves, sync or async",
    ),
    ("endpoint", "one workload, implemented as a sync/async pair of views that return the same body"),
    ("level", "how much load: users (closed loop) or requests per second (open loop)"),
    ("cell", "arm × endpoint × level"),
    ("slice", "one uninterrupted stretch of load on one cell, about a second long"),
    ("duet", "two CPU-bound arms loaded at the same time on the same core, so that both meet the same machine"),
    (
        "block",
        "all arms restarted, then every cell visited in short, randomly interleaved slices; the sample: n counts blocks",
    ),
    ("run", "all blocks of one scenario, in one folder"),
    ("claim", "a statement in the scenario that the run supports or refutes"),
    ("control", "the same arm started a second time; comparing it with the original is the A/A test of the run"),
    (
        "noise floor (A/A)",
        "how far the ratio of two identical arms can lie from 1 in this run: the far end of its 95 % interval",
    ),
    ("p50, p95, p99", "latency percentiles: 95 % of requests completed within p95"),
    ("equivalent", "the 95 % interval lies within the margin; the margin is shown"),
    ("inconclusive", "neither a significant difference nor equivalent; the note says how many blocks would decide it"),
    ("INVALID", "a check failed, so the numbers would mislead: excluded from every comparison"),
    ("flagged", "a check raised a warning: the numbers are shown and compared, but read them with care"),
    (
        "instrumented run",
        "a separate, short run with a probe around the application; it explains, and is never used for timing",
    ),
)
"""Term and meaning, from the question to the verdict."""


OWN: Final = {
    "arm": "one way to run the project: server, workers, threads, settings",
    "endpoint": "one page of the project, asked with the same request of every arm",
}
"""The same of a user's own project, which has no pairs of views."""


def terms(own: bool) -> list[tuple[str, str]]:
    """All of them; `own`: of a user's own project."""
    return [(term, OWN.get(term, text) if own else text) for term, text in TERMS]
