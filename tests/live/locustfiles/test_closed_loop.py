"""Real servers, real sockets, real signals. Nothing here depends on how fast the machine is."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
from support.commands import QUICK, arm, site
from support.fakes import Quiet

from harness.deployment import fleet as deployment
from harness.load import locust_process
from harness.location import ROOT
from harness.measure import runner
from harness.measure import stage as runner_stage
from harness.plan import courses, layout
from harness.project import ready
from harness.scenario import reader
from harness.services.backends import Backends
from harness.services.slow_api import Services
from harness.storage import writer
from harness.system import cores as machine_cores


def test_users_that_wait_are_spread_and_reuse_their_connections(database: str, tmp_path: Path) -> None:
    text = (
        QUICK.replace("blocks = 2", "blocks = 1")
        .replace("ms = 20", "ms = 100")
        .replace("slice_s = 0.3", "slice_s = 1.0")
    )
    text = text.replace('[[endpoints]]\nname = "hello"\nusers = [4]\n', "").replace("users = [4]", "users = [8]")
    asked = reader.parse(text, "quick.toml")
    block = layout.expand(asked)[0]
    (tmp_path / "logs").mkdir()
    stage = runner_stage.Stage(machine_cores.share_cores(), Backends({"database": database}), ready.demo())
    result = runner.run_block(asked, courses.fixed(block), block, tmp_path, stage, locust_process.LocustLoad(), Quiet())
    requests = writer.requests_table(result.rows).to_pandas()
    analysed = [
        s.index
        for s in block.slices
        if s.cell.endpoint == "wait ms=100" and s.cell.arm == "async" and s.purpose == "measure"
    ]
    mine = requests[requests.slice.isin(analysed)]
    first = mine.groupby("user").sent_ns.min()
    assert first.max() - first.min() > 50_000_000  # over most of the 100 ms that a request takes
    assert (mine.reused == 1).all()
    assert isinstance(mine, pd.DataFrame)


def test_the_locustfile_works_alone_with_statistics_that_are_right(around: Services, tmp_path: Path) -> None:
    with deployment.running([arm("uvicorn", "async")], site(around, tmp_path)) as fleet:
        (deployed,) = fleet.deployed.values()
        command = [
            sys.executable, "-m", "locust", "-f", "locustfiles/closed_loop.py", "--headless", "-u", "4", "-r", "100", "-t", "3s",
            "--host", f"http://127.0.0.1:{deployed.port}", "--path", "/async/wait/?ms=50", "--json-file", str(tmp_path / "stats"),
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=200)
    (entry,) = json.loads((tmp_path / "stats.json").read_text())
    seconds = entry["last_request_timestamp"] - entry["start_time"]
    assert entry["num_failures"] == 0
    assert entry["name"] == "/async/wait/?ms=50"
    assert entry["min_response_time"] >= 48
    assert entry["num_requests"] <= 4 * seconds / 0.048 + 4  # Little's law
    assert entry["num_requests"] == sum(entry["response_times"].values())
