"""Responses that come bit by bit: first byte, streams at once, and claims about them."""

import pytest
from support.streams import SSE

from harness.errors import UserError
from harness.registry import endpoints
from harness.scenario import reader


@pytest.mark.parametrize(
    ("query", "least_ms"), [({}, 2_000), ({"ms": 1_000, "every": 300}, 900), ({"ms": 10, "every": 20}, 0)]
)
def test_a_stream_of_events_ends_with_its_last_event(query: dict[str, int], least_ms: float) -> None:
    assert endpoints.ENDPOINTS["sse"].least_ms(query) == least_ms


def test_every_may_not_be_zero() -> None:
    with pytest.raises(UserError, match=r"query\.every: expected a whole number from 1 to 60000, got 0"):
        reader.parse(SSE.replace("every = 10", "every = 0").replace("every=10", "every=0"), "x")
