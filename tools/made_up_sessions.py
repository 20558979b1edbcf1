"""Made-up sessions that the real plan lays out: one value per planned slice, at its place in time, pooled by block and judged
like a real run. They show what the shuffled order is for, and what a run that stops by its own rule does. Pure and seeded.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from math import log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.analysis import arm_comparison
from harness.analysis.arm_comparison import Compared, Logs
from harness.plan import layout
from harness.registry.metrics import THROUGHPUT
from harness.scenario import model
from harness.scenario.model import Scenario
from harness.statistics.intervals import DOUBT, DOUBT_IF_STOPPED, Values
from harness.verdicts import stopping_rule

START_SPREAD: Final = 0.03  # how differently a server settles at each start: standard deviation of the log

SLICE_SPREAD: Final = 0.06  # how much one slice differs from the next

Noise = Callable[[np.random.Generator, int], Values]
"""So many random numbers around 0 with a standard deviation of about 1."""


def normal(rng: np.random.Generator, count: int) -> Values:
    return rng.normal(size=count)


def heavy(rng: np.random.Generator, count: int) -> Values:
    """Student's t with three degrees of freedom, scaled to the same standard deviation: a hiccup now and then."""
    return np.asarray(rng.standard_t(3, size=count) / np.sqrt(3))


@dataclass(frozen=True)
class Session:
    """What is true in a made-up run. Fractions: 0.2 is 20 %."""

    name: str
    cells: int = 1
    blocks: int = 6
    effect: float = 0.0  # by how much the second arm truly is faster, on every cell
    noise: Noise = normal
    drift: float = 0.0  # by how much the machine has become faster when the session ends
    interleaved: bool = True  # otherwise one arm's slices all come before the other's
    until: float | None = (
        None  # stop, from `blocks` on, when the first interval is narrower; at 20 blocks at the latest
    )

    @property
    def doubt(self) -> float:
        """What intervals and tests of such a run are made for."""
        return DOUBT if self.until is None else DOUBT_IF_STOPPED


def judged_run(case: Session, rng: np.random.Generator) -> list[Compared]:
    """The comparisons of one made-up run; of one that stops by itself, when it has stopped."""
    most = case.blocks if case.until is None else 20
    logs = session(replace(case, blocks=most), rng)
    for blocks in range(case.blocks, most + 1):
        compared = compared_of(logs[:blocks], case.doubt)
        if case.until is not None and stopping_rule.narrow(compared[0].ratio, case.until):
            break
    return compared


def compared_of(logs: Values, doubt: float) -> list[Compared]:
    """Arm B over arm A on every cell, by throughput. `logs`: as of `session`."""
    every = [Logs(("B", "A", f"{place}", 1, THROUGHPUT), own) for place, own in enumerate(logs.T)]
    return arm_comparison.judged(every, [], doubt)[0]


def session(case: Session, rng: np.random.Generator) -> Values:
    """Log ratios of arm B to arm A. Shape: (blocks, cells). An arm's figure in a block is the mean of its slices there."""
    block, arm, cell = _measured(case)
    when = np.arange(len(block)) / max(1, len(block) - 1)
    started = START_SPREAD * case.noise(rng, 2 * case.blocks)[2 * block + arm]
    true = arm * log(1 + case.effect) + log(1 + case.drift) * when
    figures = np.exp(true + started + SLICE_SPREAD * case.noise(rng, len(block)))
    own = (2 * block + arm) * case.cells + cell
    pooled = (np.bincount(own, figures) / np.bincount(own)).reshape(case.blocks, 2, case.cells)
    return np.asarray(np.log(pooled[:, 1] / pooled[:, 0]))


@cache
def _measured(case: Session) -> NDArray[np.int64]:
    """Block, arm (0: A) and cell of every measured slice, in the order of the plan, which is the same for all runs of a case."""
    scenario = _scenario(case)
    names = [arm.name for arm in scenario.arms], [endpoint.label for endpoint in scenario.endpoints]
    slices = [
        (block.index, names[0].index(slice_.cell.arm), names[1].index(slice_.cell.endpoint))
        for block in layout.expand(scenario)
        for slice_ in block.slices
        if slice_.purpose == "measure"
    ]
    return np.array(slices if case.interleaved else sorted(slices, key=lambda one: one[1])).T


def _scenario(case: Session) -> Scenario:
    arms: list[dict[str, Any]] = [{"name": name, "server": "uvicorn", "view": "async"} for name in "AB"]
    endpoints = [{"name": "wait", "query": {"ms": number}, "users": [1]} for number in range(case.cells)]
    return model.Scenario.model_validate(
        {"question": "what comes out of random numbers?", "blocks": case.blocks, "arms": arms, "endpoints": endpoints}
    )
