"""What several live tests share: the services around an arm."""

from collections.abc import Iterator

import pytest

from harness.project import ready
from harness.services import slow_api
from harness.services.backends import Backends
from harness.services.slow_api import Services


def filled(url: str) -> str:
    ready.demo().prepare({"database": url})
    return url


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return filled(f"sqlite:///{tmp_path_factory.mktemp('db') / 'db.sqlite3'}")


@pytest.fixture(scope="module")
def around(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    logs = tmp_path_factory.mktemp("around") / "logs"
    with slow_api.running(Backends({"database": database}), logs, None) as running:
        yield running
