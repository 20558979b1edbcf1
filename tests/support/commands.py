"""The command on real servers, and a scenario that is over in seconds."""

import io
import os
import subprocess
import sys
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from support import light as lighter

from harness import cli
from harness.deployment.fleet import Site
from harness.location import ROOT
from harness.project import ready
from harness.registry.servers import SERVERS
from harness.scenario.arm import Arm
from harness.services.slow_api import Services
from harness.system import cores as machine_cores

PATIENCE_S = 200.0
"""So long may a run of seconds take on a machine that does something else besides."""

QUICK = """
question = "Does a whole run work with real servers?"
blocks = 2

[load]
visits = 1
slice_s = 0.3

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
    return Site(ready.demo(), around.places, tmp_path / "logs", machine_cores.share_cores().server)


def arm(server: str, view: str) -> Arm:
    threads = {"threads": 4} if "threads" in SERVERS[server].options else {}
    return Arm(name=f"{view} · {server}", server=server, view=view, **threads)


def bench(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command as it is typed, in a process of its own."""
    command = [sys.executable, "-m", "harness.cli", *arguments]
    env = os.environ | {"TMPDIR": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def here(*arguments: str, light: bool = True) -> subprocess.CompletedProcess[str]:
    """The same in this process, which has everything imported; without calibration and pictures, unless not `light`."""
    out, err, code = io.StringIO(), io.StringIO(), None
    with (
        mock.patch.multiple(cli, unwind_on_signals=lambda: None),
        mock.patch.object(sys, "argv", ["djbench", *arguments]),
        lighter.light() if light else nullcontext(),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
    return subprocess.CompletedProcess(["djbench", *arguments], code or 0, out.getvalue(), err.getvalue())


def the_run(folder: Path) -> Path:
    """The only run in FOLDER/results."""
    (run,) = (folder / "results").iterdir()
    return run


def measured(folder: Path, text: str, *more: str) -> subprocess.CompletedProcess[str]:
    """`djbench run --verbose` in this process, of this scenario into FOLDER/results."""
    return here("run", str(scenario_file(folder, text)), "--verbose", "--results", str(folder / "results"), *more)


def scenario_file(folder: Path, text: str) -> Path:
    path = folder / "quick.toml"
    path.write_text(text)
    return path
