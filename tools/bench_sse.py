"""How many streams can a server hold? As many clients as asked for, each with one stream of events, all at once.

    python -m tools.bench_sse [--clients N] [--seconds S]

On uvicorn with an async view every client has to get every event; gunicorn with THREADS threads and a sync view has to serve
exactly so many of them at a time, each with every event. Exits 1 where either is not so.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import gevent
import numpy as np
from numpy.typing import NDArray

from harness.analysis import streaming
from harness.deployment.fleet import Deployed, Site, running
from harness.formatting import numbers
from harness.project import ready
from harness.scenario.arm import Arm
from harness.system import launch, ports
from harness.system.cores import share_cores
from locustfiles.client import Client, Sweeper
from locustfiles.message import prebuilt

THREADS: Final = 32

EVERY_MS: Final = 1_000

PATIENCE_S: Final = 20.0
"""So much longer than its events take may a stream be under way: this many connections are not opened at once."""

TURN_S: Final = 2.0
"""So much longer may the streams of a full pool of threads take, on a busy machine; some of the next may have begun by then."""

ASYNC: Final = Arm(name="async · uvicorn", server="uvicorn", view="async")

SYNC: Final = Arm(name=f"sync · gthread×{THREADS}", server="gunicorn-gthread", view="sync", threads=THREADS)


@dataclass(frozen=True)
class Held:
    """What the clients of one server saw. Arrays have one entry per client; times in ns after the first was sent."""

    expected: int  # events per client
    events: NDArray[np.int64]  # got
    first: NDArray[np.int64]  # the first byte of the first event; 0: none
    done: NDArray[np.int64]  # the end, or when it was given up

    @property
    def complete(self) -> int:
        """Clients that got every event."""
        return int((self.events == self.expected).sum())

    @property
    def served(self) -> int:
        """Clients that got any."""
        return int((self.events > 0).sum())

    @property
    def at_once(self) -> int:
        return streaming.at_once(self.first, self.done)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=2_000, help="streams asked for at once (default 2000)")
    parser.add_argument("--seconds", type=int, default=30, help="how long each lasts, an event per second (default 30)")
    asked = parser.parse_args()
    launch.raise_file_limit()
    print(f"{asked.clients} clients, each with a stream of {asked.seconds} events, one per second", flush=True)
    held = measure([ASYNC, SYNC], asked.clients, asked.seconds)
    for name, one in held.items():
        print(told(name, one), flush=True)
    failed = list(problems(held[ASYNC.name], held[SYNC.name], min(THREADS, asked.clients)))
    print("\n".join(f"FAIL: {line}" for line in failed) or "pass: all on uvicorn, one per thread on gunicorn")
    return 1 if failed else 0


def measure(arms: Sequence[Arm], clients: int, seconds: int) -> dict[str, Held]:
    """Arm → what its clients saw, one arm after the other."""
    cores = share_cores()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site = Site(ready.demo(), {}, folder / "logs", cores.server)  # a stream of events asks no service
        (folder / "logs").mkdir()
        with running(arms, site) as fleet:
            return {arm.name: hold(fleet.deployed[arm.name], clients, seconds) for arm in arms}


def hold(deployed: Deployed, clients: int, seconds: int) -> Held:
    """Open all streams, and wait until all have ended; given up is what lasts too long.

    Where threads are the limit there is little patience: what comes after their streams have ended is the next clients' turn.
    """
    capped = deployed.arm.concurrency_limit is not None
    limit_s = seconds + (TURN_S if capped else PATIENCE_S)
    sweeper = Sweeper()
    own = [Client(deployed.address, int((limit_s + PATIENCE_S) * 1e9), sweeper) for _ in range(clients)]
    request = prebuilt(f"/{deployed.arm.view}/sse/?ms={1000 * seconds}&every={EVERY_MS}", ports.HOST)
    calls = [gevent.spawn(client.call, request, None) for client in own]
    if len(gevent.joinall(calls, timeout=limit_s)) < len(calls):
        sweeper.abandon()
    rows = np.array([call.get() for call in calls], dtype=np.int64)
    events = np.array([client.body.count(b"\n\n") for client in own])
    for client in own:
        client.close()
    return Held(seconds * 1000 // EVERY_MS, events, rows[:, 1], rows[:, 2])


def told(name: str, held: Held) -> str:
    """One server on one line."""
    clients, wanted = len(held.events), len(held.events) * held.expected
    return (
        f"{name:20} {numbers.count(held.complete)} of {numbers.count(clients)} clients got every event, "
        f"{numbers.count(held.at_once)} were served at once, "
        f"{numbers.count(int(held.events.sum()))} of {numbers.count(wanted)} events delivered"
    )


def problems(held: Held, capped: Held, room: int) -> list[str]:
    """What is not as it has to be, in words."""
    found = []
    if held.complete < len(held.events):
        found.append(f"{ASYNC.name}: expected every event at all {len(held.events)} clients, {held.complete} got them")
    if capped.at_once != room or capped.complete < room:
        seen = f"{capped.at_once} at once, and every event at {capped.complete}"
        found.append(f"{SYNC.name}: expected {room} clients at once, and every event at these, got {seen}")
    return found


if __name__ == "__main__":
    sys.exit(main())
