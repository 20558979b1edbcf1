"""Before anything else: importing locust would patch this process's sockets and threads."""

import os

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"

import pytest

from harness.services import postgres_cluster


@pytest.fixture(autouse=True)
def without_servers_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_cluster, "system_folders", list)
    monkeypatch.setattr(postgres_cluster, "wheel_folder", lambda: None)
