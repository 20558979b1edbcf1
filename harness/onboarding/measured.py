"""Pages on uvicorn under the probe, one request at a time: whose thread switches there are, and what blocks the event loop."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.deployment import probe_counts
from harness.deployment.fleet import Deployed
from harness.errors import UserError
from harness.onboarding.first_start import Started, started
from harness.project.target import Target
from harness.scenario.arm import Arm
from harness.scenario.project import Login
from harness.scenario.request import Request

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
    writes_session: bool  # each answer sets the session's cookie anew, so its row was written


def each(target: Target, pages: Sequence[Request], login: Sequence[Login]) -> Iterator[Measured]:
    """The pages. UserError for one that does not answer as it should."""
    with started(target, [ARM], login) as up:
        for page in pages:
            yield _measured(up, page)


def _measured(up: Started, page: Request) -> Measured:
    (deployed,), path = up.deployed.values(), page.at("async")
    assert deployed.probe is not None

    def ask(times: int) -> None:
        for _ in range(times):
            status, told = deployed.ask_page(path, page, up.carried)
            if status not in page.status:
                raise UserError(f"{path}: HTTP {status}, expected {' or '.join(map(str, page.status))}: {told[:200]!r}")

    ask(2)
    time.sleep(SETTLED_S)
    deployed.ask(PROBE_AT)
    before = _counts(deployed.probe)
    ask(REQUESTS)
    time.sleep(SETTLED_S)
    after, told = _counts(deployed.probe), json.loads(deployed.ask(PROBE_AT)[1])
    grown = {name: count / REQUESTS for name, count in probe_counts.growth(before, after).items()}
    sessions = up.backends.sessions()
    view = deployed.view(path)
    return Measured(
        path=path,
        view=view["view"],
        is_async=view["async"],
        switches=grown.get("switches", 0.0),
        of_middleware=grown.get("middleware_switches", 0.0),
        names={name: count / REQUESTS for name, count in told["switches"].items()},
        sessions_opened=grown.get("sessions_opened", 0.0),
        sessions_left=sessions.open if sessions is not None else None,
        threads_started=grown.get("threads_started", 0.0),
        blocked_ms={place: ms / REQUESTS for place, ms in told["blocked_ms"].items()},
        writes_session=_writes_session(up, deployed, page, path),
    )


def _writes_session(up: Started, deployed: Deployed, page: Request, path: str) -> bool:
    _, headers, _ = deployed.response(path, *deployed.sent(page, up.carried))
    name = re.escape(str(deployed.target.facts["simple"].get("SESSION_COOKIE_NAME", "sessionid")))
    return re.search(rf'(^|, ){name}=[^;"]', headers.get("set-cookie", "")) is not None


def _counts(folder: Path) -> Counter[str]:
    """Counter → its value, summed over the arm's processes."""
    return sum(map(Counter, probe_counts.read(folder).values()), Counter())
