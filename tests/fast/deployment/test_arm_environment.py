"""What an arm's processes are told: by its project, by the arm, by the run."""

import os
from pathlib import Path

import pytest

from harness.deployment import arm_environment
from harness.location import INJECTED
from harness.project import django_versions, ready
from harness.scenario.arm import Arm
from harness.scenario.database import UNUSED

PLACES = {"database": "postgres://here/db", "upstream": "http://there"}


def told(**keys: object) -> dict[str, str]:
    return arm_environment.environment(Arm(name="x", server="uvicorn", view="sync", **keys), ready.demo(), PLACES)


def test_an_arm_finds_what_is_injected_behind_its_own_django() -> None:
    folder = str(django_versions.folder("3.0.99"))
    assert told(django="3.0.99")["PYTHONPATH"].split(os.pathsep) == [folder, str(INJECTED)]
    assert told()["PYTHONPATH"] == str(INJECTED)


def test_an_arm_is_told_where_services_are_by_its_project_s_own_variables() -> None:
    assert (told()["DATABASE_URL"], told()["UPSTREAM_URL"]) == ("postgres://here/db", "http://there")
    assert "CACHE_URL" not in told()  # none is up
    assert told(django="3.0.99")["DATABASE_URL"] == UNUSED  # psycopg 3 needs 4.2


@pytest.mark.parametrize(("server", "module"), [("uvicorn", "config.asgi"), ("gunicorn-sync", "config.wsgi")])
def test_a_server_is_told_the_project_s_application_for_its_interface(server: str, module: str) -> None:
    arm = Arm(name="x", server=server, view="sync")
    assert arm_environment.environment(arm, ready.demo(), PLACES)["DJBENCH_APPLICATION"] == module


def test_an_arm_asks_for_a_collector_only_where_it_is_not_python_s_own() -> None:
    arm = Arm(name="x", server="uvicorn", view="sync")
    assert arm_environment.collector(arm) == {}
    frozen = arm.model_copy(update={"gc": "frozen"})
    assert arm_environment.collector(frozen) == {"DJBENCH_GC": "frozen"}
    assert "loaded objects frozen (gc)" in frozen.summary
    assert "gc" not in arm.summary


def test_only_an_instrumented_process_is_told_where_the_probe_counts(tmp_path: Path) -> None:
    assert "DJBENCH_PROBE" not in arm_environment.identified("n", tmp_path, None)
    assert arm_environment.identified("n", tmp_path, tmp_path)["DJBENCH_PROBE"] == str(tmp_path)
