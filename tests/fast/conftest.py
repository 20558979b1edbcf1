"""What all fast tests share: a machine on which nothing else runs, and a block."""

import pytest
from support.scenarios import tiny

from harness.measure import conditions
from harness.plan import layout
from harness.plan.slices import Block


@pytest.fixture(autouse=True)
def idle_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake run takes no time, in which nobody else can have used any CPU; and reading /proc is slow."""
    monkeypatch.setattr(conditions, "cpu_times", lambda: [0] * 10)
    monkeypatch.setattr(conditions, "swapped_bytes", lambda: 0)
    monkeypatch.setattr(conditions, "connections", lambda port: None)


@pytest.fixture
def block() -> Block:
    """The tiny scenario's first block."""
    return layout.expand(tiny())[0]
