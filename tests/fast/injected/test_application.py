"""The outer application: who it is, what it counts, whose errors it tells. In a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import small_project

from harness.location import INJECTED, ROOT

PROGRAM = """
import asyncio, json, sys
sys.path.insert(0, {programs!r})
from instrumented_requests import ask_asgi, ask_wsgi
from djbench_injected.{interface} import application
def ask(path):
    return asyncio.run(ask_asgi(application, path)) if {interface!r} == "asgi" else ask_wsgi(application, path)

statuses = [ask(path) for path in {paths!r}]
from djbench_injected import identity
print()
print(json.dumps([statuses, json.loads(identity.told({interface!r}.upper(), "path=/quick/&path=/%3Fx=1&path=/nowhere/"))]))
"""


def ran(folder: Path, interface: str, paths: list[str], **variables: str) -> tuple[list[int], dict[str, Any], str]:
    program = PROGRAM.format(programs=str(ROOT / "tests/support/programs"), interface=interface, paths=paths)
    env = os.environ | {
        "PYTHONPATH": f"{INJECTED}{os.pathsep}{folder}",
        "DJANGO_SETTINGS_MODULE": "djbench_injected.settings",
        "DJBENCH_SETTINGS": "shop.settings",
    }
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=env | {"DJBENCH_PRELUDE": "shop.wsgi"} | variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    statuses, told = json.loads(ended.stdout.splitlines()[-1])
    return statuses, told, ended.stderr


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_it_answers_for_itself_counts_the_rest_and_tells_errors(tmp_path: Path, interface: str) -> None:
    small_project.written(tmp_path / "x", hosts="ALLOWED_HOSTS = ['localhost']", broken="LOGIN_URL = '/'")
    counts = tmp_path / "counts"
    counts.mkdir()
    paths = ["/quick/", "/__djbench__/whoami", "/nowhere/", "/clock/"]
    statuses, told, _ = ran(tmp_path / "x", interface, paths, DJBENCH_COUNTS=str(counts), DJBENCH_NONCE="n")
    assert statuses == [200, 200, 404, 200]
    (file,) = counts.iterdir()
    assert int.from_bytes(file.read_bytes()[:8], sys.byteorder) == 3
    assert (told["nonce"], told["interface"], told["debug"]) == ("n", interface.upper(), True)
    assert told["settings"] == "djbench_injected.settings"
    assert told["views"]["/quick/"] == {"view": "shop.urls.quick", "async": True}
    assert told["views"]["/?x=1"]["async"] is False
    assert told["views"]["/nowhere/"] is None
    assert told["apps"]["shop"] == str(tmp_path / "x" / "shop")


def test_an_exception_of_a_view_is_told_whatever_the_project_logs(tmp_path: Path) -> None:
    quiet = "LOGGING_CONFIG = None\nDEBUG = False\nALLOWED_HOSTS = ['*']"
    folder = small_project.written(tmp_path, quiet=quiet)
    statuses, _, errors = ran(folder, "wsgi", ["/count/"])  # its table is not there
    assert statuses == [500]
    assert "OperationalError: no such table" in errors


def test_the_run_s_database_and_policy_come_on_top_of_the_project_s_settings(tmp_path: Path) -> None:
    folder = small_project.written(tmp_path)
    program = "from django.conf import settings; print(settings.DATABASES['default'], settings.ROOT_URLCONF)"

    def told(**variables: str) -> str:
        env = os.environ | {
            "PYTHONPATH": str(INJECTED),
            "DJANGO_SETTINGS_MODULE": "djbench_injected.settings",
            "DJBENCH_SETTINGS": "shop.settings",
        }
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, cwd=folder, env=env | variables, capture_output=True, text=True, check=True, timeout=100
        ).stdout

    assert "shop.urls" in told()
    assert "db.sqlite3" in told()
    assert "'NAME': '/x/y.sqlite3'" in told(DJBENCH_DATABASE="sqlite:////x/y.sqlite3")
    postgres = told(DJBENCH_DATABASE="postgres://me:p%40ss@host:77/db", DJBENCH_CONN_MAX_AGE="none")
    for part in (
        "django.db.backends.postgresql",
        "'NAME': 'db'",
        "'PASSWORD': 'p@ss'",
        "'PORT': '77'",
        "'CONN_MAX_AGE': None",
    ):
        assert part in postgres
    pooled = told(DJBENCH_DATABASE="postgres://me@host/db", DJBENCH_POOL="4")
    assert "'pool': {'min_size': 4, 'max_size': 4" in pooled
