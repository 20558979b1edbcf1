"""What one thread switch costs here, in µs per event loop: `python -m djbench_injected.probe.switch_cost` prints JSON.

As Django does it for each ASGI request: sync_to_async within a ThreadSensitiveContext. A context starts two threads (one to
work, one to end it), so the switch is the difference between many in a context and one, and the context is told apart.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final

from asgiref.sync import ThreadSensitiveContext, sync_to_async

MANY: Final = 32

IN_FLIGHT: Final = (1, 64)

CONTEXTS: Final = 64

REPEATS: Final = 5
"""Of which the first is warm-up."""


def nothing() -> None:
    pass


async def request(switches: int) -> None:
    """What Django does around a request with so many switches."""
    async with ThreadSensitiveContext():
        for _ in range(switches):
            await sync_to_async(nothing)()


async def costs_us(switches: int, in_flight: int) -> tuple[float, float]:
    """(CPU, time) per request in µs."""
    cpu, wall = process_time(), perf_counter()
    for _ in range(CONTEXTS // in_flight):
        await asyncio.gather(*[request(switches) for _ in range(in_flight)])
    return (process_time() - cpu) / CONTEXTS * 1e6, (perf_counter() - wall) / CONTEXTS * 1e6


async def measured(in_flight: int) -> dict[str, float]:
    """Medians over the repetitions: of a switch, and of a context without any switch but its first."""
    switches, contexts = [], []
    for _ in range(REPEATS):
        one, many = await costs_us(1, in_flight), await costs_us(MANY, in_flight)
        each = [(more - less) / (MANY - 1) for more, less in zip(many, one, strict=True)]
        switches.append(each)
        contexts.append([total - one_switch for total, one_switch in zip(one, each, strict=True)])
    return {
        "switch_cpu_us": median(cpu for cpu, _ in switches[1:]),
        "switch_us": median(wall for _, wall in switches[1:]),
        "context_cpu_us": median(cpu for cpu, _ in contexts[1:]),
        "context_us": median(wall for _, wall in contexts[1:]),
    }


def loops() -> dict[str, Callable[[], Any]]:
    """The event loops that are installed, by name."""
    known: dict[str, Callable[[], Any]] = {"asyncio": asyncio.new_event_loop}
    if find_spec("uvloop"):
        known["uvloop"] = import_module("uvloop").new_event_loop
    return known


def main() -> None:
    found: dict[str, dict[int, dict[str, float]]] = {}
    for name, make in loops().items():
        loop = make()
        found[name] = {in_flight: loop.run_until_complete(measured(in_flight)) for in_flight in IN_FLIGHT}
        loop.close()
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
