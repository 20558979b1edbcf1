"""What the demo project and its servers need of this environment: the extra `demo`, which the core does without."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from harness.errors import UserError
from harness.system import processes

if TYPE_CHECKING:
    from harness.scenario.arm import Arm

PACKAGES: Final = ("aiohttp", "dj_database_url", "django", "urllib3")

INSTALL: Final = "`pip install 'djbench[demo]'`"


def refuse_missing(arms: Sequence["Arm"]) -> None:
    """UserError naming packages and servers of these arms that are not installed, and the command that installs them."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    missing += sorted({arm.table.program for arm in arms if not processes.installed(arm.table.program)})
    if missing:
        raise UserError(f"not installed: {', '.join(missing)}: {INSTALL} installs the demo project and its servers")
