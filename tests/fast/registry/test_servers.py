"""The servers table and what surrounds a started server: flags, environment, ports, process groups."""

import re

import pytest
from support.arms import arm

from harness.registry.servers import REASONS, SERVERS


def flags(server: str) -> list[str]:
    return [word for word in SERVERS[server].argv(arm(server), 8000) if re.match(r"-{1,2}[a-z]", word)]


@pytest.mark.parametrize("server", SERVERS)
def test_every_flag_has_a_reason(server: str) -> None:
    assert [flag for flag in flags(server) if flag not in REASONS] == []


def test_no_reason_is_left_over() -> None:
    used = {flag for server in SERVERS for flag in flags(server)}
    assert set(REASONS) == used


@pytest.mark.parametrize("server", SERVERS)
def test_no_command_leaves_anything_on_auto(server: str) -> None:
    argv = SERVERS[server].argv(arm(server), 8000)
    assert "auto" not in argv
    assert "{" not in " ".join(argv)


@pytest.mark.parametrize(
    ("server", "cap"), [("gunicorn-sync", 1), ("gunicorn-gthread", 4), ("granian-wsgi", 4), ("uvicorn", None)]
)
def test_the_cap_is_what_the_flags_declare(server: str, cap: int | None) -> None:
    assert arm(server).concurrency_limit == cap
