"""The request as bytes."""

from locustfiles.message import prebuilt


def test_a_plain_get_has_what_it_always_had() -> None:
    assert prebuilt("/x/?y=1", "127.0.0.1") == (
        b"GET /x/?y=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: djbench\r\nAccept: */*\r\n\r\n"
    )


def test_a_body_has_its_length_and_headers_are_overruled_whatever_their_case() -> None:
    sent = prebuilt("/x/", "shop", "POST", [("accept", "text/html"), ("X-Y", "1")], "grün")
    head, _, body = sent.partition(b"\r\n\r\n")
    assert body == "grün".encode()
    assert b"Content-Length: 5" in head
    assert b"Accept: text/html" in head
    assert b"*/*" not in head
    assert head.startswith(b"POST /x/ HTTP/1.1\r\nHost: shop\r\n")


def test_a_post_without_a_body_says_so_and_cookies_are_in_one_line() -> None:
    sent = prebuilt("/x/", "shop", "POST", [("Cookie", "a=1"), ("Cookie", "b=2")])
    assert b"Content-Length: 0" in sent
    assert b"Cookie: a=1; b=2\r\n" in sent
