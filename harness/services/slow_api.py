"""The slow API of a block, beside the services of backends.py. Always stopped."""

import http.client
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import UserError
from harness.location import ROOT
from harness.registry.endpoints import CACHE, DATABASE, UPSTREAM
from harness.services.backends import Backends
from harness.services.postgres import Sessions
from harness.system import ports, processes
from harness.system.processes import Child

START_S: Final = 15.0

EVERYTHING: Final = frozenset({DATABASE, CACHE, UPSTREAM})


@dataclass(frozen=True)
class Services:
    """Running services, and where they are, by name."""

    children: tuple[Child, ...]
    places: dict[str, str]
    upstream_port: int | None
    backends: Backends

    def sessions(self) -> Sessions | None:
        """Connections to the database: opened so far, and open now; None if nobody counts them."""
        return self.backends.sessions()

    def upstream_stats(self) -> Any:
        """The slow API's counters since the last call; None if it does not answer, or there is none."""
        if self.upstream_port is None:
            return None
        with suppress(OSError, ValueError):
            return _get_json(self.upstream_port, "/stats")
        return None


@contextmanager
def running(
    backends: Backends, logs: Path, cores: tuple[int, ...] | None, needs: frozenset[str] = EVERYTHING
) -> Iterator[Services]:
    """The slow API on a free port if it is needed, beside what is up for the whole run."""
    if UPSTREAM not in needs:
        yield Services(backends.children, dict(backends.places), None, backends)
        return
    port = ports.free()
    command = [sys.executable, "-m", "harness.services.slow_api_server", str(port)]
    env = processes.environment({"PYTHONPATH": str(ROOT)})
    child = processes.start("upstream", command, logs / "upstream.log", cores=cores, env=env, cwd=ROOT)
    try:
        if not ports.poll(lambda: child.process.poll() is not None or ports.answers(port), START_S):
            raise UserError(f"upstream: not up on port {port} after {START_S:g} s; see {child.log}")
        if child.process.poll() is not None:
            raise UserError(f"upstream: exited at startup:\n{child.log_tail()}")
        places = {**backends.places, "upstream": f"http://{ports.HOST}:{port}"}
        yield Services((*backends.children, child), places, port, backends)
    finally:
        processes.stop([child])


def _get_json(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
