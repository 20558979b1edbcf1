"""What each endpoint of the measured project answers, in both views: the same, and as its query asks."""

import asyncio
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django
from django.test import AsyncClient, Client, override_settings

django.setup()

from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from endpoints import stores, workload
from endpoints.models import Book, Counter

from harness.registry.endpoints import ENDPOINTS

Answer = tuple[int, bytes]
BOOK_1 = b'{"id": 1, "title": "Book 0001", "year": '


@pytest.fixture(scope="module", autouse=True)
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An SQLite file of this module's own, filled by the project's command."""
    before, own = connections.databases["default"]["NAME"], tmp_path_factory.mktemp("database") / "db.sqlite3"
    connections["default"].close()
    connections.databases["default"]["NAME"] = str(own)
    call_command("seed", verbosity=0)
    yield
    connections["default"].close()
    connections.databases["default"]["NAME"] = before


@override_settings(ALLOWED_HOSTS=["testserver"])
def ask(path: str) -> Answer:
    """One GET: a sync view through WSGI, an async one through ASGI."""
    client = Client(raise_request_exception=False)
    if path.startswith("/sync/"):
        response = client.get(path)
        return response.status_code, b"".join(response) if response.streaming else response.content

    async def over_asgi() -> Answer:
        response = await AsyncClient(raise_request_exception=False).get(path)
        if not response.streaming:
            return response.status_code, response.content
        return response.status_code, b"".join([part async for part in response])

    return asyncio.run(over_asgi())


def both(work_: str) -> bytes:
    """The answer of both views, which has to be the same and a 200."""
    sync, asynchronous = ask(f"/sync/{work_}"), ask(f"/async/{work_}")
    assert sync == asynchronous
    assert sync[0] == 200
    return sync[1]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits are recorded instead of waited for, and the clock goes by them alone."""
    from endpoints import views_async, views_sync

    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(views_sync.time, "sleep", waits.append)
    monkeypatch.setattr(views_async.asyncio, "sleep", sleep)
    monkeypatch.setattr(workload.time, "monotonic", lambda: 1_000.0 + sum(waits))
    return waits


def test_a_write_is_one_transaction_and_answers_the_same_every_time() -> None:
    before = Counter.objects.get(pk=7).n
    assert [both("db_write/?pk=7") for _ in range(2)] == [b'{"status": "written"}'] * 2
    assert Counter.objects.get(pk=7).n == before + 4
    with CaptureQueriesContext(connection) as queries:
        stores.write(7)
    assert [query["sql"].split()[0] for query in queries] == ["BEGIN", "UPDATE", "COMMIT"]


def test_a_write_without_a_key_goes_to_any_row_and_adds_none() -> None:
    rows = Counter.objects.count()
    both("db_write/")
    assert Counter.objects.count() == rows == 1_000


def test_a_write_to_no_row_is_an_error_and_not_an_answer() -> None:
    assert [ask(f"/{view}/db_write/?pk=0")[0] for view in ("sync", "async")] == [500, 500]


@pytest.mark.parametrize("mode", ["sequential", "parallel"])
def test_a_fan_out_gives_its_rows_in_order(mode: str) -> None:
    whole = both(f"db_fanout/?k=12&mode={mode}")
    expected = [{"id": book.pk, "title": book.title, "year": book.year} for book in Book.objects.order_by("pk")[:12]]
    assert whole == workload.JsonResponse({"books": expected}).content


def test_a_parallel_fan_out_leaves_no_connection_behind() -> None:
    """CONN_MAX_AGE is 0: each thread has closed its connection, as a request would."""
    from endpoints import orm_sync

    orm_sync.read_all([1, 2, 3], parallel=True)
    open_ = list(orm_sync._threads().map(lambda _: connections["default"].connection is not None, range(8)))
    assert not any(open_)


