"""The measured project's garbage collector, as an arm asks for it. In processes of their own, which it changes."""

import os
import subprocess
import sys

import pytest

from harness.location import INJECTED, PROJECT

PROGRAM = """
import gc
from djbench_injected.{interface} import application
from django.urls import get_resolver
before = len(gc.get_objects())
get_resolver().url_patterns
print(gc.get_freeze_count(), len(gc.get_objects()) - before)
"""


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
@pytest.mark.parametrize("asked", [None, "frozen"])
def test_what_is_loaded_is_frozen_where_an_arm_asks_for_it(interface: str, asked: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DJBENCH_GC"}
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(interface=interface)],
        cwd=PROJECT,
        env=environment
        | {"PYTHONPATH": str(INJECTED), "DJBENCH_APPLICATION": f"config.{interface}:application"}
        | ({"DJBENCH_GC": asked} if asked else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    frozen, loaded_later = map(int, told.stdout.split())
    if asked is None:
        assert frozen == 0
        assert loaded_later > 5_000
    else:
        assert frozen > 30_000
        assert loaded_later < 100  # URL patterns too were loaded before
