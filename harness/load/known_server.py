"""Reference server for calibration: its timing is known to the microsecond.

    python -m harness.load.known_server [--spin] PORT

`GET /` returns immediately, `GET /?ms=5` after 5 ms. `GET /freeze?ms=50&after=1500` stalls the whole server
for 50 ms, 1 500 ms from now. `GET /log` returns what was served since the last `/log`: [received ns, answered ns] of
each request, on the same clock as the load generator's. A bare epoll loop, because it has to be faster than the load
generator; with `--spin` it never sleeps, so that its own wake-up is no part of the figure.
"""

import gc
import heapq
import json
import select
import socket
import struct
import sys
import time
from array import array
from time import perf_counter_ns
from typing import Final
from urllib.parse import parse_qs, urlsplit

from harness.system.ports import HOST

BODY: Final = b'{"known": true}'

REPLY: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"

ANSWER: Final = REPLY % (len(BODY), BODY)

AT_ONCE: Final = b"GET / "

NEAR_NS: Final = 2_000_000  # epoll sleeps whole milliseconds: nearer to a deadline than this it does not sleep

MS: Final = 1_000_000


class KnownServer:
    """One thread, one epoll. Tests make it misbehave by overriding `delay_ns` and `answer`."""

    def __init__(self, port: int, spin: bool = False) -> None:
        self.listener = socket.create_server((HOST, port), backlog=4096)
        self.listener.setblocking(False)
        self.spin = spin
        self.sockets: dict[int, socket.socket] = {}
        self.waiting: list[tuple[int, int, int]] = []  # (due, received, connection); the earliest first
        self.served = array("q")  # received and answered, alternating
        self.freezes: list[tuple[int, int]] = []  # (when, for how long)
        self.epoll = select.epoll()
        self.epoll.register(self.listener, select.EPOLLIN)

    def delay_ns(self, asked_ns: int, now_ns: int) -> int:  # noqa: ARG002
        """How long a request that asks for `asked_ns` is kept."""
        return asked_ns

    def serve(self) -> None:
        """Until the process is ended. Without garbage collection, because of its pauses."""
        gc.disable()
        listening = self.listener.fileno()
        while True:
            for number, _ in self.epoll.poll(self._sleep_s()):
                if number == listening:
                    self._accept()
                else:
                    self._read(number)
            self._freeze_if_due()
            self._answer_what_is_due()

    def answer(self, number: int, received_ns: int) -> None:
        """Send the response and log it."""
        self._send(number, ANSWER)
        self.served.extend((received_ns, perf_counter_ns()))

    def close(self, number: int, reset: bool = False) -> None:
        """Hang up."""
        connection = self.sockets.pop(number)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def request(self, number: int, target: str, now_ns: int) -> None:
        """A request that is not for `/`."""
        url = urlsplit(target)
        query = {name: float(values[0]) for name, values in parse_qs(url.query).items()}
        if url.path == "/log":
            log = json.dumps(list(zip(self.served[::2], self.served[1::2], strict=True))).encode()
            del self.served[:]
            self._send(number, REPLY % (len(log), log))
        elif url.path == "/freeze":
            heapq.heappush(self.freezes, (now_ns + int(query["after"] * MS), int(query["ms"] * MS)))
            self._send(number, ANSWER)
        else:
            due_ns = now_ns + self.delay_ns(int(query.get("ms", 0) * MS), now_ns)
            heapq.heappush(self.waiting, (due_ns, now_ns, number))

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets[connection.fileno()] = connection
        self.epoll.register(connection, select.EPOLLIN)

    def _read(self, number: int) -> None:
        now_ns = perf_counter_ns()
        try:
            data = self.sockets[number].recv(4096)
        except OSError:
            data = b""
        if not data:
            self.close(number)
        elif data.startswith(AT_ONCE) and not self.delay_ns(0, now_ns):
            self.answer(number, now_ns)
        else:
            self.request(number, data.split(b" ", 2)[1].decode("latin-1"), now_ns)

    def _answer_what_is_due(self) -> None:
        while self.waiting and self.waiting[0][0] <= perf_counter_ns():
            _, received_ns, number = heapq.heappop(self.waiting)
            if number in self.sockets:
                self.answer(number, received_ns)

    def _freeze_if_due(self) -> None:
        if self.freezes and self.freezes[0][0] <= perf_counter_ns():
            when_ns, length_ns = heapq.heappop(self.freezes)
            time.sleep(max(0, when_ns + length_ns - perf_counter_ns()) / 1e9)

    def _send(self, number: int, data: bytes) -> None:
        connection = self.sockets[number]
        connection.setblocking(len(data) > len(ANSWER))  # a log may be longer than a send buffer
        try:
            connection.sendall(data)
        except OSError:
            self.close(number)
            return
        connection.setblocking(False)

    def _sleep_s(self) -> float:
        """How long epoll may sleep; -1: until something happens."""
        if self.spin:
            return 0.0
        due = [first[0][0] for first in (self.waiting, self.freezes) if first]
        return max(0.0, (min(due) - perf_counter_ns() - NEAR_NS) / 1e9) if due else -1.0


if __name__ == "__main__":
    KnownServer(int(sys.argv[-1]), spin="--spin" in sys.argv).serve()
