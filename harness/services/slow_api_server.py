"""The slow API: answers `GET /?ms=N` after N milliseconds, up to `&spread=P` percent less or more, and reports how late it was.

    python -m harness.services.slow_api_server PORT

An asyncio.Protocol with loop.call_at, so that ten thousand waiting requests are ten thousand timers; plain
asyncio, because uvloop counts in whole milliseconds and may fire early. `GET /stats` returns what
happened since the last `/stats`: requests, most in flight at once, and how much later than asked the
answers left (ms: median, p99, largest).
"""

import asyncio
import json
import sys
from itertools import count
from typing import Final
from urllib.parse import parse_qs, urlsplit

import httptools

LONGEST_MS: Final = 60_000

GOLDEN: Final = (5**0.5 - 1) / 2

HEAD: Final = "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"


class Stats:
    """Counters since the last report."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.drawn = (2 * (number * GOLDEN % 1) - 1 for number in count())  # from -1 to 1, even over any few
        self.reset()

    def reset(self) -> None:
        self.requests = 0
        self.most_in_flight = self.in_flight
        self.late_s: list[float] = []

    def enter(self) -> None:
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def leave(self, late_s: float) -> None:
        self.in_flight -= 1
        self.late_s.append(late_s)

    def report(self) -> dict[str, float | None]:
        late_ms = sorted(1000 * late for late in self.late_s)
        answer = {
            "requests": self.requests,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "late_p50_ms": quantile(late_ms, 0.5),
            "late_p99_ms": quantile(late_ms, 0.99),
            "late_max_ms": quantile(late_ms, 1.0),
        }
        self.reset()
        return answer


def quantile(ordered: list[float], q: float) -> float | None:
    """The q-quantile by the nearest lower rank; None of nothing."""
    return ordered[int(q * (len(ordered) - 1))] if ordered else None


class SlowApi(asyncio.Protocol):
    """One connection; keep-alive, one request at a time."""

    def __init__(self, stats: Stats) -> None:
        self.stats = stats
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    # httptools calls these

    def on_url(self, url: bytes) -> None:
        self.url = url.decode("latin-1")

    def on_message_complete(self) -> None:
        keep_alive, url = self.parser.should_keep_alive(), urlsplit(self.url)
        if url.path == "/stats":
            self.answer("200 OK", self.stats.report(), keep_alive)
            return
        asked = parse_qs(url.query)
        text, spread = (asked.get(name, ["0"])[0] for name in ("ms", "spread"))
        if not text.isdecimal() or int(text) > LONGEST_MS or not spread.isdecimal() or int(spread) > 100:
            self.answer("400 Bad Request", {"error": f"ms: 0 to {LONGEST_MS}, spread: 0 to 100"}, keep_alive)
            return
        self.stats.enter()
        due = self.loop.time() + int(text) / 1000 * (1 + int(spread) / 100 * next(self.stats.drawn))
        self.loop.call_at(due, self.answer_late, due, {"ms": int(text)}, keep_alive)

    def answer_late(self, due: float, body: object, keep_alive: bool) -> None:
        self.stats.leave(self.loop.time() - due)
        self.answer("200 OK", body, keep_alive)

    def answer(self, status: str, body: object, keep_alive: bool) -> None:
        if self.transport.is_closing():
            return
        payload = json.dumps(body).encode()
        self.transport.write(HEAD.format(status=status, length=len(payload)).encode() + payload)
        if not keep_alive:
            self.transport.close()


async def serve(port: int) -> None:
    stats = Stats()
    server = await asyncio.get_running_loop().create_server(lambda: SlowApi(stats), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    asyncio.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
