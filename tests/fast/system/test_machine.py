"""Cores are shared out fairly, and what the machine cannot do is said before anything starts."""

import resource

import pytest

from harness.errors import UserError
from harness.system import machine


def test_more_sockets_than_the_system_allows_are_refused_with_the_number_that_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, 1_200))
    machine.refuse_too_many_connections(connections=100, arms=10)
    with pytest.raises(UserError, match=r"lower the users \(or load.max_in_flight\) to 100, or raise"):
        machine.refuse_too_many_connections(connections=200, arms=10)


def test_a_package_that_is_not_installed_has_no_version() -> None:
    assert machine.version("no-such-package") is None
    assert machine.facts()["packages"]["django"]
