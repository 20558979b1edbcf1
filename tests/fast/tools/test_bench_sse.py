"""The judgement of `make bench-sse`: what it lets pass and what it does not."""

import numpy as np
import pytest

from tools.bench_sse import Held, problems, told

CLIENTS, EXPECTED = 100, 5


def held(events: list[int], served: int) -> Held:
    """Clients that got so many events; `served` of them at a time, one lot after the other."""
    number = np.arange(CLIENTS)
    got, turn = np.array(events), number // served * 10
    return Held(EXPECTED, got, np.where(got > 0, turn + 1, 0), turn + 10)


def everyone() -> Held:
    return held([EXPECTED] * CLIENTS, CLIENTS)


def one_per_thread() -> Held:
    return held([EXPECTED] * 32 + [0] * 68, 32)


def test_all_on_the_event_loop_and_one_per_thread_is_as_it_has_to_be() -> None:
    assert problems(everyone(), one_per_thread(), 32) == []


@pytest.mark.parametrize(
    ("on_loop", "on_threads", "message"),
    [
        (held([EXPECTED] * 99 + [4], CLIENTS), one_per_thread(), "all 100 clients, 99 got them"),
        (
            everyone(),
            held([EXPECTED] * 31 + [0] * 69, 32),
            "expected 32 clients at once, and every event at these, got 31 at once",
        ),
        (everyone(), held([EXPECTED] * 32 + [1] + [0] * 67, 33), "got 33 at once"),
        (everyone(), held([EXPECTED] * 31 + [2] + [0] * 68, 32), "got 32 at once, and every event at 31"),
        (everyone(), held([EXPECTED] * 32 + [0] * 68, 16), "expected 32 clients at once"),
    ],
)
def test_anything_else_is_told(on_loop: Held, on_threads: Held, message: str) -> None:
    (found,) = problems(on_loop, on_threads, 32)
    assert message in found


def test_the_next_may_have_begun_when_the_first_have_ended() -> None:
    assert problems(everyone(), held([EXPECTED] * 32 + [2] * 32 + [0] * 36, 32), 32) == []


def test_a_server_s_line_has_all_three_counts() -> None:
    line = told("sync", one_per_thread())
    assert "32 of 100 clients got every event, 32 were served at once, 160 of 500 events delivered" in line
