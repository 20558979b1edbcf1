"""What would help becomes an arm, so that a run decides."""

from typing import Any

import pytest
from support.described import CLEAN

from harness.onboarding import what_if_arms
from harness.scenario import reader

TEXT = """
question = "Is the shop served better by an ASGI server?"
comparisons = [
    { arm = "uvicorn", over = "threads" },
]

[project]
dir = "/work/shop"
settings = "shop.settings"

[[arms]]
name = "threads"
server = "gunicorn-gthread"
threads = 8

[[arms]]
name = "uvicorn"
server = "uvicorn"

[[endpoints]]
name = "front page"
path = "/"
users = [4]
"""


def facts(**changes: Any) -> dict[str, Any]:
    white = CLEAN["middleware"][0] | {
        "path": "whitenoise.middleware.WhiteNoiseMiddleware",
        "async_capable": False,
        "hooks": [],
    }
    return CLEAN | {"middleware": [white, *CLEAN["middleware"]]} | changes


def test_an_order_that_needs_fewer_switches_is_an_arm_with_an_overlay() -> None:
    spread = [*facts()["middleware"], CLEAN["middleware"][0] | {"path": "b"}]
    (moved,) = what_if_arms.offered(facts(middleware=spread), "djbench_overlay")
    assert moved.name == "uvicorn · WhiteNoiseMiddleware last"
    assert moved.overlay is not None
    file, text = moved.overlay
    assert "from djbench_overlay import *" in text
    assert text.index("CommonMiddleware") < text.index('WhiteNoiseMiddleware",')
    asked = reader.parse(what_if_arms.with_arms(TEXT, [moved], "uvicorn"), "own.toml")
    assert asked.arms[-1].overlay == file
    assert (asked.pairs[0].arm, asked.pairs[0].over) == (moved.name, "uvicorn")
    assert len(asked.pairs) == 2


UNPOOLED = CLEAN | {"databases": {"default": CLEAN["databases"]["default"] | {"pool": False}}}


@pytest.mark.parametrize(
    ("django", "versions"), [("5.0.9", {"psycopg": "3.2"}), ("5.2", {"psycopg2": "2.9"}), ("5.2", {})]
)
def test_no_pool_is_offered_where_django_cannot_keep_one(django: str, versions: dict[str, str]) -> None:
    assert what_if_arms.offered(UNPOOLED | {"django": django, "versions": versions}, "s") == []


def test_a_pool_is_offered_where_there_is_none() -> None:
    (pool,) = what_if_arms.offered(UNPOOLED | {"versions": {"psycopg": "3.2"}}, "s")
    asked = reader.parse(what_if_arms.with_arms(TEXT, [pool], "uvicorn"), "own.toml")
    assert (asked.arms[-1].database, asked.arms[-1].pool) == ("pool", 16)


def test_nothing_is_offered_where_nothing_would_help() -> None:
    assert what_if_arms.offered(CLEAN, "s") == []


def test_an_arm_that_is_there_is_not_added_again() -> None:
    pool = what_if_arms.Added("uvicorn", [])
    with pytest.raises(ValueError, match="uvicorn"):
        what_if_arms.with_arms(TEXT, [pool], "uvicorn")
