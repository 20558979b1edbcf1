"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from support.databases import ANY

from harness.project import ready
from harness.registry.endpoints import DATABASE
from harness.scenario.database import Database
from harness.services import backends


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server that hears each client to its end, and only then answers with what it heard and `answer`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            heard = b""
            while not heard:  # the first to come only asks whether anybody is there
                client, _ = listening.accept()
                with client:
                    while chunk := client.recv(4096):
                        heard += chunk
                    client.sendall(heard + answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


@contextmanager
def delayed(target: int, tmp_path: Path, delay_ms: float = 20) -> Iterator[int]:
    asked = Database(delay_ms=delay_ms)
    with backends._delayed(f"postgres://127.0.0.1:{target}/x", asked, ANY) as way:
        yield way.port


def test_a_half_closed_connection_still_carries_the_answer(tmp_path: Path) -> None:
    with (
        answering(b" heard") as target,
        delayed(target, tmp_path) as port,
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        for part in (b"one", b"two", b"three"):
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(100)
        heard = b""
        while chunk := client.recv(4096):
            heard += chunk
    assert heard == b"onetwothree heard"


def test_a_query_through_the_delay_takes_as_much_longer_alone_and_among_fifty() -> None:
    with backends.running(Database(delay_ms=20), frozenset({DATABASE}), ANY, ready.demo()) as up:
        assert up.database.endswith(", 20 ms network delay")

        def queries(number: int) -> list[float]:
            with psycopg.connect(up.places["database"], autocommit=True) as connection:
                return [timed(connection) for _ in range(number)]

        alone = queries(30)
        with ThreadPoolExecutor(50) as threads:
            together = [took for many in threads.map(queries, [8] * 50) for took in many]
    assert min(alone + together) >= 0.020
    assert min(alone) < 0.035  # a busy machine adds to many of them, and not to all


def timed(connection: psycopg.Connection[Any]) -> float:
    started = time.perf_counter()
    connection.execute("SELECT 1")
    return time.perf_counter() - started
