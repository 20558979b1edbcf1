"""What calibration loads: a server whose behaviour is known, and the load generator on cores of its own; what they recorded."""

import http.client
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError
from harness.load import base, known_server
from harness.load.base import Asked, Playing
from harness.load.locust_process import LocustLoad
from harness.location import ROOT
from harness.plan.slices import Call, Cell, Open, Slice
from harness.registry.load_modes import Kind
from harness.samples import COLUMNS, Page, Played
from harness.scenario.model import Load
from harness.system import ports, processes
from harness.system.cores import Cores

START_S: Final = 15.0

KNOWN_PAGE: Final = Asked({"known": Page(known_server.BODY)}, ports.HOST)

KNOWN: Final = ("-m", "harness.load.known_server", "--spin")

Rows = NDArray[np.int64]


class Rig:
    """The reference server on the servers' cores and the load generator on its own."""

    def __init__(self, playing: Playing, port: int, cores: Cores) -> None:
        self._playing, self.port, self.cores = playing, port, cores
        self._count = 0

    @property
    def url(self) -> str:
        return f"http://{ports.HOST}:{self.port}"

    def closed(self, path: str, users: int, seconds: float) -> tuple[Played, Rows]:
        """One slice in closed loop."""
        return self._play(path, users, seconds, None)

    def open(
        self, path: str, rate: float, seconds: float, kind: Kind = "poisson", in_flight: int = 1_000
    ) -> tuple[Played, Rows]:
        """One slice in open loop."""
        return self._play(path, rate, seconds, Open(kind, in_flight, pre_open=True))

    def get(self, path: str) -> Any:
        """The reference server's answer, parsed as JSON."""
        connection = http.client.HTTPConnection(ports.HOST, self.port, timeout=30)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def _play(self, path: str, level: float, seconds: float, how: Open | None) -> tuple[Played, Rows]:
        self._count += 1
        cell = Cell("known", "known", level)
        slice_ = Slice(self._count, cell, (Call("known", path),), "measure", 0.0, seconds, seconds, self._count, how)
        self._playing.prepare(slice_, (ports.HOST, self.port))
        (played,) = base.play([self._playing])
        rows = np.frombuffer(self._playing.requests(), dtype=np.int64).reshape(-1, len(COLUMNS))
        return played, rows[column(rows, "slice") == self._count]


@contextmanager
def rig(cores: Cores, load_processes: int = 1, server: Sequence[str] = KNOWN) -> Iterator[Rig]:
    """A load generator and a server on a free port, ready; both stopped afterwards. `server`: its arguments to Python."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), ports.free()
        child = processes.start(
            "reference server",
            [sys.executable, *server, str(port)],
            folder / "logs" / "known.log",
            cores=cores.server,
            env=processes.environment({"PYTHONPATH": str(ROOT)}),
            cwd=ROOT,
        )
        try:
            if not ports.poll(lambda: ports.answers(port), START_S):
                raise UserError(f"reference server: not up on port {port}:\n{child.log_tail()}")
            settings = Load(processes=load_processes, timeout_s=10.0, drain_s=10.0)
            with LocustLoad().playing(settings, KNOWN_PAGE, folder, cores.load) as playing:
                yield Rig(playing, port, cores)
        finally:
            processes.stop([child])


def column(rows: Rows, name: str) -> NDArray[np.int64]:
    """One of samples.COLUMNS."""
    return rows[:, COLUMNS.index(name)]
