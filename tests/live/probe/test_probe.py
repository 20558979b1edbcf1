"""The probe counts exactly: whole requests through Django's own handlers, in a process of their own and without a server."""

from pathlib import Path

from support.instrumented import asked

MS = 1_000_000


def test_calls_at_once_in_a_view_s_own_threads_are_time_for_the_upstream_but_counted_once(tmp_path: Path) -> None:
    counted, _ = asked("foreign_project:application", "/fanout/", tmp_path)
    assert 100 * MS <= counted["upstream_ns"] <= counted["application_ns"]
