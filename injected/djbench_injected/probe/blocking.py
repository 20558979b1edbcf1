"""Where the event loop is blocked: while it is late, the stack of its thread is looked at.

A watchdog thread wakes every STEP_S. Whenever the loop's own timer is more than LATE_S behind, the time since the last look is
booked on the innermost line that the loop's thread is in, of the project's own code if there is one. The watchdog takes the GIL
for a moment, so a process that is watched is not timed.
"""

import asyncio
import sys
import threading
import time
from types import FrameType

STEP_S, LATE_S = 0.005, 0.02

NOT_OWN = ("site-packages", "/lib/python", "<frozen", "djbench_injected", "importlib")


class Watchdog:
    """Watches the loop that serves."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._ms: dict[str, float] = {}

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, once per loop; called in the loop's thread."""
        if loop is self._loop:
            return
        self._loop, self._ticked = loop, time.monotonic()
        self._tick(loop)
        threading.Thread(target=self._look, args=(loop, threading.get_ident()), daemon=True).start()

    def taken(self) -> dict[str, float]:
        """Place → ms since the last time this was asked."""
        with self._lock:
            told, self._ms = self._ms, {}
        return told

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._ticked = time.monotonic()
        loop.call_later(STEP_S, self._tick, loop)

    def _look(self, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        seen = time.monotonic()
        while loop is self._loop and not loop.is_closed():
            time.sleep(STEP_S)
            now = time.monotonic()
            if now - self._ticked > LATE_S and (frame := sys._current_frames().get(thread)) is not None:
                with self._lock:
                    at = place(frame)
                    self._ms[at] = self._ms.get(at, 0.0) + 1000 * (now - max(seen, self._ticked))
            seen = now


def place(frame: FrameType) -> str:
    """`file:line in function` of the innermost frame of the project's own code; of all, where there is none."""
    own: FrameType | None = frame
    while own is not None and any(part in own.f_code.co_filename for part in NOT_OWN):
        own = own.f_back
    at = own or frame
    return f"{at.f_code.co_filename}:{at.f_lineno} in {at.f_code.co_name}"
