"""A search for capacity: its scenario, and a load that keeps its objective up to a rate."""

import random

from harness.plan.slices import Slice
from harness.scenario import reader
from harness.scenario.model import Scenario

TEXT = """
question = "Up to which rate is the promise kept?"
blocks = 3
comparisons = [{ arm = "async", over = "sync" }]

[load]
mode = "capacity"
objective = "p99 <= 250ms"

[[arms]]
name = "sync"
server = "gunicorn-gthread"
view = "sync"
threads = 8

[[arms]]
name = "async"
server = "uvicorn"
view = "async"

[[endpoints]]
name = "wait"
query = { ms = 10 }
"""


def asked(**load: object) -> Scenario:
    scenario = reader.parse(TEXT, "capacity.toml")
    return scenario.model_copy(update={"load": scenario.load.model_copy(update=load)})


class Holding:
    """A load generator for arms that keep their promise up to 100/s (sync) and 200/s (async), but for one in ten."""

    def __call__(self, slice_: Slice, rng: random.Random) -> float:
        holds = {"sync": 100.0, "async": 200.0}[slice_.cell.arm]
        return 20.0 if slice_.cell.level <= holds or rng.random() > 0.1 else 400.0
