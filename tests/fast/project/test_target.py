"""How a process of a project is started: its variables, its settings, its own commands."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from djbench_injected import databases

from harness.errors import UserError
from harness.location import INJECTED
from harness.project import target
from harness.project.target import Target
from harness.scenario.project import Project


def made(folder: Path, **keys: object) -> Target:
    return Target(Project(settings="shop.settings", **keys), folder, sys.executable)  # type: ignore[arg-type]


def test_a_database_that_no_variable_names_comes_by_the_settings(tmp_path: Path) -> None:
    places = {"database": "postgres://x/y"}
    assert made(tmp_path).environment(places)["DJBENCH_DATABASE"] == "postgres://x/y"
    named = made(tmp_path, env={"DB": "{database}?ssl=off"}).environment(places)
    assert named["DB"] == "postgres://x/y?ssl=off"
    assert "DJBENCH_DATABASE" not in named


def test_a_variable_that_names_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    found = made(tmp_path, env={"CACHE": "{cache}", "KEY": "plain {x}"}).environment({})
    assert "CACHE" not in found
    assert found["KEY"] == "plain {x}"


def test_its_own_folders_come_before_what_is_injected_and_the_overlay_after(tmp_path: Path) -> None:
    one = replace(made(tmp_path, path=["src"]), overlay=tmp_path / "beside" / "over.py")
    found = one.environment({}, [tmp_path / "django"])
    paths = [str(tmp_path / "django"), str(tmp_path / "src"), str(INJECTED), str(tmp_path / "beside")]
    assert found["PYTHONPATH"].split(os.pathsep) == paths
    assert (found["DJANGO_SETTINGS_MODULE"], found["DJBENCH_SETTINGS"]) == (target.SETTINGS, "over")
    assert made(tmp_path).environment({})["DJBENCH_SETTINGS"] == "shop.settings"


def test_what_the_harness_needs_is_no_variable_of_theirs(tmp_path: Path) -> None:
    found = made(tmp_path, env={"DJANGO_SETTINGS_MODULE": "other", "PYTHONHASHSEED": "7"}).environment({})
    assert (found["DJANGO_SETTINGS_MODULE"], found["PYTHONHASHSEED"]) == (target.SETTINGS, "0")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=value", "value"),
        ("export NAME = 'a b'", "a b"),
        ('NAME="a # b"', "a # b"),
        ("NAME=value # why", "value"),
        ("NAME=", ""),
    ],
)
def test_a_file_of_variables_is_read_as_shells_do(tmp_path: Path, line: str, value: str) -> None:
    (tmp_path / ".env").write_text(f"# comment\n\nnonsense\n{line}\n")
    assert target.read_variables(str(tmp_path / ".env")) == {"NAME": value}


def test_a_file_of_variables_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"project\.env_file: .*nowhere cannot be read"):
        made(tmp_path, env_file=str(tmp_path / "nowhere")).environment({})


def test_an_interface_without_an_application_gets_djangos_after_what_the_other_one_sets_up(tmp_path: Path) -> None:
    one = made(tmp_path, wsgi="shop.wsgi:app")
    assert one.serving("WSGI") == {"DJBENCH_APPLICATION": "shop.wsgi:app"}
    assert one.serving("ASGI") == {"DJBENCH_PRELUDE": "shop.wsgi"}
    assert made(tmp_path).serving("ASGI") == {}


def test_its_commands_are_run_by_its_own_python_and_a_failure_is_told_with_its_words(tmp_path: Path) -> None:
    (tmp_path / "make.py").write_text("import os; open('made', 'w').write(os.environ['DJBENCH_DATABASE'])")
    (tmp_path / "fail.py").write_text("raise SystemExit('no such table')")
    made(tmp_path, prepare=["python make.py"]).prepare({"database": "sqlite:///x"})
    assert (tmp_path / "made").read_text() == "sqlite:///x"
    with pytest.raises(UserError, match=r"(?s)project\.prepare: `python fail\.py` failed in .*no such table"):
        made(tmp_path, prepare=["python fail.py"]).prepare({})
    with pytest.raises(UserError, match=r"project\.prepare: `nowhere` in .*No such file"):
        made(tmp_path, prepare=["nowhere"]).prepare({})


def test_an_app_that_a_checkout_took_from_the_working_tree_is_told(tmp_path: Path) -> None:
    origin, tree = tmp_path / "repo", tmp_path / "run" / "abc"
    one = made(origin).at(tree, origin)
    apps = {"shop": str(tree / "shop"), "lib": "/venv/site-packages/lib", "core": str(origin / "src" / "core")}
    assert [line.partition(":")[0] for line in one.strays(apps)] == ["core"]
    assert made(origin).strays(apps) == []


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("django.db.backends.postgresql", "postgres"),
        ("django.contrib.gis.db.backends.spatialite", "sqlite"),
        ("", "auto"),
    ],
)
def test_its_engine_is_that_of_its_default_database(tmp_path: Path, engine: str, told: str) -> None:
    assert replace(made(tmp_path), facts={"databases": {"default": {"engine": engine}}}).engine == told


def test_further_databases_are_those_that_are_no_replica(tmp_path: Path) -> None:
    default = {"engine": "django.db.backends.sqlite3", "name": "a", "replica": False}
    several = {"default": default, "audit": {**default, "name": "b"}, "reading": {**default, "replica": True}}
    one = replace(made(tmp_path), facts={"databases": several})
    assert one.further == {"audit": "b"}
    assert one.environment({"database": "sqlite:////run"})["DJBENCH_BESIDE"] == "sqlite:////run"


def test_beside_is_where_the_injected_settings_look() -> None:
    for run in ("sqlite:////run/0.sqlite3", "postgres://me@host/bench_ab?sslmode=off"):
        assert target.beside(run, "audit") == databases.beside(run, "audit")
