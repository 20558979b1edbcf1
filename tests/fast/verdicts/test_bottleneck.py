"""What is said to limit a cell: the first bound that it is close to."""

from dataclasses import replace
from typing import Any

import pytest
from support.fakes import FakeLoad
from support.runs import analysed
from support.scenarios import tiny

from harness.analysis.analysis import Analysis
from harness.plan.slices import Cell
from harness.verdicts import bottleneck

HELLO = Cell("async", "hello", 4)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return analysed(tmp_path_factory.mktemp("run"), tiny(blocks=2), FakeLoad())


def with_busy(measured: Analysis, **busy: float) -> Analysis:
    columns: Any = {f"{name}_busy": value for name, value in busy.items()}
    return replace(measured, per_block=measured.per_block.assign(**columns))


@pytest.mark.parametrize(
    ("busy", "told"),
    [
        ({"server": 0.5, "load": 0.2, "services": 0.75}, "bottleneck: services (database, cache, slow API)"),
        ({"server": 0.95, "load": 0.2, "services": 0.75}, "bottleneck: CPU (95 % of a core)"),
        ({"server": 0.5, "load": 0.2, "services": 0.3}, "no single bottleneck (50 % of a core"),
        ({"server": 0.5, "load": 0.8, "services": 0.15}, "no single bottleneck (50 % of a core"),
    ],
)
def test_services_that_fill_the_load_s_core_are_named_unless_the_server_is_full_itself(
    measured: Analysis, busy: dict[str, float], told: str
) -> None:
    assert str(bottleneck.describe(with_busy(measured, **busy), HELLO)).startswith(told)


def test_users_who_wait_as_long_as_they_must_are_the_limit(measured: Analysis) -> None:
    told = bottleneck.describe(with_busy(measured, server=0.1, load=0.1, services=0.1), Cell("async", "wait ms=10", 8))
    assert told is not None
    assert "bottleneck: number of users" in told
