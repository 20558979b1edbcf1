"""The servers table and what surrounds a started server: flags, environment, ports, process groups."""

import socket

import pytest

from harness.errors import UserError
from harness.system import ports


def test_a_port_on_which_something_answers_is_refused_and_never_chosen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} .* already in use"):
            ports.refuse_if_taken(port)
    assert not ports.answers(ports.free())


def test_arms_that_start_side_by_side_get_different_ports() -> None:
    drawn = [ports.free() for _ in range(500)]  # nothing listens yet; by chance ten would be drawn twice
    assert len(set(drawn)) == len(drawn)
