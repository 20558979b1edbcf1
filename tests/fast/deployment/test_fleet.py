"""The servers table and what surrounds a started server: flags, environment, ports, process groups."""

from harness.deployment import fleet


def test_arms_get_different_log_names() -> None:
    assert fleet.slug("sync · gthread×8") == "sync-gthread-8"
    assert fleet.slug("···") == "arm"
