"""Real servers, real sockets, real signals. Nothing here depends on how fast the machine is."""

import http.client
import json
import time

from harness.services.slow_api import Services


def test_the_slow_api_waits_keeps_connections_and_knows_how_late_it_was(around: Services) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", around.upstream_port)
    around.upstream_stats()
    for ms in (0, 30, 60):
        started = time.perf_counter()
        connection.request("GET", f"/?ms={ms}")
        assert json.loads(connection.getresponse().read()) == {"ms": ms}
        assert time.perf_counter() - started >= ms / 1000
    connection.request("GET", "/?ms=abc")
    response = connection.getresponse()
    assert (response.status, response.read()) == (400, b'{"error": "ms: 0 to 60000, spread: 0 to 100"}')
    stats = around.upstream_stats()
    assert (stats["requests"], stats["in_flight"], stats["most_in_flight"]) == (3, 0, 1)
    assert 0 <= stats["late_p50_ms"] <= stats["late_max_ms"]
    assert around.upstream_stats()["requests"] == 0
    connection.close()


def test_a_spread_wait_is_told_from_one_that_is_late(around: Services) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", around.upstream_port)
    around.upstream_stats()
    took = []
    for _ in range(10):
        started = time.perf_counter()
        connection.request("GET", "/?ms=100&spread=50")
        assert json.loads(connection.getresponse().read()) == {
            "ms": 100
        }  # what was asked, so that all answers are alike
        took.append(time.perf_counter() - started)
    assert min(took) >= 0.05
    assert max(took) - min(took) > 0.05  # evenly from 50 to 150 ms
    assert around.upstream_stats()["late_p50_ms"] < 1000 * max(took)
    connection.close()
