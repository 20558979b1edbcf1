"""HTTP/1.1 as bytes: a request that is built once, and what the head of a response says of its end."""

from collections.abc import Iterable

from harness.samples import joined

BODILESS = ("GET", "DELETE")

Headers = Iterable[tuple[str, str]]


def prebuilt(path: str, host: str, method: str = "GET", headers: Headers = (), content: str = "") -> bytes:
    """The request as bytes. `host` is the same whoever is asked, because pages name it; no compression, because that may be
    padded at random; keep-alive by default."""
    given = joined([("Host", host), ("User-Agent", "djbench"), ("Accept", "*/*"), *headers])
    body = content.encode()
    if body or method not in BODILESS:
        given["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def ends_with_connection(head: bytes) -> bool:
    """Whether this response has no length of its own, so that the end of the connection is its end (RFC 9112, 6.3)."""
    headers, separator, _ = head.partition(b"\r\n\r\n")
    lower = headers.lower()
    return bool(separator) and b"\r\ncontent-length:" not in lower and b"\r\ntransfer-encoding:" not in lower
