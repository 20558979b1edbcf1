"""A project started outside of any run, with a database of its own: to ask its pages once, or to count."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.deployment.fleet import Deployed, Site, running
from harness.project import logins
from harness.project.logins import Carried
from harness.project.target import NOWHERE, Target
from harness.scenario.arm import Arm
from harness.scenario.database import Database
from harness.scenario.project import Login
from harness.services import backends
from harness.services.backends import Backends
from harness.system import processes
from harness.system.cores import share_cores


@dataclass(frozen=True)
class Started:
    """What is up."""

    deployed: dict[str, Deployed]  # by the names of the arms
    carried: Carried  # what requests of somebody carry
    backends: Backends


@contextmanager
def started(target: Target, arms: Sequence[Arm], login: Sequence[Login]) -> Iterator[Started]:
    """These arms; everything is gone afterwards."""
    cores = share_cores()
    with (
        processes.scratch("djbench-start-") as folder,
        backends.running(Database(), target.asked.needs, cores, target) as up,
    ):
        carried = logins.carried(login, target, up.places)
        places = {**NOWHERE, **up.places}
        with running(arms, Site(target, places, folder / "logs", cores.server, carried=carried)) as fleet:
            yield Started(fleet.deployed, carried, up)
