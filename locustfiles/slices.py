"""A slice, ready to go: who sends what and when. Closed and open loop, over the same users and connections."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, repeat
from time import perf_counter_ns
from typing import Any

import gevent
from gevent.event import Event
from gevent.hub import get_hub

from harness.plan import arrivals
from harness.samples import CUT_LATENCIES, Outcome, Page
from locustfiles.closed_loop import Call, Window, call_until
from locustfiles.message import prebuilt
from locustfiles.open_loop import Arrival, Arrivals, Pacer, serve
from locustfiles.recorder import Recorder
from locustfiles.users import Crew, CrewUser, Turn, hand_out

AHEAD = 64  # calls of a mix that are drawn at a time

SECOND_NS = 1_000_000_000

SPARE = 16  # connections opened beyond those that a steady flow needs


@dataclass(frozen=True)
class Asked:
    """What the harness asked for."""

    slice: dict[str, Any]  # plan.Slice
    address: tuple[str, int]
    filling_ns: int  # what is known of the cell's latency
    latencies: int  # how many of those that are seen a closed-loop slice lasts
    pages: Mapping[str, Page]  # a call's key, or its endpoint → the correct answer
    headers: Mapping[str, Any]  # likewise → what the arm's requests carry besides
    host: str
    place: tuple[int, int]  # which load generator of how many

    @property
    def arm(self) -> str:
        return str(self.slice["cell"]["arm"])

    @property
    def calls(self) -> list[Call]:
        """What may be asked, ready to send."""
        return [(part, *self._call(call)) for part, call in enumerate(self.slice["calls"])]

    def _call(self, call: Mapping[str, Any]) -> tuple[bytes, bytes | Page | None]:
        """The request, and what is correct; a body that is the same each time is compared as it is."""
        key, sent = call.get("key") or call["endpoint"], call.get("sent")
        page = self.pages.get(key)
        if sent is None:
            return prebuilt(call["path"], self.host), page and page.body
        headers = [*map(tuple, self.headers.get(key, ())), *map(tuple, sent["headers"])]
        return prebuilt(call["path"], self.host, sent["method"], headers, sent["body"]), page

    @property
    def shares(self) -> list[float]:
        """How often each of them is."""
        return [call["share"] for call in self.slice["calls"]]


def kept(asked: Asked, users: Sequence[CrewUser]) -> tuple[int, bytes] | None:
    """A correct answer of a page whose answers differ, to be looked at afterwards: place of its call, and body."""
    places = {id(page): place for place, _, page in asked.calls}
    for user in users:
        client = user.clients.get(asked.arm)
        if client is not None and client.page is not None and id(client.page) in places:
            return places[id(client.page)], client.body
    return None


class ClosedSlice:
    """Users that call back to back; each load generator has its share of them."""

    def __init__(self, asked: Asked, crew: Crew, recorder: Recorder) -> None:
        number, of = asked.place
        everyone = range(asked.slice["cell"]["level"])
        self._asked, self._recorder, self._everyone = asked, recorder, len(everyone)
        self._numbers = everyone[number::of]
        calls, shares, seed = asked.calls, asked.shares, asked.slice["seed"]
        self._calls = {number: drawn(calls, shares, f"{seed}/{number}") for number in self._numbers}
        self._users = crew.first(len(self._numbers))
        hand_out([(user, lambda user: self._check(user)) for user in self._users]).wait()

    def go(self, start_ns: int) -> Event:
        """Users' starts are spread over the filling time, because users that start together stay in step."""
        places = list(range(self._everyone))
        random.Random(self._asked.slice["seed"]).shuffle(places)
        spread_ns = self._asked.filling_ns
        firsts = [start_ns + spread_ns * places[number] // self._everyone for number in self._numbers]
        slice_ = self._asked.slice
        self.window = Window(
            users=len(self._users),
            end_ns=start_ns + int(slice_["longest_s"] * SECOND_NS),
            shortest_ns=slice_["seconds"] * SECOND_NS,
            latencies=self._asked.latencies,
            least_ns=slice_["least_s"] * SECOND_NS,
            start_ns=start_ns,
        )
        return hand_out(
            [
                (user, self._turn(number, first_ns))
                for user, number, first_ns in zip(self._users, self._numbers, firsts, strict=True)
            ]
        )

    def kept(self) -> tuple[int, bytes] | None:
        """One answer, once it has ended."""
        return kept(self._asked, self._users)

    def _check(self, user: CrewUser) -> None:
        user.client(self._asked.arm, self._asked.address)

    def _turn(self, number: int, first_ns: int) -> Turn:
        asked, record, window = self._asked, self._recorder.record, self.window
        calls = self._calls[number]

        def turn(user: CrewUser) -> None:
            client = user.clients[asked.arm]
            gevent.sleep(max(0.0, (first_ns - perf_counter_ns()) / 1e9))
            call_until(window, client, calls, record, (asked.slice["index"], number))

        return turn


class OpenSlice:
    """Callers that wait for arrivals; each load generator has its share of the schedule."""

    pacer: Pacer | None = None  # one for the life of the process

    def __init__(self, asked: Asked, crew: Crew, recorder: Recorder) -> None:
        number, of = asked.place
        how, slice_ = asked.slice["open"], asked.slice
        self._length_ns = int(slice_["seconds"] * SECOND_NS)
        whole = arrivals.schedule(how["arrivals"], slice_["cell"]["level"], self._length_ns, slice_["seed"])
        offsets = arrivals.share(whole, number, of).tolist()
        self._asked, self._recorder = asked, recorder
        self._calls: list[Call] = asked.calls
        self._parts: list[int] = arrivals.draw(asked.shares, len(whole), slice_["seed"]).tolist()
        self._arrivals = Arrivals(offsets, self._drop, number, of)
        callers = self._callers = crew.first(min(len(range(number, how["max_in_flight"], of)), len(offsets)))
        steady = round(len(offsets) * asked.filling_ns / self._length_ns * 1.5)
        self._open(callers[: steady + SPARE] if how["pre_open"] else [])
        self._left = hand_out([(user, self._serve) for user in reversed(callers)])
        while len(self._arrivals.idle) < len(callers):
            gevent.sleep(0.001)

    def go(self, start_ns: int) -> Event:
        """Start the clock; the callers wait already, and the schedule knows its own end."""
        self.window = Window(0, start_ns + self._length_ns)
        self.window.cut_ns = start_ns + CUT_LATENCIES * self._asked.filling_ns
        pacer = OpenSlice.pacer = OpenSlice.pacer or Pacer()
        self._arrivals.start_ns = start_ns
        pacer.start(self._arrivals)
        ended = Event()
        self._arrivals.all_done.rawlink(lambda _: self._end_slice(ended))
        return ended

    def kept(self) -> tuple[int, bytes] | None:
        """One answer, once it has ended."""
        return kept(self._asked, self._callers)

    def _end_slice(self, ended: Event) -> None:
        get_hub().loop.run_callback(self._arrivals.end_slice)
        self._left.rawlink(lambda _: ended.set())

    def _open(self, users: Sequence[CrewUser]) -> None:
        """Open connections now, so that their set-up is no part of the slice."""
        arm, address = self._asked.arm, self._asked.address
        hand_out([(user, lambda user: user.client(arm, address).open()) for user in users]).wait()

    def _serve(self, user: CrewUser) -> None:
        asked = self._asked
        client = user.client(asked.arm, asked.address)
        serve(self._arrivals, client, self._call_of, self._recorder.record, asked.slice["index"])

    def _call_of(self, number: int) -> Call:
        return self._calls[self._parts[number]]

    def _drop(self, arrival: Arrival) -> None:
        number, intended_ns = arrival
        now_ns = perf_counter_ns()
        slice_, part = self._asked.slice["index"], self._parts[number]
        self._recorder.record((slice_, number, intended_ns, now_ns, 0, now_ns, 0, Outcome.DROPPED, 0, 1, part))


def drawn(calls: Sequence[Call], shares: Sequence[float], seed: str) -> Iterator[Call]:
    """A user's calls, without end: the same one again and again, or drawn by their shares."""
    if len(calls) == 1:
        return repeat(calls[0])
    rng = random.Random(seed)
    return (call for _ in count() for call in rng.choices(calls, shares, k=AHEAD))
