"""An arm of a server, with what it needs."""

from harness.registry.servers import SERVERS
from harness.scenario.arm import Arm


def arm(server: str, view: str = "sync") -> Arm:
    threads = {"threads": 4} if "threads" in SERVERS[server].options else {}
    return Arm(name=f"{view} · {server}", server=server, view=view, **threads)
