"""Environment of an arm's processes: the project's own variables, and what the arm asks for on top."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.project import django_versions
from harness.project.target import Target
from harness.scenario.arm import Arm
from harness.scenario.database import UNUSED


def environment(arm: Arm, target: Target, places: Mapping[str, str]) -> dict[str, str]:
    """All variables but those by which the harness knows the process again. `places`: what the run brings, by name."""
    first = [django_versions.folder(arm.django)] if arm.django is not None else []
    known = places if arm.has_database else {**places, "database": UNUSED}
    profile = {} if target.facts else {"DJANGO_PROFILE": arm.profile}  # the demo's
    asked = profile | connection_policy(arm) | collector(arm)
    if arm.overlay is not None:
        target = replace(target, overlay=Path(arm.overlay))
    serving = target.serving(arm.table.interface)
    if arm.application is not None:
        serving = {"DJBENCH_APPLICATION": arm.application}
    return target.environment(known, first) | serving | asked | arm.environment


def connection_policy(arm: Arm) -> dict[str, str]:
    """How an arm holds its database connections; nothing for what its project says."""
    if arm.database == "persistent":
        return {"DJBENCH_CONN_MAX_AGE": "none"}
    return {"DJBENCH_POOL": str(arm.pool // arm.workers)} if arm.pool else {}


def collector(arm: Arm) -> dict[str, str]:
    """What an arm asks of Python's garbage collector; nothing for Python's own way."""
    return {"DJBENCH_GC": arm.gc} if arm.gc != "default" else {}


def identified(nonce: str, counts: Path, probe: Path | None) -> dict[str, str]:
    """How a process is known again, and where it counts."""
    own = {"DJBENCH_NONCE": nonce, "DJBENCH_COUNTS": str(counts.resolve())}
    return own if probe is None else own | {"DJBENCH_PROBE": str(probe.resolve())}
