"""Settings profiles: each serves both views, and costs what it says; each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from harness.location import ROOT
from harness.scenario.arm import Arm

PROFILES = get_args(Arm.model_fields["profile"].annotation)
ASK = """
import asyncio, json, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext

if "seed" in sys.argv:
    call_command("seed", verbosity=0, stdout=open("/dev/null", "w"))
else:
    call_command("migrate", verbosity=0)

async def over_asgi(path):
    return await AsyncClient(raise_request_exception=False).get(path)

told = {}
with override_settings(ALLOWED_HOSTS=["testserver"]):
    for colour in ("sync", "async"):
        path = f"/{colour}/hello/"
        with CaptureQueriesContext(connection) as queries:
            wsgi = Client(raise_request_exception=False).get(path)
        asgi = asyncio.run(over_asgi(path))
        told[colour] = [wsgi.status_code, asgi.status_code, wsgi.content.decode(), asgi.content.decode()]
        told[f"{colour} queries"] = [query["sql"].split(" FROM ")[1].split()[0] for query in queries]
print(json.dumps(told))
"""


def asked(profile: str, database: Path, *arguments: str) -> Any:
    """What a process with this profile answers to both views on both interfaces."""
    env = {**os.environ, "DJANGO_PROFILE": profile, "DATABASE_URL": f"sqlite:///{database}"}
    env |= {"DJANGO_SETTINGS_MODULE": "config.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", ASK, *arguments], cwd=ROOT / "bench_project", env=env, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_serves_both_colours_on_both_interfaces(profile: str, tmp_path: Path) -> None:
    told = asked(profile, tmp_path / "db.sqlite3", "seed")
    answer = [200, 200, *['{"message": "Hello from async view!"}'] * 2]
    assert (told["sync"], told["async"]) == (answer, answer)
    expected = ['"django_session"', '"auth_user"'] if profile == "sessions" else []
    assert told["sync queries"] == expected


def test_without_its_session_the_profile_is_an_error_and_not_a_cheaper_request(tmp_path: Path) -> None:
    told = asked("sessions", tmp_path / "db.sqlite3")
    assert [told[colour][:2] for colour in ("sync", "async")] == [[500, 500], [500, 500]]
