"""What a block is played on: services and arms, up and verified."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from harness.deployment import verification
from harness.deployment.fleet import Checkout, Deployed, Site, running
from harness.deployment.verification import Verified
from harness.project.logins import NOBODY, Carried
from harness.project.target import Target
from harness.scenario.model import Scenario
from harness.services import slow_api
from harness.services.backends import Backends
from harness.services.postgres import Sessions
from harness.system.cores import Cores
from harness.system.processes import Child


class Around(Protocol):
    """The services beside the servers."""

    @property
    def children(self) -> tuple[Child, ...]: ...

    def upstream_stats(self) -> Any: ...

    def sessions(self) -> Sessions | None: ...


class Servers(Protocol):
    """Running arms, by name."""

    deployed: dict[str, Deployed]

    def restart(self, name: str) -> None: ...


@dataclass(frozen=True)
class Stage:
    """What a block is played on: servers, services, verification. Tests put a fake here, beside the fake Load."""

    cores: Cores
    backends: Backends
    target: Target
    checkouts: Mapping[str, Checkout] = field(default_factory=dict)  # where arms are at other revisions
    carried: Carried = NOBODY
    databases: Mapping[str, str] = field(default_factory=dict)  # arm → its own, where arms write

    @contextmanager
    def up(self, scenario: Scenario, logs: Path) -> Iterator[tuple[Servers, Around, Verified]]:
        """Everything up and verified; everything stopped afterwards."""
        with (
            slow_api.running(self.backends, logs, self.cores.load, scenario.needs) as around,
            running(scenario.arms, self._site(around, logs)) as fleet,
        ):
            yield fleet, around, verification.verify(scenario, fleet)

    def _site(self, around: slow_api.Services, logs: Path) -> Site:
        places, cores = around.places, self.cores.server
        return Site(self.target, places, logs, cores, self.checkouts, self.carried, self.databases)


class AnyStage(Protocol):
    """A Stage or its fake."""

    @property
    def cores(self) -> Cores: ...

    def up(self, scenario: Scenario, logs: Path) -> AbstractContextManager[tuple[Servers, Around, Verified]]: ...
