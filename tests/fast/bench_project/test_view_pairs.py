"""Sync/async pairs: same workload, same answer, and nothing between them but async words."""

import difflib
import os

import pytest

from harness.location import ROOT

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django
from django.test import Client

django.setup()

from config import urls

from harness.registry.endpoints import ENDPOINTS

VIEWS = ROOT / "bench_project" / "endpoints"

# Applied to the async view, in this order, it gives the sync view, byte for byte.
SUBSTITUTIONS = {
    "The async views: views_sync.py with async words": "The sync views: views_async.py without async words",
    "import asyncio\n": "",
    "await asyncio.sleep(": "time.sleep(",
    "await sync_to_async(workload.nothing)()": "async_to_sync(workload.anothing)()",
    "sync_to_async(stores.write)(": "stores.write(",
    "import sync_to_async": "import async_to_sync",
    "AsyncIterator": "Iterator",
    "_async as ": "_sync as ",
    ".aget(": ".get(",
    ".aset(": ".set(",
    "async def ": "def ",
    "async for ": "for ",
    "await ": "",
}
BODIES = {
    "hello": b'{"message": "Hello from async view!"}',
    "simple": b'{"message": "Quick async response"}',
    "wait": b'{"status": "done"}',
    "greeting": b'{"greeting": "Hello, async world!"}',
}


def test_a_pair_differs_only_in_async_words() -> None:
    text = (VIEWS / "views_async.py").read_text()
    for old, new in SUBSTITUTIONS.items():
        assert old in text, f"unused substitution: {old!r}"
        text = text.replace(old, new)
    sync = (VIEWS / "views_sync.py").read_text()
    assert text == sync, "\n".join(difflib.unified_diff(text.splitlines(), sync.splitlines(), lineterm=""))


def test_the_harness_knows_every_endpoint_and_no_other() -> None:
    assert set(ENDPOINTS) == set(urls.ENDPOINTS)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits are recorded instead of waited for."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    from endpoints import views_async, views_sync

    monkeypatch.setattr(views_sync.time, "sleep", waits.append)
    monkeypatch.setattr(views_async.asyncio, "sleep", sleep)
    return waits


@pytest.mark.parametrize(("name", "body"), BODIES.items())
def test_the_tutorial_s_bodies_are_byte_for_byte_those_of_the_tutorial(name: str, body: bytes) -> None:
    for view in ("sync", "async"):
        response = Client(SERVER_NAME="localhost").get(f"/{view}/{name}/")
        assert (response.status_code, response.content) == (200, body)


@pytest.mark.parametrize(
    ("path", "seconds"),
    [("hello/", []), ("simple/", []), ("wait/", [1.0]), ("wait/?ms=0", [0.0]), ("wait/?ms=60000", [60.0]), ("greeting/", [2.0]),
     ("blocking/?ms=30", [0.03])],
)  # fmt: skip
@pytest.mark.parametrize("view", ["sync", "async"])
def test_each_view_waits_as_long_as_it_says(
    view: str, path: str, seconds: list[float], no_waiting: list[float]
) -> None:
    assert Client(SERVER_NAME="localhost").get(f"/{view}/{path}").status_code == 200
    assert no_waiting == seconds


@pytest.mark.parametrize(
    "ms", ["-1", "60001", "1.5", "abc", "", " 5", "1e3", "٣", "99999999999999999999", "%00", "0x10", "+5"]
)
@pytest.mark.parametrize("view", ["sync", "async"])
def test_any_other_wait_is_a_400_that_says_why(view: str, ms: str) -> None:
    response = Client(SERVER_NAME="localhost").get(f"/{view}/wait/?ms={ms}")
    assert response.status_code == 400
    assert "ms: expected a whole number from 0 to 60000" in response.json()["error"]


def test_an_unknown_mode_is_a_400() -> None:
    assert Client(SERVER_NAME="localhost").get("/sync/fanout/?mode=both").status_code == 400


def test_the_blocking_endpoint_blocks_in_both_views() -> None:
    """The classic mistake is the point of this endpoint: `time.sleep` stands in the async view too."""
    text = (VIEWS / "views_async.py").read_text()
    assert "    time.sleep(" in text.partition("async def blocking")[2]


def test_seeding_twice_gives_the_same_rows() -> None:
    import random

    from endpoints.management.commands.seed import SEED, books

    first, second = ([(b.title, b.year, b.author_id) for b in books(random.Random(SEED))] for _ in range(2))
    assert first == second
    assert len(first) == 1_000
