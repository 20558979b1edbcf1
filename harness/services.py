"""What the measured project needs around it: a seeded database and the slow API. Up under `with`, always stopped."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness import ports, processes
from harness.errors import UserError
from harness.processes import Child

PROJECT: Final = Path(__file__).parent.parent / "bench_project"
START_S: Final = 15.0


@dataclass(frozen=True)
class Services:
    """Running services, and the environment by which an arm finds them."""

    children: tuple[Child, ...]
    environment: dict[str, str]
    upstream_port: int

    def upstream_stats(self) -> Any:
        """What the slow API says of itself since the last call; None if it does not answer."""
        with suppress(OSError, ValueError):
            return _get_json(self.upstream_port, "/stats")
        return None


def seed_database(file: Path, project: Path = PROJECT) -> str:
    """Create and fill an SQLite database for a run with this project's own command; returns its DATABASE_URL.

    Raises UserError with the command's output if the project cannot be seeded.
    """
    url = f"sqlite:///{file.resolve()}"
    result = subprocess.run(
        [sys.executable, "manage.py", "seed"],
        cwd=project,
        env=processes.environment({"DATABASE_URL": url}),
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise UserError(f"manage.py seed failed in {project}:\n{result.stderr.strip()}")
    return url


@contextmanager
def running(database_url: str, logs: Path, cores: tuple[int, ...] | None) -> Iterator[Services]:
    """The slow API on a free port, and the settings that point an arm to it and to the database."""
    port = ports.free()
    command = [sys.executable, "-m", "harness.upstream", str(port)]
    env = processes.environment({"PYTHONPATH": str(PROJECT.parent)})
    child = processes.start("upstream", command, logs / "upstream.log", cores=cores, env=env, cwd=PROJECT.parent)
    try:
        if not ports.poll(lambda: child.process.poll() is not None or ports.answers(port), START_S):
            raise UserError(f"upstream: not up on port {port} after {START_S:g} s; see {child.log}")
        if child.process.poll() is not None:
            raise UserError(f"upstream: ended at start:\n{child.log_tail()}")
        settings = {"DATABASE_URL": database_url, "UPSTREAM_URL": f"http://{ports.HOST}:{port}"}
        yield Services((child,), settings, port)
    finally:
        processes.stop([child])


def _get_json(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
