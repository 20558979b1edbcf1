"""Interim results, computed no more often than affordable, and never failing the run."""

import time
from collections.abc import Callable
from pathlib import Path

from harness.errors import UserError
from harness.verdicts.interim import Ask, SoFar

DEAREST, CHEAP_S = 0.1, 1.0
"""Interim analysis reads every block so far. It may take this share of the time, or this long; else it is done less often."""


class Asking:
    """An Ask that repeats its last result where a new one would be too expensive, or fails."""

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._last, self._since_s, self._cost_s = SoFar("", 0, ()), clock(), 0.0

    def __call__(self, path: Path) -> SoFar:
        now_s = self._clock()
        if self._cost_s > max(CHEAP_S, DEAREST * (now_s - self._since_s)):
            return self._last
        try:
            self._last = self._ask(path)
        except UserError as error:  # an old block may be damaged: the report will say so too
            print(f"! interim results not available: {error}", flush=True)
        self._since_s = self._clock()
        self._cost_s = self._since_s - now_s
        return self._last
