"""A network between arms and their database: whatever goes to the server arrives later, in order.

    python -m harness.services.delay_proxy LISTEN_PORT HOST:PORT DELAY_MS JITTER_MS SEED

Each chunk is held for DELAY_MS and a random jitter (exponential, with mean JITTER_MS, seeded per connection). Responses
are not delayed, so that a round trip takes that much longer. Plain asyncio: its timers
never fire early, and at most a millisecond late.
"""

import asyncio
import itertools
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

POSTGRES: Final = 5432

SEED: Final = 1

NEXT_S: Final = 1e-6  # between two timers, because timers of the same moment may fire in any order


def delays(delay_ms: float, jitter_ms: float, seed: str) -> Iterator[float]:
    """Seconds by which one chunk after the other is late; the same for the same seed."""
    rng = random.Random(seed)
    while True:
        yield (delay_ms + (rng.expovariate(1 / jitter_ms) if jitter_ms else 0.0)) / 1000


class Side(asyncio.Protocol):
    """One end of a connection: hands on what it hears to the other end, each chunk after its time. (asyncio sets TCP_NODELAY.)"""

    def __init__(self, late_s: Iterator[float]) -> None:
        self._late_s, self._due = late_s, 0.0
        self._loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._later(Side.write, data)

    def eof_received(self) -> bool:
        self.ended = True
        self._later(Side.end)
        return True  # half closed: the other end may still have something to say

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._later(Side.close)

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def end(self) -> None:
        """The other end has said all; once both have, the connection is over."""
        if self.ended:
            self.close()
            if self.other is not None:
                self.other.close()
        elif self.transport is not None and not self.transport.is_closing():
            self.transport.write_eof()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def _later(self, what: Callable[..., None], *arguments: Any) -> None:
        self._due = max(self._due + NEXT_S, self._loop.time() + next(self._late_s))
        if self.other is not None:
            self._loop.call_at(self._due, what, self.other, *arguments)


class Accepted(Side):
    """The client's end: connects to the server before it listens to the client."""

    def __init__(self, target: tuple[str, int], late_s: Iterator[float]) -> None:
        super().__init__(late_s)
        self._target = target

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self._connecting = self._loop.create_task(self._connect(self.transport))

    async def _connect(self, transport: asyncio.Transport) -> None:
        server = Side(itertools.repeat(0.0))
        server.other = self
        try:
            await self._loop.create_connection(lambda: server, *self._target)
        except OSError:
            transport.abort()
            return
        self.other = server
        if transport.is_closing():
            server.close()
        else:
            transport.resume_reading()


async def serve(port: int, target: tuple[str, int], delay_ms: float, jitter_ms: float, seed: str) -> None:
    """Pass connections on for ever; the n-th of them has its own delays, which follow from seed and n."""
    numbers = itertools.count()

    def accepted() -> Accepted:
        return Accepted(target, delays(delay_ms, jitter_ms, f"{seed}/{next(numbers)}"))

    server = await asyncio.get_running_loop().create_server(accepted, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    port, target, delay_ms, jitter_ms, seed = sys.argv[1:]
    host, _, target_port = target.rpartition(":")
    asyncio.run(serve(int(port), (host, int(target_port)), float(delay_ms), float(jitter_ms), seed))


if __name__ == "__main__":
    main()
