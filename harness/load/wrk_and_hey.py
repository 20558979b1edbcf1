"""wrk and hey, where they are installed: to cross-check the load generator, on the same cores."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Final

from harness.errors import UserError
from harness.system import processes

RATE: Final = re.compile(r"Requests/sec:\s+([\d.]+)")


def installed() -> list[str]:
    """Those that are on PATH."""
    return [name for name in ("wrk", "hey") if shutil.which(name)]


def command(name: str, url: str, users: int, seconds: float) -> list[str]:
    """Its command line for `users` connections, back to back, on one thread."""
    if name == "wrk":
        return ["wrk", "-t1", f"-c{users}", f"-d{seconds:g}s", "--timeout", "10s", url]
    return ["hey", "-cpus", "1", "-c", str(users), "-z", f"{seconds:g}s", url]


def rate(name: str, url: str, users: int, seconds: float, cores: Sequence[int] | None) -> float:
    """Requests per second as it reports them."""
    result = subprocess.run(
        on_cores(command(name, url, users, seconds), cores), capture_output=True, text=True, timeout=seconds + 60
    )
    found = RATE.search(result.stdout)
    if result.returncode or not found:
        raise UserError(f"{name}: no Requests/sec in its output:\n{result.stdout[-500:]}{result.stderr[-500:]}")
    return float(found[1])


def on_cores(command: list[str], cores: Sequence[int] | None) -> list[str]:
    """The command on these cores, ended with us."""
    return [*processes.launcher(cores), *command]
