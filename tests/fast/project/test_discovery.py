"""What a folder says of the project in it, without importing any of it."""

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.project import discovery

PYTHON = "/somewhere/bin/python"

MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "{}")\n'


def project(folder: Path, settings: str = "shop.settings", **files: str) -> Path:
    (folder / "shop").mkdir(parents=True)
    (folder / "manage.py").write_text(MANAGE.format(settings))
    (folder / "shop" / "wsgi.py").write_text("application = get_wsgi_application()\n")
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_settings_are_those_that_manage_py_names(tmp_path: Path) -> None:
    found = discovery.discover(project(tmp_path / "x"), PYTHON)
    assert (found.settings.value, found.settings.why) == ("shop.settings", "manage.py")
    assert found.wsgi is not None
    assert found.wsgi.value == "shop.wsgi"
    assert found.asgi is None


def test_other_settings_are_offered_and_not_taken(tmp_path: Path) -> None:
    folder = project(
        tmp_path / "x",
        "shop.settings.dev",
        shop__settings__production_py="",
        shop__wsgi_py='os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings.live"\nget_wsgi_application()',
    )
    found = discovery.discover(folder, PYTHON)
    assert found.settings.value == "shop.settings.dev"
    assert {one.value for one in found.others} == {"shop.settings.live", "shop.settings.production"}


@pytest.mark.parametrize("start", [".", "shop", ".."])
def test_the_project_is_found_here_above_and_as_the_only_one_below(tmp_path: Path, start: str) -> None:
    folder = project(tmp_path / "x")
    assert discovery.discover(folder / start, PYTHON).folder == folder


def test_several_below_are_told(tmp_path: Path) -> None:
    project(tmp_path / "a"), project(tmp_path / "b")
    with pytest.raises(UserError, match=r"several projects \(a, b\).*--dir"):
        discovery.discover(tmp_path)


def test_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no manage\.py here, above or below"):
        discovery.discover(tmp_path)


def test_what_is_given_is_no_guess(tmp_path: Path) -> None:
    found = discovery.discover(project(tmp_path / "x"), PYTHON, "shop.live")
    assert (found.settings.value, found.settings.why) == ("shop.live", "--settings")
    assert [one.value for one in found.others] == ["shop.settings"]
    assert (found.python.value, found.python.why) == (PYTHON, "--python")
    asked = found.project({"KEY": "1"})
    assert (asked.dir, asked.python, asked.settings) == (str(tmp_path / "x"), PYTHON, "shop.live")
    assert (asked.wsgi, asked.asgi, asked.env) == ("shop.wsgi", None, {"KEY": "1"})


def test_without_an_environment_its_python_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    with pytest.raises(UserError, match="give its Python as --python"):
        discovery.discover(project(tmp_path / "x"))


def test_without_settings_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text("")
    with pytest.raises(UserError, match=r"names no DJANGO_SETTINGS_MODULE.*--settings"):
        discovery.discover(tmp_path)


def test_an_environment_of_the_project_comes_before_the_active_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, active = project(tmp_path / "x"), tmp_path / "active"
    (active / "bin").mkdir(parents=True)
    (active / "bin" / "python").touch()
    monkeypatch.setenv("VIRTUAL_ENV", str(active))
    found = discovery.python_of(folder)
    assert found is not None
    assert found.why == "VIRTUAL_ENV"
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").touch()
    found = discovery.python_of(folder)
    assert found is not None
    assert found.value == str(folder / ".venv" / "bin" / "python")
