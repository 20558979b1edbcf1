"""Servers that misbehave in known ways: `python tests/support/programs/misbehaving.py FAULT PORT`. What they come to stands in
tests/live/load/test_known_servers.py.
"""

import heapq
import random
import sys
from time import perf_counter_ns

from harness.load.known_server import MS, KnownServer

RAMP_S = 4.0
PAUSE_MS, PAUSE_EVERY_S = 200, 5.0
CAP, SERVICE_MS = 4, 10
RESETS, SEED = 0.05, 7


class Ramp(KnownServer):
    """From 10 ms to 100 ms in RAMP_S after the first request, and again from there."""

    first_ns = 0

    def delay_ns(self, asked_ns: int, now_ns: int) -> int:
        self.first_ns = self.first_ns or now_ns
        return 10 * MS + int(90 * MS * ((now_ns - self.first_ns) / 1e9 % RAMP_S) / RAMP_S)


class Pause(KnownServer):
    """Stands still for 200 ms every 5 s, for the first time 2.5 s after its first request."""

    def delay_ns(self, asked_ns: int, now_ns: int) -> int:
        if not self.freezes:
            heapq.heappush(self.freezes, (now_ns + int(PAUSE_EVERY_S * 1e9 / 2), PAUSE_MS * MS))
        return asked_ns


class Cap(KnownServer):
    """Four requests at a time, 10 ms each; the others queue."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.free = CAP
        self.queue: list[tuple[int, int]] = []

    def request(self, number: int, target: str, now_ns: int) -> None:
        if target == "/log":
            return super().request(number, target, now_ns)
        self.queue.append((number, now_ns))
        return self.start()

    def answer(self, number: int, received_ns: int) -> None:
        super().answer(number, received_ns)
        self.free += 1
        self.start()

    def start(self) -> None:
        while self.free and self.queue:
            number, received_ns = self.queue.pop(0)
            self.free -= 1
            heapq.heappush(self.waiting, (perf_counter_ns() + SERVICE_MS * MS, received_ns, number))


class Resets(KnownServer):
    """Resets one connection in twenty instead of answering."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.rng = random.Random(SEED)

    def answer(self, number: int, received_ns: int) -> None:
        if self.rng.random() < RESETS:
            self.close(number, reset=True)
        else:
            super().answer(number, received_ns)


FAULTS = {"healthy": KnownServer, "ramp": Ramp, "pause": Pause, "cap": Cap, "resets": Resets}

if __name__ == "__main__":
    FAULTS[sys.argv[1]](int(sys.argv[2])).serve()
