"""The caches of a project's settings, with keys of a run's own."""

from typing import Any


def of_a_run(asked: "dict[str, dict[str, Any]]", keys: str) -> "dict[str, dict[str, Any]]":
    """Each of them, with keys that nobody else has: not who else uses the same server, nor another revision of the project."""
    return {alias: {**one, "KEY_PREFIX": keys + str(one.get("KEY_PREFIX", ""))} for alias, one in asked.items()}