def test_native_rows_are_asked_for_as_the_orm_asks() -> None:
    with CaptureQueriesContext(connection) as queries:
        Book.objects.get(pk=1)
    plain = queries[0]["sql"].replace('"', "").replace("endpoints_book.", "")
    assert plain == stores.BOOK_SQL % 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [("db_native", "speaks to PostgreSQL only"), ("cache_native", "speaks to Redis only; CACHE_URL is not set")],
)
@pytest.mark.parametrize("view", ["sync", "async"])
def test_without_its_service_a_native_endpoint_fails_and_says_why(
    view: str, name: str, reason: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging

    monkeypatch.setattr(logging.getLogger("django"), "propagate", True)
    assert ask(f"/{view}/{name}/")[0] == 500
    assert reason in str(caplog.records[-1].exc_info)


def test_the_cache_is_filled_by_whoever_asks_first() -> None:
    cache.clear()
    assert cache.get("answer-2") is None
    assert (
        both("cache/?k=3") == b'{"values": ["the value of answer-0", "the value of answer-1", "the value of answer-2"]}'
    )
    assert cache.get("answer-2") == "the value of answer-2"
    assert both("cache/?k=0") == b'{"values": []}'


@pytest.mark.parametrize("view", ["sync", "async"])
def test_a_cache_that_is_filled_is_not_written_again(view: str) -> None:
    cache.set("answer-0", "as it was")
    assert ask(f"/{view}/cache/")[1] == b'{"values": ["as it was"]}'
    cache.clear()


@pytest.mark.parametrize(
    ("query", "chunks", "pause"),
    [("", 5, 0.1), ("?k=4&ms=1000", 4, 0.25), ("?k=1&ms=0", 1, 0), ("?k=0&ms=100", 0, None)],
)
def test_a_stream_spreads_its_chunks_over_its_time(
    query: str, chunks: int, pause: float | None, pauses: list[float]
) -> None:
    assert both(f"stream/{query}") == b"".join(b"chunk %d\n" % number for number in range(chunks))
    assert pauses == pytest.approx([pause] * 2 * chunks)


def test_every_event_comes_after_its_pause(pauses: list[float]) -> None:
    assert both("sse/?ms=1000&every=300") == b'data: {"n": 0}\n\ndata: {"n": 1}\n\ndata: {"n": 2}\n\n'
    assert pauses == pytest.approx([0.3] * 6)


def test_an_event_that_came_late_does_not_delay_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(workload.time, "monotonic", lambda: now[0])
    left = []
    for _, left_s in workload.paced(["a", "b", "c"], 1.0):
        left.append(left_s)
        now[0] += left_s + 0.6  # each wake is 0.6 s late
    assert left == pytest.approx([1.0, 0.4, 0.4])


def test_a_stream_of_events_is_announced_as_one(pauses: list[float]) -> None:
    response = Client(SERVER_NAME="localhost").get("/sync/sse/?ms=0")
    assert response["Content-Type"] == "text/event-stream"


def test_those_who_poll_wake_at_the_same_time(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    wakes = []
    for now in (100.0, 100.3, 100.4985, 100.4995):
        monkeypatch.setattr(workload.time, "monotonic", lambda now=now: now)
        assert both("longpoll/?ms=500") == b'{"status": "event"}'
        wakes.append([round(now + pause, 6) for pause in pauses[-2:]])
    assert wakes == [[100.5] * 2, [100.5] * 2, [100.5] * 2, [101.0] * 2]  # the last was too near to be another event
    both("longpoll/?ms=0")
    assert pauses[-2:] == [0, 0]


def test_a_spread_wait_is_even_from_request_to_request(pauses: list[float]) -> None:
    for _ in range(10):
        both("wait/?ms=100&spread=50")
    assert min(pauses) >= 0.05
    assert max(pauses) <= 0.15
    assert sum(pauses) / 20 == pytest.approx(0.1, abs=0.005)
    assert max(b - a for a, b in pairwise(sorted(pauses))) < 0.012  # 0.005 each if it were quite even


@pytest.mark.parametrize("kib", [0, 1, 300])
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")
def test_a_file_is_as_long_as_asked_for(kib: int) -> None:
    whole = both(f"file/?kib={kib}")
    assert len(whole) == 1024 * kib
    assert whole == b"0123456789abcdef" * (64 * kib)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")
def test_a_file_that_another_process_has_damaged_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / f"djbench-{os.getuid()}-2-kib").write_bytes(b"cut off")
    workload._file.cache_clear()
    assert len(both("file/?kib=2")) == 2_048
    workload._file.cache_clear()


@pytest.mark.parametrize("crossings", [0, 3])
def test_a_bridge_is_crossed_as_often_as_asked_for(crossings: int, monkeypatch: pytest.MonkeyPatch) -> None:
    crossed = []

    async def anothing() -> None:
        crossed.append("async")

    monkeypatch.setattr(workload, "nothing", lambda: crossed.append("sync"))
    monkeypatch.setattr(workload, "anothing", anothing)
    assert both(f"bridge/?k={crossings}") == b'{"crossed": %d}' % crossings
    assert crossed == ["async"] * crossings + ["sync"] * crossings


@pytest.mark.parametrize("name", [name for name, facts in ENDPOINTS.items() if facts.query])
def test_the_harness_and_the_project_agree_on_what_a_query_may_hold(name: str) -> None:
    """Just beyond what the harness lets into a scenario, the project answers with a 400 that names the key."""
    for key, values in ENDPOINTS[name].query.items():
        beyond = [values[0] - 1, values[-1] + 1] if isinstance(values, range) else ["neither"]
        for value in beyond:
            others = "k=1&" if key == "mode" else ""  # of db_native it is asked only of several rows
            status, body = ask(f"/sync/{name}/?{others}{key}={value}")
            assert (status, key in body.decode()) == (400, True), (name, key, value)
