"""Colours, markers and percentiles that the page's charts and the pictures share. Needs no Matplotlib."""

from collections.abc import Sequence
from typing import Final

from harness.analysis.analysis import Analysis
from harness.registry.servers import SERVERS
from harness.scenario.arm import Arm

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B")

OWN: Final = {
    ("gunicorn-gthread", "sync"): 0,
    ("uvicorn", "async"): 1,
    ("uvicorn", "sync"): 2,
    ("gunicorn-gthread", "async"): 3,
}
"""The colours of the servers and views that most reports show; those of others follow from their place in the registry."""

DUETS: Final = (
    "Throughput and CPU ratios of CPU-bound arms: both loaded at once on one core (duets); all else: each by itself."
)
"""Beside ratios, and beside what they could be computed from."""

MARKERS: Final = "osD^vPX*"

PERCENTILES: Final = (0.50, 0.90, 0.99, 0.999, 0.9999)

TAIL_SAMPLES: Final = 6.6  # a curve ends where fewer samples than this lie beyond: the rule of SAMPLES_NEEDED


def is_async(analysis: Analysis, arm: str) -> bool:
    """Whether an arm is loaded on its async views."""
    return bool(analysis.run.scenario.arm(arm).view == "async")


def colours(arms: Sequence[Arm]) -> dict[str, int]:
    """Arm → index in COLOURS. A server and view has its own in every report; a further arm of the same, the next that is free.

    A control has the colour of the arm it repeats. With more arms than colours some share one.
    """
    found: dict[str, int] = {}
    repeated = [arm for arm in arms if arm.control_of is None]
    for arm in repeated:
        own = OWN.get(
            (arm.server, arm.view or ""), (2 * list(SERVERS).index(arm.server) + (arm.view == "async")) % len(COLOURS)
        )
        if own not in found.values():
            found[arm.name] = own
    for arm in repeated:
        if arm.name not in found:
            free = [place for place in range(len(COLOURS) - 1, -1, -1) if place not in found.values()]
            found[arm.name] = min(free, key=_LATER.index) if free else len(found) % len(COLOURS)
    return found | {arm.name: found[arm.control_of] for arm in arms if arm.control_of is not None}


_LATER: Final = (5, 4, 7, 6, 3, 2, 1, 0)
"""In which order colours are given to further arms: those that are few arms' own come first."""
