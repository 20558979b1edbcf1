"""Play one plan file, slice by slice, as the harness says: `python -m locustfiles.player PLAN.json`.

One Locust process for one block. All users are spawned once and wait for their turn, so that a slice
starts within a millisecond and its connections are those of the last visit. Standard input says which slice is
next and where its arm listens; standard output answers `ready` and `played`, one JSON object per line.
"""

import base64
import gc
import json
import logging
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any, BinaryIO, ClassVar

import gevent
import numpy as np
from gevent.event import Event
from gevent.queue import SimpleQueue
from locust import User, task
from locust.env import Environment

from harness.samples import COLUMNS, FEWEST_LATENCIES, LATENCIES_PER_SLICE, SHORTAGE, Outcome, Played
from locustfiles.client import Client, Sweeper, prebuilt
from locustfiles.closed_loop import call_until
from locustfiles.recorder import Recorder, Rows, fold_into, write

LEAD_NS = 2_000_000  # from the decision to start to the first request
CUT_LATENCIES = 2

Address = tuple[str, int]


@dataclass(frozen=True)
class Turn:
    """What one user does in one slice."""

    slice: int
    arm: str
    address: Address
    request: bytes
    body: bytes | None
    first_ns: int
    end_ns: int


class SliceUser(User):
    """A user that waits for its turns; one connection per arm, kept from slice to slice."""

    everyone: ClassVar[list["SliceUser"]] = []
    player: ClassVar["Player"]

    def on_start(self) -> None:
        self.turns: SimpleQueue[Turn] = SimpleQueue()
        self.clients: dict[str, Client] = {}
        self.number = len(self.everyone)
        self.everyone.append(self)

    @task
    def take_turns(self) -> None:
        while True:
            turn = self.turns.get()
            client = self._client(turn)
            gevent.sleep(max(0.0, (turn.first_ns - perf_counter_ns()) / 1e9))
            call_until(
                turn.end_ns, client, turn.request, turn.body, self.player.recorder.record, (turn.slice, self.number)
            )
            self.player.user_is_done()

    def _client(self, turn: Turn) -> Client:
        """The connection to this arm; a new one where the arm was restarted or has hung up."""
        client = self.clients.get(turn.arm)
        if client is None or client.address != turn.address:
            if client is not None:
                client.close()
            client = self.clients[turn.arm] = Client(turn.address, self.player.timeout_ns, self.player.sweeper)
        if client.is_stale():
            client.close()
        return client


