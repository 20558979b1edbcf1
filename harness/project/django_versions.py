"""Other versions of Django beside the installed one, each in a folder of its own that an arm's Python looks into first."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UserError

if TYPE_CHECKING:
    from harness.scenario.arm import Arm


def folder(version: str) -> Path:
    """Where this version is unpacked; `make django-VERSION` makes it."""
    return Path(sys.prefix) / "django" / version


def refuse_missing(arms: Sequence["Arm"]) -> None:
    """UserError for versions that are not there."""
    missing = sorted({arm.django for arm in arms if arm.django is not None and not folder(arm.django).is_dir()})
    if missing:
        commands = " and ".join(f"`make django-{version}`" for version in missing)
        raise UserError(f"arms need Django {', '.join(missing)}, not found in {folder('')}: run {commands}")
