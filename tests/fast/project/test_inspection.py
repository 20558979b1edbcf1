"""What a project says of itself, by its own Python; and what it says when it cannot."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import small_project

from harness.errors import UserError
from harness.project import inspection


def test_a_project_describes_its_middleware_pages_and_databases(tmp_path: Path) -> None:
    told = inspection.described(small_project.target(small_project.written(tmp_path)))
    assert [one["path"].rpartition(".")[2] for one in told["middleware"]] == [
        "SessionMiddleware",
        "CsrfViewMiddleware",
        "AuthenticationMiddleware",
    ]
    csrf = told["middleware"][1]
    assert (csrf["hooks"], csrf["views"]) == (["process_request", "process_response"], ["process_view"])
    pages = {page["path"]: page for page in told["pages"]}
    assert pages["/quick/"]["async"]
    assert not pages["/"]["async"]
    assert pages["/item/<int:pk>/"]["parameters"]
    assert told["databases"]["default"]["engine"] == "django.db.backends.sqlite3"
    assert told["simple"]["DEBUG"] is True
    assert told["receivers"]["request_started"]
    assert told["apps"]["shop"] == str(tmp_path / "shop")
    assert told["unknown"] == {}
    assert not (tmp_path / "db.sqlite3").exists()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import os; os.environ['SECRET']", r"KeyError: 'SECRET'\n  at File .*settings\.py.*\n.*\[project\.env\]"),
        ("raise ValueError('no')", r"ValueError: no\n  at File .*settings\.py"),
        (
            "raise SystemExit('set KEY first')",
            r"ended itself with exit code 1, saying: set KEY first\n.*\[project\.env\]",
        ),
        ("raise SystemExit(3)", r"ended itself with exit code 3\n"),
        ("import nowhere_to_be_found", r"No module named 'nowhere_to_be_found'\n.*\n.*project\.path complete"),
    ],
    ids=["a variable that is missing", "an error", "an exit with words", "an exit", "a module"],
)
def test_settings_that_cannot_be_loaded_are_told_with_where_and_what_to_do(
    tmp_path: Path, line: str, told: str
) -> None:
    target = small_project.target(small_project.written(tmp_path, broken=line))
    with pytest.raises(UserError, match=r"(?s)project: shop\.settings could not be loaded by .*" + told) as raised:
        inspection.described(target)
    assert "Traceback" not in str(raised.value)


def test_a_python_that_is_not_there_is_told(tmp_path: Path) -> None:
    target = replace(small_project.target(small_project.written(tmp_path)), python=str(tmp_path / "python"))
    with pytest.raises(UserError, match=r"project\.python: there is no"):
        inspection.described(target)


def test_a_python_without_django_is_told(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    target = replace(small_project.target(small_project.written(tmp_path / "x")), python=str(bare))
    with pytest.raises(UserError, match=r"has no Django: name the Python of the project's own environment"):
        inspection.described(target)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"python": "3.9.18"}, "expected Python 3.10 or newer, got 3.9.18"),
        ({"django": "3.2"}, "expected Django 4.2 or newer, got 3.2"),
    ],
)
def test_what_is_too_old_is_refused(changes: dict[str, str], told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        inspection.refuse_too_old({"python": "3.12.1", "django": "5.2", "executable": "python"} | changes)


def test_a_project_that_asks_its_database_while_it_is_loaded_gets_an_empty_one(tmp_path: Path) -> None:
    ready = """
from django.apps import AppConfig
class Asks(AppConfig):
    name = "shop"
    def ready(self):
        from django.db import connection
        connection.ensure_connection()
"""
    folder = small_project.written(tmp_path, apps="INSTALLED_APPS[-1] = 'shop.apps.Asks'")
    (folder / "shop" / "apps.py").write_text(ready)
    told = inspection.described(small_project.target(folder))
    assert told["databases"]["default"]["name"] == str(folder / "db.sqlite3")
    assert not (folder / "db.sqlite3").exists()


def test_what_a_project_prints_is_no_fact(tmp_path: Path) -> None:
    target = small_project.target(small_project.written(tmp_path, loud='print(\'{"python": "nonsense"}\')'))
    assert inspection.described(target)["python"] != "nonsense"


@pytest.mark.parametrize(
    ("default", "audit", "told"),
    [
        ("mysql", "sqlite3", "its default database is django.db.backends.mysql"),
        ("postgresql", "sqlite3", "its database 'audit' is sqlite, and the default one postgres"),
        ("sqlite3", "sqlite3", None),
    ],
)
def test_a_database_that_a_run_cannot_have_of_its_own_is_refused(
    tmp_path: Path, default: str, audit: str, told: str | None
) -> None:
    several = {"default": default, "audit": audit}
    facts = {
        alias: {"engine": f"django.db.backends.{engine}", "name": alias, "replica": False}
        for alias, engine in several.items()
    }
    target = replace(small_project.target(tmp_path), facts={"databases": facts})
    if told is None:
        inspection.refuse_databases(target)
        return
    with pytest.raises(UserError, match=told):
        inspection.refuse_databases(target)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"unknown": {"databases": "KeyError: 'x'"}}, "its databases could not be read, so that a run cannot"),
        (
            {"databases": {"audit": {"engine": "django.db.backends.sqlite3", "name": "a", "replica": False}}},
            r"it has databases \(audit\), and no default one",
        ),
    ],
)
def test_databases_of_which_too_little_is_known_are_refused(tmp_path: Path, facts: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        inspection.refuse_databases(replace(small_project.target(tmp_path), facts=facts))
