"""Other versions of Django beside the installed one, each in a folder of its own that an arm's Python looks into first."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.scenario import Arm


def folder(version: str) -> Path:
    """Where this version is unpacked; `make django-VERSION` makes it."""
    return Path(sys.prefix) / "django" / version


def environment(arm: "Arm") -> dict[str, str]:
    """What makes an arm run with its own Django."""
    return {} if arm.django is None else {"PYTHONPATH": str(folder(arm.django))}
