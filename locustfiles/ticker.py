"""The load generator's own clock: is its event loop there every 10 ms?

A load generator that is stopped, starved of CPU or stuck in its own work cannot say so in its requests: they are
all late together, as if the server were. Deadlines are absolute, so that a halt of 300 ms is thirty late ticks and not one.
"""

from time import perf_counter_ns
from typing import Final

from gevent.hub import get_hub

from harness.samples import TICK_LATE_MS, TICK_MS

TICK_NS: Final = int(TICK_MS * 1e6)

LATE_NS: Final = int(TICK_LATE_MS * 1e6)


class Ticker:
    """Counts ticks and late ticks from `start` to `stop`."""

    def __init__(self) -> None:
        self.ticks = self.late = self.worst_ns = 0

    def start(self, start_ns: int) -> None:
        self._due_ns = start_ns + TICK_NS
        self._timer = get_hub().loop.timer(0)
        self._timer.start(self._tick)

    def stop(self) -> None:
        self.see(perf_counter_ns())
        self._timer.stop()
        self._timer.close()

    def see(self, now_ns: int) -> None:
        """Count every tick that was due by now."""
        while self._due_ns <= now_ns:
            late_ns = now_ns - self._due_ns
            self.ticks += 1
            self.late += late_ns > LATE_NS
            self.worst_ns = max(self.worst_ns, late_ns)
            self._due_ns += TICK_NS

    def _tick(self) -> None:
        now_ns = perf_counter_ns()
        self.see(now_ns)
        loop = get_hub().loop
        loop.update_now()
        self._timer.close()
        self._timer = loop.timer((self._due_ns - now_ns) / 1e9)
        self._timer.start(self._tick)
