"""The lean client against a server that misbehaves in every way it is supposed to tell apart."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import gevent
import pytest

from harness.samples import Outcome
from locustfiles.client import Client, Sweeper
from locustfiles.message import ends_with_connection, prebuilt

BODY = b'{"status": "done"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(BODY)
SECOND_NS = 1_000_000_000

Behaviour = Callable[[socket.socket], None]


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


def sends(*parts: bytes, close: bool = False) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.001)
        if close:
            connection.close()

    return behave


CASES: dict[str, tuple[Behaviour, Outcome, int, bool]] = {
    "whole": (sends(HEAD + b"\r\n" + BODY), Outcome.OK, 200, True),
    "byte by byte": (sends(*[bytes([b]) for b in HEAD + b"\r\n" + BODY]), Outcome.OK, 200, True),
    "chunked": (
        sends(CHUNKED + b"6\r\n" + BODY[:6] + b"\r\n", b"c\r\n" + BODY[6:] + b"\r\n0\r\n\r\n"), Outcome.OK, 200, True,
    ),
    "connection: close": (sends(HEAD + b"Connection: close\r\n\r\n" + BODY, close=True), Outcome.OK, 200, False),
    "ends with the connection": (sends(b"HTTP/1.1 200 OK\r\n\r\n" + BODY, close=True), Outcome.OK, 200, False),
    "HTTP/1.0": (sends(b"HTTP/1.0 200 OK\r\n\r\n" + BODY, close=True), Outcome.OK, 200, False),
    "a 500": (sends(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), Outcome.HTTP_ERROR, 500, True),
    "a redirect": (sends(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"), Outcome.HTTP_ERROR, 302, True),
    "another body": (sends(HEAD + b"\r\n" + b"x" * len(BODY)), Outcome.WRONG_BODY, 200, True),
    "a shorter body": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), Outcome.WRONG_BODY, 200, True),
    "early end": (sends(HEAD + b"\r\n" + BODY[:5], close=True), Outcome.EARLY_EOF, 0, False),
    "early end of a chunk": (
        sends(CHUNKED + b"6\r\nabc", close=True), Outcome.EARLY_EOF, 0, False,
    ),
    "nothing at all": (sends(close=True), Outcome.EARLY_EOF, 0, False),
    "half a head": (sends(HEAD[:20], close=True), Outcome.EARLY_EOF, 0, False),
    "reset": (reset, Outcome.RESET, 0, False),
    "not HTTP": (sends(b"SSH-2.0-OpenSSH_9.9\r\n"), Outcome.MALFORMED, 0, False),
    "silence": (sends(), Outcome.TIMEOUT, 0, False),
    "silence in mid-body": (sends(HEAD + b"\r\n" + BODY[:5]), Outcome.TIMEOUT, 0, False),
}  # fmt: skip


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], tuple[str, int]]]:
    """Starts a server that treats every request as told; returns its address."""
    listeners: list[socket.socket] = []

    def handle(connection: socket.socket, behave: Behaviour) -> None:
        try:
            while connection.recv(65_536):
                behave(connection)
        except OSError:
            pass

    def accept(listener: socket.socket, behave: Behaviour) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(connection, behave), daemon=True).start()

    def start(behave: Behaviour) -> tuple[str, int]:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=accept, args=(listener, behave), daemon=True).start()
        return listener.getsockname()

    yield start
    for listener in listeners:
        listener.close()


def client(address: tuple[str, int], timeout_s: float = 60) -> Client:
    return Client(address, int(timeout_s * SECOND_NS), Sweeper())


def call(one: Client, path: str = "/") -> tuple[int, int, int, int, int, int, int]:
    return gevent.spawn(one.call, prebuilt(path, one.address[0]), BODY).get(timeout=100)


def soon(true: Callable[[], bool]) -> bool:
    """Waits for it, while this process's greenlets run."""
    ends = time.monotonic() + 60
    while not true() and time.monotonic() < ends:
        gevent.sleep(0.01)
    return true()


@pytest.mark.parametrize(("behave", "outcome", "status", "kept"), CASES.values(), ids=CASES.keys())
def test_every_ending_is_told_apart(
    serve: Callable[[Behaviour], tuple[str, int]], behave: Behaviour, outcome: Outcome, status: int, kept: bool
) -> None:
    one = client(serve(behave), timeout_s=0.4 if outcome is Outcome.TIMEOUT else 60)
    sent_ns, _, done_ns, got_status, got_outcome, _, reused = call(one)
    assert (Outcome(got_outcome), got_status, bool(reused)) == (outcome, status, False)
    assert done_ns >= sent_ns
    assert (one.socket is not None) == kept
    one.close()


def test_a_connection_is_reused_and_counted_as_such(serve: Callable[[Behaviour], tuple[str, int]]) -> None:
    address, reused = serve(CASES["whole"][0]), []

    def three(one: Client) -> None:
        reused.extend(one.call(prebuilt("/", one.address[0]), BODY)[6] for _ in range(3))

    gevent.spawn(three, client(address)).get(timeout=100)
    assert [bool(value) for value in reused] == [False, True, True]


