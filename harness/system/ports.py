"""Free ports outside the range of outgoing connections, on which nothing listens."""

import itertools
import random
import socket
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from harness.errors import UserError

HOST: Final = "127.0.0.1"

LOWEST, HIGHEST = 20_000, 32_000  # below Linux's and macOS's ephemeral ranges

TRIED: Final = 200

_order = itertools.cycle(random.sample(range(LOWEST, HIGHEST), HIGHEST - LOWEST))


def free() -> int:
    """A port on which nobody answers and to which we can bind, and that was not handed out just before.

    Arms start side by side: a port drawn for one is silent until its server listens, and must not be drawn for another.
    """
    for port in itertools.islice(_order, TRIED):
        if not answers(port) and _can_bind(port):
            return port
    raise UserError(f"no free port between {LOWEST} and {HIGHEST} on {HOST}; stop the processes that hold them")


def refuse_if_taken(port: int) -> None:
    """UserError if anything answers on the port: a server that outlived its run would be measured instead of ours."""
    if answers(port):
        raise UserError(f"port {port} on {HOST}: already in use; stop that process (`lsof -i :{port}` names it)")


def answers(port: int) -> bool:
    """Whether a connection to the port is accepted."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def scheme(url: str) -> str | None:
    """What the URL begins with; None if it is none, or has a port that is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read, because it is checked only then
        return parts.scheme
    except ValueError:
        return None


def shown(url: str) -> str:
    """A URL for a message, without what may be a password."""
    start, separator, _ = url.partition("://")
    return f"{start}://…" if separator else repr(url)


def poll(ready: Callable[[], bool], seconds: float) -> bool:
    """Wait until `ready()`; False if it was not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
