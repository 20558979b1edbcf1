"""What all fast tests share: a machine on which nothing else runs, analyses made once, and a block."""

import gc
from collections.abc import Iterator

import pytest
from support import remembered
from support.scenarios import tiny

from harness.analysis import analysis
from harness.measure import conditions
from harness.plan import layout
from harness.plan.slices import Block

gc.set_threshold(200_000, 20, 100)
"""Pictures and frames are many objects and little garbage: to look for it took a tenth of the time."""


@pytest.fixture(autouse=True, scope="session")
def idle_machine() -> Iterator[None]:
    """A fake run takes no time, in which nobody else can have used any CPU; and reading /proc is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conditions, "cpu_times", lambda: [0] * 10)
        patch.setattr(conditions, "swapped_bytes", lambda: 0)
        patch.setattr(conditions, "connections", lambda port: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def analysed_once() -> Iterator[None]:
    """A run that several tests read, or one test reads several times, is analysed once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "analyse", remembered.remembering(analysis.analyse))
        yield


@pytest.fixture
def block() -> Block:
    """The tiny scenario's first block."""
    return layout.expand(tiny())[0]
