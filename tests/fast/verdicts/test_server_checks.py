"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

from pathlib import Path

import numpy as np
from support.fakes import FakeLoad, FakeStage
from support.runs import analysed
from support.scenarios import tiny

from harness.report import run_report
from harness.samples import COLUMNS, Outcome
from harness.verdicts import server_checks, validity


def test_a_column_that_no_arm_has_a_figure_for_is_left_out(tmp_path: Path) -> None:
    result = analysed(tmp_path, tiny(blocks=2), FakeLoad())
    told = run_report.text(result)
    assert "throughput [req/s]" in told
    assert "connections / request" in told
    assert "sessions / request" not in told


def test_too_many_clients_come_with_advice(tmp_path: Path) -> None:
    log = (
        "django.db.utils.OperationalError: connection failed: port 2 failed: FATAL:  sorry, too many clients already\n"
    )
    failing = FakeLoad(spoil=lambda slice_, rows: spoilt(rows) if slice_.cell.arm == "sync" else rows)
    reasons = validity.check(analysed(tmp_path, tiny(blocks=1), failing, FakeStage(log=log)))
    told = [reason.text for reason in reasons if reason.invalid and reason.cell.arm == "sync"]
    assert any(text.endswith(f"{log.strip()}{server_checks.MORE_CONNECTIONS}") for text in told)


def spoilt(rows: np.ndarray) -> np.ndarray:
    rows[:, COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
    return rows
