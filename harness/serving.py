"""`bench serve`: arms and services in the foreground, for curl, a browser or Locust's own web UI."""

import signal
import tempfile
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from harness import backends, deployment, machine, services
from harness.arm import Arm
from harness.deployment import Site
from harness.endpoints import ENDPOINTS
from harness.errors import UserError
from harness.scenario import Scenario
from harness.servers import SERVERS
from harness.storage import Database

SERVE_THREADS = 32


def named(name: str, scenario: Scenario) -> list[Arm]:
    """The scenario's arm of this name, or both colours of this server.

    Raises UserError with the near misses.
    """
    arms = {arm.name: arm for arm in scenario.arms}
    if name in arms:
        return [arms[name]]
    if name in SERVERS:
        threads: dict[str, Any] = {"threads": SERVE_THREADS} if "threads" in SERVERS[name].options else {}
        return [Arm(name=f"{view} · {name}", server=name, view=view, **threads) for view in ("sync", "async")]
    near = get_close_matches(name, [*arms, *SERVERS], n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UserError(f"arm {name!r}: expected one of {', '.join([*arms, *SERVERS])}{hint}")


def serve(arms: list[Arm]) -> None:
    """Bring everything up, print URLs, wait for Ctrl-C, stop everything."""
    cores = machine.share_cores()
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as scratch:
        logs = Path(scratch) / "logs"
        print(f"starting {len(arms)} arms; logs in {logs}", flush=True)
        needs = frozenset().union(*(facts.needs for facts in ENDPOINTS.values()))
        with (
            backends.running(
                Database(engine="postgres" if any(arm.pool for arm in arms) else "auto"), needs, cores
            ) as up,
            services.running(up, logs, cores.load) as around,
            deployment.running(arms, Site(around.environment, logs, cores.server)) as fleet,
        ):
            for name, deployed in fleet.deployed.items():
                host, port = deployed.address
                print(f"{name}\n  http://{host}:{port}/{deployed.arm.view}/whoami/\n  {deployed.command}")
            print(f"endpoints: {', '.join(ENDPOINTS)}")
            host, port = next(iter(fleet.deployed.values())).address
            print(f"load: locust -f locustfiles/closed_loop.py --host http://{host}:{port} --path /async/hello/")
            print("Ctrl-C stops everything", flush=True)
            signal.pause()
