"""Arms under `with`: all started at once, each verified by its run ID, all stopped whatever happens."""

import http.client
import json
import re
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from harness.deployment import arm_environment
from harness.errors import UserError
from harness.project.logins import NOBODY, Carried
from harness.project.target import Target
from harness.samples import joined
from harness.scenario.arm import Arm
from harness.scenario.request import Request
from harness.system import kernel_counters, ports, processes
from harness.system.processes import Child

START_S: Final = 60.0

IDENTITY_S: Final = 30.0
"""Of which the first imports the project's URLs and views."""

ANSWER_S: Final = 90.0

Headers = Sequence[tuple[str, str]]

WHOAMI: Final = "/__djbench__/whoami"
"""djbench_injected/identity.py answers there."""


@dataclass(frozen=True)
class Checkout:
    """Another revision of the measured project."""

    target: Target
    database: str  # its own, as a URL: its migrations may differ
    carried: Carried = NOBODY  # with sessions of that database


@dataclass(frozen=True)
class Site:
    """What every arm of a block has in common."""

    target: Target
    places: Mapping[str, str]  # what the services bring, by name
    logs: Path
    cores: tuple[int, ...] | None
    checkouts: Mapping[str, Checkout] = field(default_factory=dict)  # by revision
    carried: Carried = NOBODY
    databases: Mapping[str, str] = field(default_factory=dict)  # arm → its own, as a URL, where arms write
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))

    def of(self, arm: Arm) -> tuple[Target, Mapping[str, str]]:
        """The project at the arm's revision, and what the services bring for it."""
        checkout = None if arm.revision is None else self.checkouts[arm.revision]
        target = self.target if checkout is None else checkout.target
        database = self.databases.get(arm.name) or (checkout and checkout.database)
        return target, {**self.places, "database": database} if database else self.places

    def carried_to(self, arm: Arm) -> Carried:
        """What requests to this arm carry."""
        return self.carried if arm.revision is None else self.checkouts[arm.revision].carried


@dataclass(frozen=True)
class Deployed:
    """A running arm."""

    arm: Arm
    child: Child
    port: int
    nonce: str
    counts: Path  # a file per worker process: how many requests it has received
    target: Target  # whose process it is
    probe: Path | None = None  # where an instrumented arm counts: probe_counts.py

    def seen(self) -> dict[int, int]:
        """Worker pid → requests that reached the application; those of ended workers included, empty if not counted."""
        return {int(file.name): int.from_bytes(file.read_bytes()[:8], sys.byteorder) for file in self.counts.iterdir()}

    def collections(self) -> tuple[int, int]:
        """Of its workers since they started: CPU time (ns) of full garbage collections, and how many there were of the young."""
        told = [file.read_bytes() for file in self.counts.iterdir()]
        full_ns, young = (sum(int.from_bytes(one[at : at + 8], sys.byteorder) for one in told) for at in (8, 16))
        return full_ns, young

    def cpu_ns(self) -> int | None:
        """CPU time of its processes since they started; None: unknown."""
        told = [kernel_counters.cpu_ns(pid) for pid in self.child.pids()]
        return None if None in told else sum(one for one in told if one is not None)

    @property
    def address(self) -> tuple[str, int]:
        return ports.HOST, self.port

    @property
    def command(self) -> str:
        """The server's command line."""
        return shlex.join(self.child.command[-len(self.arm.table.argv(self.arm, self.port)) :])

    def ask(
        self, path: str, method: str = "GET", headers: Headers = (), body: str = "", timeout_s: float = ANSWER_S
    ) -> tuple[int, bytes]:
        """(status, body) of one request on a connection of its own; OSError or HTTPException if there is none."""
        status, _, content = self.response(path, method, headers, body, timeout_s)
        return status, content

    def ask_page(self, path: str, page: Request, carried: Carried) -> tuple[int, bytes]:
        """The same of a page of a user's own project, at this path."""
        return self.ask(path, *self.sent(page, carried))

    @staticmethod
    def sent(page: Request, carried: Carried) -> tuple[str, Headers, str]:
        """Method, headers and body of a request for it."""
        body, own = page.content
        return page.method, [*carried.by(page), *own.items(), *page.headers.items()], body

    def response(
        self, path: str, method: str = "GET", headers: Headers = (), body: str = "", timeout_s: float = ANSWER_S
    ) -> tuple[int, dict[str, str], bytes]:
        """The same, with the answer's headers; their names in small letters."""
        connection = http.client.HTTPConnection(*self.address, timeout=timeout_s)
        try:
            sent = joined([("Host", self.target.asked.host), ("Connection", "close"), *headers])
            connection.request(method, path, body.encode() or None, sent)
            response = connection.getresponse()
            told = {name.lower(): ", ".join(response.headers.get_all(name, ())) for name in response.headers}
            return response.status, told, _whole(response, time.monotonic() + timeout_s)
        finally:
            connection.close()

    def identity(self, paths: Sequence[str] = ()) -> dict[str, Any] | None:
        """The response of `whoami`, with the views that answer at these paths; None if it is not JSON."""
        query = urlencode([("path", path) for path in paths])
        try:
            status, body = self.ask(f"{WHOAMI}?{query}", timeout_s=IDENTITY_S)
            answer = json.loads(body) if status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        return answer if isinstance(answer, dict) else None

    def view(self, path: str) -> dict[str, Any]:
        """The view that answers at this path: its name as `view`, and whether it is `async`."""
        found = (self.identity([path]) or {}).get("views", {}).get(path)
        return found or {"view": "?", "async": False}