class Player:
    """The plan, the users' bookkeeping and the raw rows."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.slices = plan["slices"]
        self.bodies = {label: base64.b64decode(body) for label, body in plan["bodies"].items()}
        self.timeout_ns = int(plan["timeout_s"] * 1e9)
        self.drain_s = plan["drain_s"]
        self.recorder = Recorder()
        self.sweeper = Sweeper()
        self.latency_ns: dict[tuple[Any, ...], float] = {}
        self._busy = 0
        self._all_done = Event()

    def play(self, index: int, address: Address, environment: Environment, file: BinaryIO) -> Played:
        """Drive one slice, drain it, write its rows."""
        slice_ = self.slices[index]
        cell = tuple(slice_["cell"].values())
        length_ns, filling_ns = timing(slice_, self.latency_ns.get(cell))
        start_ns = perf_counter_ns() + LEAD_NS
        end_ns = start_ns + length_ns
        self._hand_out(slice_, address, start_ns, end_ns, filling_ns)
        self._drain(end_ns)
        drained_ns = perf_counter_ns()
        rows = self.recorder.take()
        write(rows, file)
        fold_into(environment.stats, " · ".join(map(str, cell)), rows)
        latency_ns = median_latency(rows)
        self.latency_ns[cell] = latency_ns if latency_ns is not None else float(length_ns)
        return Played(
            index=index,
            start_ns=start_ns,
            cut_ns=start_ns + CUT_LATENCIES * filling_ns,
            end_ns=end_ns,
            drained_ns=drained_ns,
            requests=len(rows),
            failures=int((outcomes(rows) != Outcome.OK).sum()),
            shortage=bool(np.isin(outcomes(rows), list(SHORTAGE)).any()),
            latency_ms=None if latency_ns is None else latency_ns / 1e6,
        )

    def user_is_done(self) -> None:
        self._busy -= 1
        if not self._busy:
            self._all_done.set()

    def _hand_out(self, slice_: dict[str, Any], address: Address, start_ns: int, end_ns: int, spread_ns: int) -> None:
        """Give each user its turn; their starts are spread, because users that start together stay in step."""
        users = SliceUser.everyone[: slice_["cell"]["users"]]
        places = list(range(len(users)))
        random.Random(slice_["seed"]).shuffle(places)
        self._busy = len(users)
        self._all_done.clear()
        for user, place in zip(users, places, strict=True):
            first_ns = start_ns + spread_ns * place // len(users)
            request = prebuilt(slice_["path"], address)
            body = self.bodies.get(slice_["cell"]["endpoint"])
            user.turns.put(Turn(slice_["index"], slice_["cell"]["arm"], address, request, body, first_ns, end_ns))

    def _drain(self, end_ns: int) -> None:
        """Wait for every user; what is in flight drain_s after the end is abandoned."""
        patience_s = (end_ns - perf_counter_ns()) / 1e9 + self.drain_s
        if not self._all_done.wait(patience_s):
            self.sweeper.abandon()
            self._all_done.wait()


def timing(slice_: dict[str, Any], latency_ns: float | None) -> tuple[int, int]:
    """(length, filling time) of a slice in ns.

    The length is ten of the cell's latencies, within the slice's bounds. The filling time is one latency: the users'
    starts are spread over it, and twice that is cut off. Where the upper bound cuts the slice
    short (a queue as long as the slice), it is a fifth of the slice: a saturated server is
    filled as soon as every user has sent its first request.
    """
    least_ns = slice_["least_s"] * 1e9
    latency_ns = max(latency_ns or 0.0, least_ns)
    shortest_ns, longest_ns = slice_["seconds"] * 1e9, slice_["longest_s"] * 1e9
    length_ns = min(max(shortest_ns, LATENCIES_PER_SLICE * latency_ns), longest_ns)
    return int(length_ns), int(min(latency_ns, length_ns / FEWEST_LATENCIES))


def outcomes(rows: Rows) -> Any:
    """The outcome of each row."""
    return rows[:, COLUMNS.index("outcome")]


def median_latency(rows: Rows) -> float | None:
    """Median ns from intended to done of correct responses; None if there were none."""
    ok = rows[outcomes(rows) == Outcome.OK]
    if not len(ok):
        return None
    return float(np.median(ok[:, COLUMNS.index("done_ns")] - ok[:, COLUMNS.index("intended_ns")]))


def spawn_users(environment: Environment, count: int) -> None:
    """Spawn the users once, and wait until each of them waits for its first turn."""
    runner = environment.create_local_runner()
    runner.start(count, spawn_rate=count)
    while len(SliceUser.everyone) < count:
        gevent.sleep(0.01)


def say(event: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def commands() -> Iterator[dict[str, Any]]:
    """Lines from the harness. Reading blocks the event loop on purpose: between slices there is nothing to do."""
    for line in sys.stdin:
        yield json.loads(line)


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    plan = json.loads(Path(sys.argv[1]).read_text())
    player = SliceUser.player = Player(plan)
    environment = Environment(user_classes=[SliceUser])
    spawn_users(environment, max(slice_["cell"]["users"] for slice_ in plan["slices"]))
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection in mid-slice would be measured as latency; collected between slices
    say("ready")
    with Path(plan["rows_file"]).open("wb") as file:
        for command in commands():
            played = player.play(command["slice"], tuple(command["address"]), environment, file)
            say("played", **asdict(played))
            gc.collect()


if __name__ == "__main__":
    main()
