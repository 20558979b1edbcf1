"""The probe counts exactly: whole requests through Django's own handlers, in a process of their own and without a server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.instrumented import asked

from harness.location import INJECTED

MS = 1_000_000


@pytest.mark.parametrize(
    ("profile", "path", "switches", "of_middleware"),
    [
        ("bare", "/async/hello/", 2, 0),  # request_started and the response's close
        ("bare", "/async/db_read/", 3, 0),  # and the query
        ("bare", "/sync/hello/", 3, 0),  # and the view
        ("default", "/async/hello/", 15, 13),
        ("default", "/async/db_read/", 16, 13),  # seven middleware: 2 + 2 + 2 + 3 (process_view, too) + 1 + 2 + 1
        ("default", "/sync/db_read/", 16, 13),
    ],
)
def test_every_thread_switch_of_an_asgi_request_is_counted(
    database: str, tmp_path: Path, profile: str, path: str, switches: int, of_middleware: int
) -> None:
    given = {"DATABASE_URL": database, "DJANGO_PROFILE": profile}
    counted, facts = asked("config.asgi:application", path, tmp_path, **given)
    assert counted["requests"] == 1
    assert counted["sync_to_async"] == counted["switches"] == switches
    assert counted["middleware_switches"] == of_middleware
    assert counted["async_to_sync"] == counted["loops_started"] == counted["inside"] == 0
    assert counted["threads_started"] == 2  # asgiref's context: one that works, one that waits for its end
    assert counted["sessions_opened"] == ("db_read" in path)
    assert (counted["query_ns"] > 0) == (counted["connection_ns"] > 0) == ("db_read" in path)
    assert facts["middleware"] == (7 if profile == "default" else 0)
    assert facts["sync_only"] == []


def test_an_async_view_on_wsgi_starts_a_thread_and_an_event_loop_for_every_request(
    database: str, tmp_path: Path
) -> None:
    counted, _ = asked("config.wsgi:application", "/async/db_read/", tmp_path, DATABASE_URL=database)
    assert counted["async_to_sync"] == counted["loops_started"] == 1
    assert counted["threads_started"] == 1 + 1  # the test's own, in which it asks, is one of them
    assert counted["sync_to_async"] == counted["switches"] == counted["sessions_opened"] == 1
    assert counted["middleware_switches"] == counted["inside"] == 0


def test_a_sync_view_on_wsgi_crosses_no_bridge(database: str, tmp_path: Path) -> None:
    counted, _ = asked("config.wsgi:application", "/sync/db_read/", tmp_path, DATABASE_URL=database)
    assert counted["sync_to_async"] == counted["async_to_sync"] == counted["loops_started"] == 0
    assert counted["requests"] == counted["sessions_opened"] == 1
    assert counted["query_ns"] > 0


def test_a_foreign_project_s_sync_only_middleware_is_named_and_its_switches_are_told_apart(tmp_path: Path) -> None:
    counted, facts = asked("foreign_project:application", "/hello/", tmp_path)
    assert facts["sync_only"] == ["foreign_project.sync_only"]
    assert facts["middleware"] == 3
    assert counted["middleware_switches"] == 1 + 2  # the sync-only one, and two methods of CommonMiddleware
    assert counted["switches"] == 3 + 2
    assert counted["async_to_sync"] == 1  # from the sync-only middleware back to the loop


def test_a_call_in_a_thread_pool_of_the_loop_is_a_switch_of_nobody_s_middleware(tmp_path: Path) -> None:
    counted, _ = asked("foreign_project:application", "/elsewhere/", tmp_path)
    assert (counted["switches"], counted["middleware_switches"]) == (6, 3)


def test_calls_at_once_in_a_view_s_own_threads_are_time_for_the_upstream_but_counted_once(tmp_path: Path) -> None:
    counted, _ = asked("foreign_project:application", "/fanout/", tmp_path)
    assert 100 * MS <= counted["upstream_ns"] <= counted["application_ns"]


def test_the_cost_of_a_switch_is_told_for_each_loop_and_each_number_in_flight() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "djbench_injected.probe.switch_cost"],
        cwd=INJECTED,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told = json.loads(ended.stdout)
    assert set(told) == {"asyncio", "uvloop"}
    assert {in_flight for found in told.values() for in_flight in found} == {"1", "64"}
    assert all(one["switch_cpu_us"] > 0 for found in told.values() for one in found.values())
