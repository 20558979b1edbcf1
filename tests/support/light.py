"""A command without what takes seconds and is not what most live tests ask about: the calibration before a run, its pictures."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest import mock

from harness.measure import session


def unknown(*_: object) -> dict[str, Any]:
    """The calibration of a system on which there is none."""
    return {"ceiling_rps": None, "most_rate": None, "lines": []}


CHARTS = ModuleType("harness.report.plots.charts")
CHARTS.save_all = lambda *_: []  # type: ignore[attr-defined]


def lighten() -> None:
    """From now on, in a process that has not loaded them yet; Matplotlib is not loaded either."""
    session.calibrated = unknown
    sys.modules[CHARTS.__name__] = CHARTS


@contextmanager
def light() -> Iterator[None]:
    """In here, in a process that others use too."""
    from harness.commands import publishing

    with mock.patch.object(session, "calibrated", unknown), mock.patch.object(publishing, "charts", CHARTS):
        yield
