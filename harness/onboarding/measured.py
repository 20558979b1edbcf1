"""Pages on uvicorn under the probe, one request at a time: whose thread switches there are, and what blocks the event loop."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.deployment.fleet import Carried, Deployed, Site, running
from harness.errors import UserError
from harness.project import logins
from harness.project.target import Target
from harness.scenario.arm import Arm
from harness.scenario.database import Database
from harness.scenario.project import Login
from harness.scenario.request import Request
from harness.services import backends
from harness.services.backends import Backends
from harness.system import processes
from harness.system.cores import share_cores

PROBE_AT: Final = "/__djbench__/probe"

ARM: Final = Arm(name="instrumented", server="uvicorn", instrumented=True, environment={"DJBENCH_NAMED": "1"})

REQUESTS: Final = 20

SETTLED_S: Final = 0.3
"""The response is closed after it was answered, in a thread: counters are read when that has been done."""


@dataclass(frozen=True)
class Measured:
    """One page, per request."""

    path: str
    view: str
    is_async: bool
    switches: float
    of_middleware: float
    names: Mapping[str, float]  # whose switches
    sessions_opened: float
    sessions_left: int | None  # open after the last of them; None: the database does not tell
    threads_started: float
    blocked_ms: Mapping[str, float]  # place → how long the event loop stood there


def each(target: Target, pages: Sequence[Request], login: Sequence[Login]) -> Iterator[Measured]:
    """The pages. UserError for one that does not answer as it should."""
    cores = share_cores()
    with (
        processes.scratch("djbench-doctor-") as folder,
        backends.running(Database(), target.asked.needs, cores, target) as up,
    ):
        carried = Carried(logins.minted(login, target, up.places), logins.unsafe(target.facts.get("simple", {})))
        site = Site(target, up.places, folder / "logs", cores.server, carried=carried)
        with running([ARM], site) as fleet:
            (deployed,) = fleet.deployed.values()
            for page in pages:
                yield _measured(deployed, page, carried, up)


def _measured(deployed: Deployed, page: Request, carried: Carried, up: Backends) -> Measured:
    path = page.at("async")
    body, own = page.content
    unsafe = carried.unsafe if page.method != "GET" else ()
    headers = [*own.items(), *page.headers.items(), *carried.logins.get(page.login or "", ()), *unsafe]

    def ask(times: int) -> None:
        for _ in range(times):
            status, told = deployed.ask(path, page.method, headers, body)
            if status not in page.status:
                raise UserError(f"{path}: HTTP {status}, expected {' or '.join(map(str, page.status))}: {told[:200]!r}")

    ask(2)
    time.sleep(SETTLED_S)
    deployed.ask(PROBE_AT)
    before = _counts(deployed.probe)
    ask(REQUESTS)
    time.sleep(SETTLED_S)
    after, told = _counts(deployed.probe), json.loads(deployed.ask(PROBE_AT)[1])
    grown = {name: (after[name] - before.get(name, 0)) / REQUESTS for name in after}
    sessions = up.sessions()
    view = (deployed.identity([path]) or {}).get("views", {}).get(path) or {"view": "?", "async": False}
    return Measured(
        path=path,
        view=view["view"],
        is_async=view["async"],
        switches=grown["switches"],
        of_middleware=grown["middleware_switches"],
        names={name: count / REQUESTS for name, count in told["switches"].items()},
        sessions_opened=grown["sessions_opened"],
        sessions_left=sessions.open if sessions is not None else None,
        threads_started=grown["threads_started"],
        blocked_ms={place: ms / REQUESTS for place, ms in told["blocked_ms"].items()},
    )


def _counts(folder: Path | None) -> dict[str, int]:
    """Counter → its value, summed over the arm's processes."""
    assert folder is not None
    names = next(json.loads(file.read_text(encoding="utf-8"))["slots"] for file in folder.glob("*.json"))
    total = dict.fromkeys(names, 0)
    for file in folder.iterdir():
        if file.name.isdecimal():
            values = memoryview(file.read_bytes()).cast("q")
            for name, value in zip(names, values, strict=True):
                total[name] += value
    return total
