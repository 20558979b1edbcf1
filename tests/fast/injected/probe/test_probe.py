"""The probe counts exactly: its clocks, counters and histogram, without a request of Django's."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from djbench_injected.probe import lag, request, waits
from djbench_injected.probe.counters import LAG_FLOOR_NS, NAMES, Counters
from djbench_injected.probe.lag import Lag
from djbench_injected.probe.request import Request

from harness.location import INJECTED


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set `ns` to say what time it is."""

    class Clock:
        ns = 0

    monkeypatch.setattr(request, "perf_counter_ns", lambda: Clock.ns)
    return Clock


def counts(folder: Path) -> dict[str, int]:
    numbers = memoryview((folder / str(os.getpid())).read_bytes()).cast("q")
    return dict(zip(NAMES, numbers, strict=True))


def test_overlapping_waits_never_add_up_to_more_than_the_time_in_the_application(tmp_path: Path, clock: Any) -> None:
    one = Request(Counters(tmp_path))
    for at, change, wait in [
        (10, one.begin, "upstream_ns"),
        (20, one.begin, "upstream_ns"),
        (30, one.begin, "query_ns"),  # a query is told before a call, whichever began first
        (50, one.end, "query_ns"),
        (60, one.end, "upstream_ns"),
        (90, one.end, "upstream_ns"),
    ]:
        clock.ns = at
        change(wait)
    clock.ns = 100
    one.answered()
    assert counts(tmp_path)["inside"] == 0
    clock.ns = 130
    one.leave()
    clock.ns = 999
    one.begin("query_ns")  # a task that outlives its request
    one.end("query_ns")
    found = counts(tmp_path)
    assert (found["application_ns"], found["query_ns"], found["upstream_ns"], found["answered_ns"]) == (130, 20, 60, 30)
    assert (found["requests"], found["inside"], found["inside_most"]) == (1, 0, 1)


def test_counts_of_many_threads_are_exact(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    threads = [Thread(target=lambda: [counters.add("switches") for _ in range(2_000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(tmp_path)["switches"] == 8_000


def test_a_forked_process_counts_in_a_file_of_its_own(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    counters.add("switches")
    child = os.fork()
    if child == 0:
        counters.add("switches", 5)
        os._exit(0)
    os.waitpid(child, 0)
    own = memoryview((tmp_path / str(child)).read_bytes()).cast("q")
    assert own[NAMES.index("switches")] == 5
    assert counts(tmp_path)["switches"] == 1


def test_a_loop_that_stood_still_for_100_ms_was_late_for_every_tick_it_missed(tmp_path: Path) -> None:
    class Loop:
        now, due = 0.0, 0.0

        def time(self) -> float:
            return self.now

        def call_at(self, due: float, tick: Any, *arguments: Any) -> None:
            self.due, self.tick = due, lambda: tick(*arguments)

    loop: Any = Loop()
    watched = Lag(Counters(tmp_path))
    watched.watch(loop)
    watched.watch(loop)
    loop.now = 0.1051
    loop.tick()
    late = {int(name[4:]): count for name, count in counts(tmp_path).items() if name.startswith("lag_") and count}
    assert sum(late.values()) == 10
    assert max(late) == lag.step(95_100_000)
    assert loop.due == pytest.approx(0.11)


def test_a_step_of_the_histogram_is_below_its_upper_edge() -> None:
    for late_ns in (0, LAG_FLOOR_NS, 11_000, 1_000_000, 123_456_789):
        edge = LAG_FLOOR_NS * 2 ** ((lag.step(late_ns) + 1) / 4)
        assert edge / 2 ** (1 / 4) <= max(late_ns, LAG_FLOOR_NS) < edge


@pytest.mark.parametrize("name", [name for names in waits.TIMED.values() for name in names])
def test_what_is_to_be_timed_is_where_the_table_says(name: str) -> None:
    """A library that renames a method would otherwise be left out without a word."""
    module, _, path = name.partition(" ")
    owner, _, method = path.partition(".")
    assert method in vars(getattr(pytest.importorskip(module), owner))


SESSIONS = """
import asyncio, sys
from pathlib import Path
import psycopg
from django.conf import settings
from djbench_injected.probe import waits
from djbench_injected.probe.counters import Counters

def there(cls, refuse=False):
    if refuse:
        raise OSError
    return "there"

async def there_async(cls, refuse=False):
    return there(cls, refuse)

psycopg.Connection.connect, psycopg.AsyncConnection.connect = classmethod(there), classmethod(there_async)
settings.configure()
waits.time_waits(Counters(Path(sys.argv[1])))
class Pooled(psycopg.AsyncConnection): pass
assert psycopg.connect() == psycopg.Connection.connect() == asyncio.run(Pooled.connect()) == "there"
for attempt in (lambda: psycopg.connect(refuse=True), lambda: asyncio.run(Pooled.connect(refuse=True))):
    try:
        attempt()
    except OSError:
        continue
    raise AssertionError("a refused connection is an error still")
"""


def test_a_session_of_postgresql_is_counted_by_whatever_name_it_is_opened_and_not_where_it_is_refused(
    tmp_path: Path,
) -> None:
    subprocess.run([sys.executable, "-c", SESSIONS, tmp_path], cwd=INJECTED, timeout=60, check=True)
    (file,) = tmp_path.iterdir()
    assert memoryview(file.read_bytes()).cast("q")[NAMES.index("sessions_opened")] == 3


def test_outside_of_a_request_nothing_is_timed(tmp_path: Path) -> None:
    Counters(tmp_path)

    async def wait() -> None:
        with request.waiting("query_ns"):
            await asyncio.sleep(0)

    asyncio.run(wait())
    assert counts(tmp_path)["query_ns"] == 0
