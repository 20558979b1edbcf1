"""A slice, ready to go: who sends what and when. Closed and open loop, over the same users and connections."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

import gevent
from gevent.event import Event
from gevent.hub import get_hub

from harness import arrivals
from harness.samples import Outcome
from locustfiles.client import prebuilt
from locustfiles.closed_loop import call_until
from locustfiles.crew import Crew, CrewUser, Turn, hand_out
from locustfiles.open_loop import Arrival, Arrivals, Pacer, serve
from locustfiles.recorder import Recorder

SPARE = 16  # connections opened beyond those that a steady flow needs


@dataclass(frozen=True)
class Asked:
    """What the harness asked for."""

    slice: dict[str, Any]  # plan.Slice
    address: tuple[str, int]
    length_ns: int
    filling_ns: int
    body: bytes | None
    place: tuple[int, int]  # which load maker of how many

    @property
    def arm(self) -> str:
        return str(self.slice["cell"]["arm"])

    @property
    def request(self) -> bytes:
        return prebuilt(self.slice["path"], self.address)


class ClosedSlice:
    """Users that call back to back; each load maker has its share of them."""

    def __init__(self, asked: Asked, crew: Crew, recorder: Recorder) -> None:
        number, of = asked.place
        everyone = range(asked.slice["cell"]["level"])
        self._asked, self._recorder, self._everyone = asked, recorder, len(everyone)
        self._numbers = everyone[number::of]
        self._users = crew.first(len(self._numbers))
        hand_out([(user, lambda user: self._check(user)) for user in self._users]).wait()

    def go(self, start_ns: int, end_ns: int) -> Event:
        """Users' starts are spread over the filling time, because users that start together stay in step."""
        places = list(range(self._everyone))
        random.Random(self._asked.slice["seed"]).shuffle(places)
        spread_ns = self._asked.filling_ns
        firsts = [start_ns + spread_ns * places[number] // self._everyone for number in self._numbers]
        return hand_out(
            [
                (user, self._turn(number, first_ns, end_ns))
                for user, number, first_ns in zip(self._users, self._numbers, firsts, strict=True)
            ]
        )

    def _check(self, user: CrewUser) -> None:
        user.client(self._asked.arm, self._asked.address)

    def _turn(self, number: int, first_ns: int, end_ns: int) -> Turn:
        asked, record = self._asked, self._recorder.record

        def turn(user: CrewUser) -> None:
            client = user.clients[asked.arm]
            gevent.sleep(max(0.0, (first_ns - perf_counter_ns()) / 1e9))
            call_until(end_ns, client, asked.request, asked.body, record, (asked.slice["index"], number))

        return turn


class OpenSlice:
    """Callers that wait for arrivals; each load maker has its share of the schedule."""

    pacer: Pacer | None = None  # one for the life of the process

    def __init__(self, asked: Asked, crew: Crew, recorder: Recorder) -> None:
        number, of = asked.place
        how, slice_ = asked.slice["open"], asked.slice
        whole = arrivals.schedule(how["arrivals"], slice_["cell"]["level"], asked.length_ns, slice_["seed"])
        offsets = arrivals.share(whole, number, of).tolist()
        self._asked, self._recorder = asked, recorder
        self._arrivals = Arrivals(offsets, self._drop, number, of)
        callers = crew.first(min(len(range(number, how["max_in_flight"], of)), len(offsets)))
        steady = round(len(offsets) * asked.filling_ns / asked.length_ns * 1.5)
        self._open(callers[: steady + SPARE] if how["pre_open"] else [])
        self._left = hand_out([(user, self._serve) for user in reversed(callers)])
        while len(self._arrivals.idle) < len(callers):
            gevent.sleep(0.001)

    def go(self, start_ns: int, end_ns: int) -> Event:
        """Start the clock; the callers wait already, and the schedule knows its own end."""
        assert end_ns == start_ns + self._asked.length_ns
        pacer = OpenSlice.pacer = OpenSlice.pacer or Pacer()
        self._arrivals.start_ns = start_ns
        pacer.start(self._arrivals)
        ended = Event()
        self._arrivals.all_done.rawlink(lambda _: self._send_home(ended))
        return ended

    def _send_home(self, ended: Event) -> None:
        get_hub().loop.run_callback(self._arrivals.send_home)
        self._left.rawlink(lambda _: ended.set())

    def _open(self, users: Sequence[CrewUser]) -> None:
        """Open connections now, so that their set-up is no part of the slice."""
        arm, address = self._asked.arm, self._asked.address
        hand_out([(user, lambda user: user.client(arm, address).open()) for user in users]).wait()

    def _serve(self, user: CrewUser) -> None:
        asked = self._asked
        client = user.client(asked.arm, asked.address)
        serve(self._arrivals, client, asked.request, asked.body, self._recorder.record, asked.slice["index"])

    def _drop(self, arrival: Arrival) -> None:
        number, intended_ns = arrival
        now_ns = perf_counter_ns()
        self._recorder.record(
            (self._asked.slice["index"], number, intended_ns, now_ns, now_ns, 0, Outcome.DROPPED, 0, 1)
        )
