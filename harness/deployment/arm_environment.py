"""Environment of an arm's processes besides its settings: another Django, a connection policy, garbage collection, the probe."""

import os
from pathlib import Path

from harness.location import ROOT
from harness.project import django_versions
from harness.scenario.arm import Arm


def own_django(arm: Arm) -> dict[str, str]:
    """Where an arm's Python looks first: into its own Django, then for the probe; and what else a Django of its own needs."""
    own = django_versions.environment(arm)
    if not arm.instrumented:
        return own
    path = [own["PYTHONPATH"]] if "PYTHONPATH" in own else []
    return own | {"PYTHONPATH": os.pathsep.join([*path, str(ROOT)])}


def connection_policy(arm: Arm) -> dict[str, str]:
    """How an arm holds its database connections, for its settings; nothing for Django's default, one per request."""
    if arm.database == "persistent":
        return {"CONN_MAX_AGE": "none"}
    return {"DATABASE_POOL": str(arm.pool // arm.workers)} if arm.pool else {}


def collector(arm: Arm) -> dict[str, str]:
    """What an arm asks of Python's garbage collector; nothing for Python's own way."""
    return {"GC": arm.gc} if arm.gc != "default" else {}


def environment(interface: str, folder: Path) -> dict[str, str]:
    """Variables that the probe reads."""
    return {"PROBE_APPLICATION": f"config.{interface.lower()}:application", "PROBE_FOLDER": str(folder.resolve())}
