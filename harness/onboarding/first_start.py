"""The project started once on two servers, with a database of its own, before there is a scenario."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from harness.deployment.fleet import Carried, Deployed, Site, running
from harness.project import logins, ready, server_cache
from harness.project.target import Target
from harness.scenario.arm import Arm
from harness.scenario.database import Database
from harness.scenario.project import Login, Project
from harness.services import backends
from harness.system import processes
from harness.system.cores import share_cores

TRIED: Final = (Arm(name="WSGI", server="gunicorn-gthread", threads=4), Arm(name="ASGI", server="uvicorn"))

USER: Final = "user"


def target_of(project: Project, arms: tuple[Arm, ...] = TRIED) -> Target:
    """The project as it describes itself, with servers for these arms."""
    target = ready.described(project)
    return replace(target, servers=server_cache.folder_for(target.facts, arms))


@contextmanager
def started(
    target: Target, user: str | None, arms: tuple[Arm, ...] = TRIED
) -> Iterator[tuple[dict[str, Deployed], tuple[tuple[str, str], ...]]]:
    """The arms, up, and what requests of the user carry; everything is gone afterwards."""
    cores = share_cores()
    with (
        processes.scratch("djbench-init-") as folder,
        backends.running(Database(), target.asked.needs, cores, target) as up,
    ):
        asked = [Login(name=USER, user=user)] if user else []
        who = logins.minted(asked, target, up.places)
        site = Site(target, up.places, folder / "logs", cores.server, carried=Carried(who, ()))
        with running(arms, site) as fleet:
            yield fleet.deployed, who.get(USER, ())
