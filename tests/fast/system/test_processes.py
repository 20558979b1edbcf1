"""The servers table and what surrounds a started server: flags, environment, ports, process groups."""

import pytest

from harness.system import processes


def test_nothing_of_our_environment_reaches_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "UVICORN_WORKERS", "PYTHONASYNCIODEBUG", "DATABASE_URL"):
        monkeypatch.setenv(name, "7")
    kept = processes.environment({"A": "b"})
    assert kept["A"] == "b"
    assert "7" not in kept.values()
