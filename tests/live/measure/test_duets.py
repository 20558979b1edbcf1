"""Two real servers loaded at the same time. Nothing here depends on how fast the machine is."""

from pathlib import Path
from typing import Any

import pytest
from support.commands import QUICK
from support.fakes import Quiet

from harness.load.locust_process import LocustLoad
from harness.measure import runner
from harness.measure.stage import Stage
from harness.plan import duets, layout
from harness.plan.capacity_search import Course
from harness.plan.slices import Block
from harness.project import ready
from harness.scenario import reader
from harness.services.backends import Backends
from harness.system.cores import share_cores


def test_both_arms_are_loaded_at_the_same_time_and_counted_each_by_itself(database: str, tmp_path: Path) -> None:
    asked = reader.parse(QUICK.replace("blocks = 2", "blocks = 1"), "quick.toml")
    visits = [visit for visit in layout.cells(asked) if visit[0].endpoint == "hello"]
    names = [visit[0].arm for visit in visits]
    assert len(names) > 1
    answers: list[Any] = []

    def course() -> Course:
        for number in range(3):
            answers.append(
                (yield duets.of(2 * number, (visits[0], visits[1]), (200.0, 200.0), asked.load, seed=number))
            )
        return []

    (tmp_path / "logs").mkdir()
    cores = share_cores()
    stage = Stage(cores, Backends({"database": database}), ready.demo())
    result = runner.run_block(asked, course(), Block(0, ()), tmp_path, stage, LocustLoad(), Quiet())
    seen = {one.slice: one.seen for one in result.conditions}
    for first, second in answers:
        assert first.start_ns == second.start_ns
        assert first.end_ns == second.end_ns  # exactly as long: neither has the core for itself
        for one in (first, second):
            assert one.requests > 0
            assert one.failures == 0
            assert seen[one.index] == one.requests
            assert one.server_cpu_ns
    assert sum(one.server_gc_young for both in answers for one in both) > 0
    if cores.server is None:
        pytest.skip(str(cores.note))
    shares = [both[0].server_cpu_ns / (both[0].server_cpu_ns + both[1].server_cpu_ns) for both in answers]
    assert 0.1 < sorted(shares)[1] < 0.9  # both get a good part of it; how even, a run checks for itself