def test_after_a_failure_the_next_request_opens_a_new_connection(serve: Callable[[Behaviour], tuple[str, int]]) -> None:
    one = client(serve(reset))
    assert [Outcome(call(one)[4]) for _ in range(3)] == [Outcome.RESET] * 3


def test_a_timeout_enters_at_its_own_length(serve: Callable[[Behaviour], tuple[str, int]]) -> None:
    sent_ns, _, done_ns, *_ = call(client(serve(sends()), timeout_s=0.3))
    assert 0.3 <= (done_ns - sent_ns) / SECOND_NS < 30


def test_nobody_listening_is_a_failed_connection() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    assert Outcome(call(client(address))[4]) is Outcome.CONNECT_FAILED


def test_what_is_abandoned_is_unfinished_and_not_a_timeout(serve: Callable[[Behaviour], tuple[str, int]]) -> None:
    sweeper, came = Sweeper(), threading.Event()
    one = Client(serve(lambda _: came.set()), 60 * SECOND_NS, sweeper)
    waiting = gevent.spawn(one.call, prebuilt("/", one.address[0]), BODY)
    assert soon(came.is_set)
    sweeper.abandon()
    assert Outcome(waiting.get(timeout=50)[4]) is Outcome.UNFINISHED


def test_an_idle_connection_that_the_server_closed_is_stale(serve: Callable[[Behaviour], tuple[str, int]]) -> None:
    def answer_then_close(connection: socket.socket) -> None:
        CASES["whole"][0](connection)
        connection.shutdown(socket.SHUT_RDWR)

    one = client(serve(answer_then_close))
    assert call(one)[4] == Outcome.OK
    assert soon(one.is_stale)


def test_an_open_idle_connection_is_not_stale(serve: Callable[[Behaviour], tuple[str, int]]) -> None:
    one = client(serve(CASES["whole"][0]))
    assert not one.is_stale()
    assert call(one)[4] == Outcome.OK
    assert not one.is_stale()


def test_a_body_larger_than_the_receive_buffer_arrives_whole(serve: Callable[[Behaviour], tuple[str, int]]) -> None:
    large = b"y" * 3_000_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(large)
    one = client(serve(lambda connection: connection.sendall(head + large)), timeout_s=5)
    got = gevent.spawn(one.call, prebuilt("/", one.address[0]), large).get(timeout=100)
    assert (Outcome(got[4]), got[5]) == (Outcome.OK, len(large))


def test_the_first_byte_is_that_of_the_body_and_not_of_the_head(serve: Callable[[Behaviour], tuple[str, int]]) -> None:
    def slowly(connection: socket.socket) -> None:
        for pause_s, part in ((0.1, HEAD + b"\r\n"), (0.1, BODY[:6]), (0.5, BODY[6:])):
            time.sleep(pause_s)
            connection.sendall(part)

    sent_ns, first_ns, done_ns, *_ = call(client(serve(slowly)))
    assert first_ns - sent_ns >= 0.2 * SECOND_NS
    assert done_ns - first_ns >= 0.05 * SECOND_NS


@pytest.mark.parametrize("behave", [sends(HEAD + b"\r\n"), sends(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")])
def test_without_a_body_there_is_no_first_byte(
    serve: Callable[[Behaviour], tuple[str, int]], behave: Behaviour
) -> None:
    assert call(client(serve(behave), timeout_s=0.4))[1] == 0


def test_what_came_of_a_stream_that_was_cut_off_is_kept(serve: Callable[[Behaviour], tuple[str, int]]) -> None:
    one = client(serve(sends(CHUNKED + b"6\r\nabcdef\r\n", b"3\r\nghi\r\n")), timeout_s=1)
    _, first_ns, _, _, outcome, length, _ = call(one)
    assert (Outcome(outcome), length, one.body) == (Outcome.TIMEOUT, 9, b"abcdefghi")
    assert first_ns > 0


def test_a_stream_of_many_parts_takes_no_more_than_its_bytes(serve: Callable[[Behaviour], tuple[str, int]]) -> None:
    """Parts are joined once, at the end: joined one by one, these would be copied for minutes."""
    part, parts = b"1000\r\n" + b"z" * 4096 + b"\r\n", 20_000
    whole = b"z" * 4096 * parts

    def behave(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + part * parts + b"0\r\n\r\n")

    one = client(serve(behave), timeout_s=60)
    got = gevent.spawn(one.call, prebuilt("/", one.address[0]), whole).get(timeout=100)
    assert (Outcome(got[4]), got[5]) == (Outcome.OK, len(whole))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nbody", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nX: 1", False),
        (b"", False),
    ],
)
def test_only_a_response_without_a_length_may_end_with_its_connection(head: bytes, expected: bool) -> None:
    assert ends_with_connection(head) is expected
