"""Real servers, real sockets, real signals. Nothing here depends on how fast the machine is."""

import os
from pathlib import Path

import pytest
from support.commands import QUICK, arm, site
from support.fakes import Quiet

from harness.deployment import fleet as deployment
from harness.load import locust_process
from harness.measure import runner
from harness.measure import stage as runner_stage
from harness.plan import courses, layout
from harness.plan import slices as plan_slices
from harness.project import ready
from harness.scenario import reader
from harness.services.backends import Backends
from harness.services.slow_api import Services
from harness.system import cores as machine_cores


def test_the_arms_are_on_the_servers_cores_and_the_load_generator_is_not(around: Services, tmp_path: Path) -> None:
    cores = machine_cores.share_cores()
    if cores.server is None:
        pytest.skip(str(cores.note))
    with deployment.running([arm("gunicorn-gthread", "sync")], site(around, tmp_path)) as fleet:
        for deployed in fleet.deployed.values():
            for pid in deployed.child.pids():
                assert os.sched_getaffinity(pid) == set(cores.server)
    assert cores.load is not None
    assert not set(cores.server) & set(cores.load)


def test_a_cell_that_cannot_drain_is_marked_and_its_arm_restarted(database: str, tmp_path: Path) -> None:
    """Eight users on one thread that waits half a second: after the slice, seven of them are still queued."""
    text = (
        QUICK.replace("blocks = 2", "blocks = 1")
        .replace("threads = 4", "threads = 1")
        .replace("ms = 20", "ms = 500")
        .replace("users = [4]", "users = [8]")
        .replace("slice_s = 0.3", "slice_max_s = 3.6\ndrain_s = 0.8")
    )
    asked = reader.parse(text, "quick.toml")
    block = layout.expand(asked)[0]
    (tmp_path / "logs").mkdir()
    stage = runner_stage.Stage(machine_cores.share_cores(), Backends({"database": database}), ready.demo())
    result = runner.run_block(asked, courses.fixed(block), block, tmp_path, stage, locust_process.LocustLoad(), Quiet())
    overloaded = {block.slices[entry["slice"]].cell for entry in result.notes["restarted"]}
    assert overloaded == {plan_slices.Cell("sync", "wait ms=500", 8)}
    last = [p for p in result.notes["played"] if block.slices[p["index"]].cell.arm == "sync"][-1]
    assert last["requests"] > 0  # the arm was loaded again after its restart