class Fleet:
    """The running arms of a block, by name."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.deployed: dict[str, Deployed] = {}

    def start(self, arms: Sequence[Arm]) -> None:
        """Start the arms side by side and wait until each answers `whoami` with the nonce of this run."""
        started = []
        for arm in arms:
            started.append(self._launch(arm, ports.free()))
            self.deployed[arm.name] = started[-1]
        for deployed in started:
            wait_until_up(deployed)

    def restart(self, name: str) -> None:
        """Stop one arm, with its unfinished requests, and start it again on another port."""
        old = self.deployed.pop(name)
        processes.stop([old.child])
        shutil.rmtree(old.counts)
        if old.probe is not None:
            shutil.rmtree(old.probe)
        self.start([old.arm])

    def stop(self) -> None:
        """Stop every arm that was started."""
        processes.stop([deployed.child for deployed in self.deployed.values()])
        self.deployed.clear()

    def _launch(self, arm: Arm, port: int) -> Deployed:
        ports.refuse_if_taken(port)
        counts = self.site.logs.parent / "counts" / f"{slug(arm.name)}-{port}"
        counts.mkdir(parents=True)
        probe = counts.with_name(f"{counts.name}.probe") if arm.instrumented else None
        if probe is not None:
            probe.mkdir()
        target, places = self.site.of(arm)
        child = processes.start(
            arm.name,
            target.command(*arm.table.argv(arm, port)),
            self.site.logs / f"{slug(arm.name)}.log",
            cores=self.site.cores,
            env=arm_environment.environment(arm, target, places)
            | arm_environment.identified(self.site.nonce, counts, probe),
            cwd=target.folder,
        )
        return Deployed(arm, child, port, self.site.nonce, counts, target, probe)


@contextmanager
def running(arms: Sequence[Arm], site: Site) -> Iterator[Fleet]:
    """All arms up; always stopped.

    Raises UserError if an arm does not come up: its name, its command and the end of its log.
    """
    fleet = Fleet(site)
    try:
        fleet.start(arms)
        yield fleet
    finally:
        fleet.stop()


def _whole(response: http.client.HTTPResponse, until: float) -> bytes:
    """The body. TimeoutError for one that goes on and on: each part of a stream may come in time."""
    parts = []
    while part := response.read1():
        parts.append(part)
        if time.monotonic() > until:
            raise TimeoutError("the response does not end")
    return b"".join(parts)


def wait_until_up(deployed: Deployed) -> None:
    """Poll `whoami` until it carries the nonce of this run."""
    child = deployed.child

    def ready() -> bool:
        return child.process.poll() is not None or deployed.identity() is not None

    up = ports.poll(ready, START_S)
    where = f"arm {deployed.arm.name!r} on port {deployed.port}"
    evidence = f"\n  {deployed.command}\n{child.log_tail()}\n  log: {child.log}"
    if child.process.poll() is not None:
        raise UserError(f"{where}: the server exited at startup{evidence}")
    if not up:
        raise UserError(f"{where}: no response from whoami after {START_S:g} s{evidence}")
    identity = deployed.identity() or {}
    if identity.get("nonce") != deployed.nonce:
        raise UserError(
            f"{where}: another server answers there (nonce {identity.get('nonce')!r}); stop it and run again"
        )
    if deployed.arm.django not in (None, identity.get("django")):
        raise UserError(f"{where}: expected Django {deployed.arm.django}, got {identity.get('django')}")


def slug(name: str) -> str:
    """A file name for an arm's name."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-") or "arm"
