"""How late the event loop is: a timer due every 10 ms, its lateness in a histogram.

The times at which it is due are fixed. A loop that stands still for 100 ms has missed ten of them, and all ten are counted.
"""

import asyncio
from math import log2
from typing import Final

from djbench_injected.probe.counters import LAG_FLOOR_NS, LAG_STEPS, Counters

PERIOD_S: Final = 0.01


class Lag:
    """Watches the loop that serves."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._loop: asyncio.AbstractEventLoop | None = None

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the timer, once per loop."""
        if loop is not self._loop:
            self._loop = loop
            self._next(loop, loop.time() + PERIOD_S)

    def _next(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        loop.call_at(due, self._tick, loop, due)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        while due <= now:
            self._counters.add(f"lag_{step(int((now - due) * 1e9))}")
            due += PERIOD_S
        self._next(loop, due)


def step(late_ns: int) -> int:
    """The place of this lateness in the histogram."""
    return min(int(4 * log2(late_ns / LAG_FLOOR_NS)), LAG_STEPS - 1) if late_ns > LAG_FLOOR_NS else 0
