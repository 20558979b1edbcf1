"""What several live tests share: the services around an arm."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.project import seeding
from harness.services import slow_api
from harness.services.backends import Backends
from harness.services.slow_api import Services


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return seeding.seed(f"sqlite:///{tmp_path_factory.mktemp('db') / 'db.sqlite3'}")


@pytest.fixture
def around(database: str, tmp_path: Path) -> Iterator[Services]:
    with slow_api.running(Backends({"DATABASE_URL": database}), tmp_path / "logs", None) as running:
        yield running
