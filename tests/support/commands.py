"""The command on real servers, and a scenario that is over in seconds."""

import os
import subprocess
import sys
from pathlib import Path

from harness.deployment.fleet import Site
from harness.location import ROOT
from harness.registry.servers import SERVERS
from harness.scenario.arm import Arm
from harness.services.slow_api import Services
from harness.system import cores as machine_cores

QUICK = """
question = "Does a whole run work with real servers?"
blocks = 2

[load]
visits = 1
slice_max_s = 0.3

[[arms]]
name = "sync"
server = "gunicorn-gthread"
view = "sync"
threads = 4

[[arms]]
name = "async"
server = "uvicorn"
view = "async"

[[endpoints]]
name = "hello"
users = [4]

[[endpoints]]
name = "wait"
query = { ms = 20 }
users = [4]
"""


def site(around: Services, tmp_path: Path) -> Site:
    return Site(around.environment, tmp_path / "logs", machine_cores.share_cores().server)


def arm(server: str, view: str) -> Arm:
    threads = {"threads": 4} if "threads" in SERVERS[server].options else {}
    return Arm(name=f"{view} · {server}", server=server, view=view, **threads)


def bench(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", *arguments]
    env = os.environ | {"TMPDIR": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False)


def scenario_file(folder: Path, text: str) -> Path:
    path = folder / "quick.toml"
    path.write_text(text)
    return path
