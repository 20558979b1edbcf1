"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

from pathlib import Path

import pytest

from harness.deployment import fleet as deployment
from harness.deployment.fleet import Site
from harness.project import django_versions, ready
from harness.registry.endpoints import DATABASE
from harness.scenario.arm import Arm
from harness.scenario.database import Database
from harness.services import backends
from harness.system import cores


def test_an_arm_with_an_old_django_starts_without_the_database(tmp_path: Path) -> None:
    old = Arm(name="old", server="uvicorn", view="async", django="3.1.14")
    if not django_versions.folder("3.1.14").is_dir():
        pytest.skip("not unpacked here: make django-3.1.14")
    assert "Django 3.1.14 (without database: psycopg 3 needs Django 4.2)" in old.summary
    with (
        backends.running(Database(), frozenset({DATABASE}), cores.share_cores(), ready.demo()) as up,
        deployment.running([old], Site(ready.demo(), up.places, tmp_path / "logs", None)) as fleet,
    ):
        assert fleet.deployed["old"].ask("/async/simple/")[0] == 200
