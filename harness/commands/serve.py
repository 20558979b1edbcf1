"""`djbench serve`: arms and services in the foreground, for curl, a browser or Locust's own web UI."""

import signal
import tempfile
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.commands.options import verb
from harness.deployment.fleet import Site, running
from harness.errors import UserError
from harness.project import ready
from harness.registry.endpoints import ENDPOINTS
from harness.registry.servers import SERVERS
from harness.scenario import reader
from harness.scenario.arm import Arm
from harness.scenario.database import Database
from harness.scenario.model import Scenario
from harness.services import backends, slow_api
from harness.system.cores import share_cores

SERVE_THREADS = 32


@verb(epilog='example: djbench serve "async · uvicorn" gunicorn-gthread')
def serve(
    arms: Annotated[list[str], typer.Argument(metavar="ARM…", help="arms of the scenario, or servers")],
    scenario: Annotated[Path, typer.Option(help="scenario that defines the arms")] = Path("default"),
) -> None:
    """Start arms and services in the foreground and print their URLs, for curl, a browser or Locust's web UI."""
    known = reader.load(scenario)
    bring_up([arm for name in arms for arm in named(name, known)])


def named(name: str, scenario: Scenario) -> list[Arm]:
    """The scenario's arm of this name, or the sync and the async view on this server.

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


def bring_up(arms: list[Arm]) -> None:
    """Start everything, print URLs, wait for Ctrl-C, stop everything."""
    cores, project = share_cores(), ready.of(None, arms)
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as scratch:
        logs = Path(scratch) / "logs"
        print(f"starting {len(arms)} arms; logs in {logs}", flush=True)
        database = Database(engine="postgres" if any(arm.pool for arm in arms) else "auto")
        needs = frozenset().union(*(facts.needs for facts in ENDPOINTS.values()))
        with (
            backends.running(database, needs, cores, project) as up,
            slow_api.running(up, logs, cores.load) as around,
            running(arms, Site(project, around.places, logs, cores.server)) as fleet,
        ):
            for name, deployed in fleet.deployed.items():
                host, port = deployed.address
                print(f"{name}\n  http://{host}:{port}/{deployed.arm.view}/hello/\n  {deployed.command}")
            print(f"endpoints: {', '.join(ENDPOINTS)}")
            host, port = next(iter(fleet.deployed.values())).address
            print(f"load: locust -f locustfiles/closed_loop.py --host http://{host}:{port} --path /async/hello/")
            print("Ctrl-C stops everything", flush=True)
            signal.pause()
