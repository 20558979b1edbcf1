"""The users of a load generator: Locust spawns them, and each waits for its turns with a connection per arm.

A turn is a function of the user, run in the user's own greenlet: its connections belong to that greenlet.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

import gevent
from gevent.event import Event
from gevent.queue import SimpleQueue
from locust import User, task
from locust.env import Environment

from locustfiles.client import Client, Sweeper

Address = tuple[str, int]

Turn = Callable[["CrewUser"], None]


class CrewUser(User):
    """A user that waits for its turns; one connection per arm, kept from slice to slice."""

    crew: ClassVar["Crew"]

    def on_start(self) -> None:
        self.turns: SimpleQueue[Turn] = SimpleQueue()
        self.clients: dict[str, Client] = {}
        self.number = len(self.crew.users)
        self.crew.users.append(self)

    @task
    def take_turns(self) -> None:
        while True:
            self.turns.get()(self)

    def client(self, arm: str, address: Address) -> Client:
        """The connection to this arm; a new one where the arm was restarted or has hung up."""
        client = self.clients.get(arm)
        if client is None or client.address != address:
            if client is not None:
                client.close()
            client = self.clients[arm] = Client(address, self.crew.timeout_ns, self.crew.sweeper)
        if client.is_stale():
            client.close()
        return client


class Crew:
    """All users of this process."""

    def __init__(self, environment: Environment, timeout_ns: int, sweeper: Sweeper) -> None:
        self.users: list[CrewUser] = []
        self.timeout_ns, self.sweeper = timeout_ns, sweeper
        self._runner = environment.create_local_runner()

    @classmethod
    def hire(cls, timeout_ns: int, sweeper: Sweeper) -> tuple[Environment, "Crew"]:
        """A Locust environment whose users are a crew; nobody is in it yet."""
        environment = Environment(user_classes=[CrewUser])
        crew = CrewUser.crew = cls(environment, timeout_ns, sweeper)
        return environment, crew

    def first(self, count: int) -> Sequence[CrewUser]:
        """So many users, spawned if there are not yet as many."""
        if count > len(self.users):
            self._runner.start(count, spawn_rate=count)
            while len(self.users) < count:
                gevent.sleep(0.01)
        return self.users[:count]


def hand_out(turns: Sequence[tuple[CrewUser, Turn]]) -> Event:
    """Give each user its turn; the event is set when all of them have been taken."""
    left, all_done = [len(turns)], Event()

    def counted(turn: Turn) -> Turn:
        def take(user: CrewUser) -> None:
            turn(user)
            left[0] -= 1
            if not left[0]:
                all_done.set()

        return take

    for user, turn in turns:
        user.turns.put(counted(turn))
    if not turns:
        all_done.set()
    return all_done
