"""The smallest HTTP server that keeps connections alive: `python -m locustfiles.static PORT`. Stands in for nginx."""

import sys
from asyncio import BaseTransport, Protocol, Transport, get_running_loop

import uvloop

BODY = b'{"message": "Hello from async view!"}'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Static(Protocol):
    """Answers every segment that ends a request; our clients never split one, nor pipeline."""

    def connection_made(self, transport: BaseTransport) -> None:
        assert isinstance(transport, Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(REPLY)


async def serve(port: int) -> None:
    server = await get_running_loop().create_server(Static, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
