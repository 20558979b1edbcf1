"""A lean HTTP/1.1 client for gevent: one keep-alive socket, a prebuilt request, httptools for the response.

A load generator may not be the bottleneck of what it measures. Locust's own clients build a request
object, a response object and an event per call; this one sends bytes, parses bytes and hands back
one tuple. It waits on gevent's event loop directly (one I/O watcher per connection), so a
request costs one greenlet switch there and one back.
"""

import _socket
from collections.abc import Iterator
from errno import EINPROGRESS
from itertools import islice
from socket import AF_INET, AF_INET6, IPPROTO_TCP, SO_ERROR, SOCK_STREAM, SOL_SOCKET, TCP_NODELAY
from time import perf_counter_ns

from gevent import getcurrent
from gevent.hub import get_hub
from httptools import HttpParserError, HttpResponseParser

from harness.samples import Outcome, Page
from locustfiles.message import ends_with_connection

READ, WRITE = 1, 2  # libev's event masks

RECEIVE_BYTES = 65_536

SWEEP_S = 0.02

AT_A_TIME = 100


class DisconnectedError(Exception):
    """The response cannot be completed; args[0] is the Outcome that says why."""


class Client:
    """One simulated user's connection to one server; not shared between greenlets.

    `deadline_ns` is the moment a waiting request is given up (0: not waiting); the Sweeper reads it. `body` is what came of
    the last response, also of one that was cut off; `page`, what it was held against, where it was right and no body is the same.
    """

    def __init__(self, address: tuple[str, int], timeout_ns: int, sweeper: "Sweeper") -> None:
        self.address = address
        self.timeout_ns = timeout_ns
        self.deadline_ns = 0
        self.given_up = Outcome.OK
        self.socket: _socket.socket | None = None
        self.page: Page | None = None
        self._hub = get_hub()
        self._sweeper = sweeper

    def call(self, request: bytes, expected: bytes | Page | None) -> tuple[int, int, int, int, int, int, int]:
        """Send one request and wait for its response.

        Returns (sent_ns, first_ns, done_ns, status, outcome, body bytes, reused); first_ns is 0 where no body came.
        Never raises for anything the server does. `expected`: the body of a 200; None accepts any.
        """
        reused = self.socket is not None
        sent_ns = perf_counter_ns()
        self.deadline_ns = sent_ns + self.timeout_ns
        self.given_up = Outcome.OK
        self.complete = self.keep_alive = False
        self.first_ns = 0
        self.page = None
        parts: list[bytes] = []
        self._parts = parts
        outcome = Outcome.OK
        try:
            if not reused:
                self._connect()
            self._send(request)
            self._receive()
        except DisconnectedError as reason:
            outcome = reason.args[0]
        done_ns = perf_counter_ns()
        self.deadline_ns = 0
        body = self.body = b"".join(parts)  # of a single part, that part itself
        if outcome:
            if outcome is Outcome.TIMEOUT:
                done_ns = sent_ns + self.timeout_ns  # and not when the sweeper noticed
            self.close()
            return sent_ns, self.first_ns, done_ns, 0, outcome, len(body), reused
        status = self.parser.get_status_code()
        if not self.keep_alive:
            self.close()
        if expected.__class__ is Page:
            outcome = expected.outcome(status, body)
            self.page = None if outcome or expected.body is not None else expected
        elif status != 200:
            outcome = Outcome.HTTP_ERROR
        elif expected is not None and body != expected:
            outcome = Outcome.WRONG_BODY
        return sent_ns, self.first_ns, done_ns, status, outcome, len(body), reused

    def open(self) -> None:
        """Connect ahead of the first request; a refusal shows when that is sent."""
        if self.socket is None:
            self.deadline_ns = perf_counter_ns() + self.timeout_ns
            self.given_up = Outcome.OK
            try:
                self._connect()
            except DisconnectedError:
                self.close()
            self.deadline_ns = 0

    def close(self) -> None:
        if self.socket is not None:
            self._readable.stop()
            self._readable.close()
            self.socket.close()
            self.socket = None
            self._sweeper.forget(self)

    def is_stale(self) -> bool:
        """Whether the server has closed the idle connection, or said something unasked."""
        if self.socket is None:
            return False
        try:
            self.socket.recv(1, _socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    # httptools calls these

    def on_body(self, part: bytes) -> None:
        if not self.first_ns:
            self.first_ns = perf_counter_ns()
        self._parts.append(part)

    def on_message_complete(self) -> None:
        self.complete = True
        self.keep_alive = self.parser.should_keep_alive()  # the parser only knows it now

    # the socket

    def _connect(self) -> None:
        family = AF_INET6 if ":" in self.address[0] else AF_INET
        new = self.socket = _socket.socket(family, SOCK_STREAM)
        new.setblocking(False)
        new.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self.parser = HttpResponseParser(self)
        self._readable = self._hub.loop.io(new.fileno(), READ)
        self._greenlet = getcurrent()
        self._wake = self._greenlet.switch
        self._sweeper.watch(self)
        failure = new.connect_ex(self.address)
        if failure == EINPROGRESS:
            self._wait_writable()
            failure = new.getsockopt(SOL_SOCKET, SO_ERROR)
        if failure:
            raise DisconnectedError(Outcome.CONNECT_FAILED)

    def _send(self, request: bytes) -> None:
        assert self.socket is not None
        try:
            sent = self.socket.send(request)
            while sent < len(request):  # a full send buffer: only for requests of many kilobytes
                self._wait_writable()
                sent += self.socket.send(request[sent:])
        except OSError:
            raise DisconnectedError(Outcome.RESET) from None

    def _receive(self) -> None:
        assert self.socket is not None
        readable, switch, receive = self._readable, self._hub.switch, self.socket.recv
        head = b""
        while not self.complete:
            readable.start(self._wake)
            try:
                switch()
            finally:
                readable.stop()
            if self.given_up:
                raise DisconnectedError(self.given_up)
            try:
                data = receive(RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                raise DisconnectedError(Outcome.RESET) from None
            if not data:
                if ends_with_connection(head):
                    return
                raise DisconnectedError(Outcome.EARLY_EOF)
            head = head or data
            try:
                self.parser.feed_data(data)
            except HttpParserError:
                raise DisconnectedError(Outcome.MALFORMED) from None

    def _wait_writable(self) -> None:
        assert self.socket is not None
        writable = self._hub.loop.io(self.socket.fileno(), WRITE)
        writable.start(self._wake)
        try:
            self._hub.switch()
        finally:
            writable.stop()
            writable.close()
        if self.given_up:
            connecting = self.given_up is Outcome.TIMEOUT
            raise DisconnectedError(Outcome.CONNECT_FAILED if connecting else self.given_up)


class Sweeper:
    """Gives up requests that are past their deadline: one timer for all clients, not one per request.

    It looks at AT_A_TIME of them every SWEEP_S, because a look at thousands at once would delay what is due to be sent. A
    timeout of one among many is therefore noticed late (a second for 5 000), and recorded at its deadline all the same.
    """

    def __init__(self) -> None:
        self._clients: set[Client] = set()
        self._round: Iterator[Client] = iter(())
        self._timer = get_hub().loop.timer(SWEEP_S, repeat=SWEEP_S)
        self._timer.start(self._sweep)

    def watch(self, client: Client) -> None:
        self._clients.add(client)

    def forget(self, client: Client) -> None:
        self._clients.discard(client)

    def abandon(self) -> None:
        """Give up everything in flight as UNFINISHED, now. Call it from the hub or any greenlet."""
        get_hub().loop.run_callback(lambda: self._give_up(list(self._clients), 1 << 63, Outcome.UNFINISHED))

    def _sweep(self) -> None:
        some = list(islice(self._round, AT_A_TIME))
        if not some:
            self._round = iter(list(self._clients))
            some = list(islice(self._round, AT_A_TIME))
        self._give_up(some, perf_counter_ns(), Outcome.TIMEOUT)

    def _give_up(self, clients: list[Client], now_ns: int, why: Outcome) -> None:
        """Runs in the hub, so that switching to a client's greenlet is what its watcher would have done."""
        for client in clients:
            if 0 < client.deadline_ns < now_ns:
                client.given_up = why
                client.deadline_ns = 0
                client._wake()
