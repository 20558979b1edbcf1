"""Whether the machine was busy while a run was measured, by the run's own checks; and what it may end with then."""

import os
from pathlib import Path
from time import perf_counter_ns

import numpy as np
import psutil

from harness.errors import EXIT_INVALID
from harness.load.calibration_rig import Rows, column
from harness.samples import OTHERS_MOST, STEAL_MOST, Outcome, Played
from harness.system.kernel_counters import STEAL, busy_ns, cpu_ns, cpu_times
from harness.verdicts import environment_checks, validity

CHECKS = [
    check for check in (*validity.INVALIDATING, *validity.FLAGGING) if check.__module__ == environment_checks.__name__
]


def found(run: Path) -> list[str]:
    """What the checks of load generator and machine say of its cells."""
    analysed, _ = validity.read(run)
    return [text for cell in analysed.cells for check in CHECKS for text in check(analysed, cell, analysed.rows(cell))]


def codes(run: Path) -> frozenset[int]:
    """The exit codes that say that all went well: a cell may be INVALID only where the machine was busy."""
    return frozenset({0, EXIT_INVALID} if found(run) else {0})


def worst_ms(played: Played, rows: Rows) -> float:
    """By how much the load generator was late at worst in a slice: by its own clock, and by when its requests left."""
    sent = rows[column(rows, "outcome") != Outcome.DROPPED]
    late = (column(sent, "sent_ns") - column(sent, "intended_ns")) / 1e6
    return float(max(played.worst_tick_ms, np.max(late, initial=0.0)))


class Neighbours:
    """What others used of this machine from now on."""

    def __init__(self) -> None:
        self._wall_ns, self._cpu, self._ours = perf_counter_ns(), cpu_times(), ours_ns()

    def busy(self) -> bool:
        """Whether it was more than leaves a measurement alone; False on a system that does not say."""
        wall_ns, cpu = perf_counter_ns() - self._wall_ns, cpu_times()
        if cpu is None or self._cpu is None:
            return False
        others_ns = busy_ns(self._cpu, cpu) - (ours_ns() - self._ours)
        return others_ns > OTHERS_MOST * wall_ns or cpu[STEAL] - self._cpu[STEAL] > STEAL_MOST * wall_ns


def ours_ns() -> int:
    """CPU of this process and of all that it started and that are alive."""
    pids = [os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))]
    return sum(cpu_ns(pid) or 0 for pid in pids)
