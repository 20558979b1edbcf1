"""What is said of the load generator before a run, and what stops one."""

from typing import Any

import pytest
from support.scenarios import tiny

from harness.errors import UserError
from harness.measure import session
from harness.system.cores import Cores


def line(passed: bool) -> dict[str, Any]:
    return {
        "name": "timing error at 1 ms",
        "figure": "p99 +2 ms",
        "limit": "p99 +0.5 ms",
        "passed": passed,
        "advice": "mend it",
    }


@pytest.mark.parametrize(
    ("passed", "strict", "stops"), [(True, True, False), (False, True, True), (False, False, False)]
)
def test_a_calibration_that_fails_stops_a_run_that_asked_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], passed: bool, strict: bool, stops: bool
) -> None:
    found = {"ceiling_rps": 8e3, "most_rate": 4e3, "lines": [line(passed), line(True)]}
    monkeypatch.setattr(session.calibration, "short", lambda *_: found)
    session.calibrated.cache_clear()
    if stops:
        with pytest.raises(UserError, match=r"calibration: 1 of 2 lines failed, .* nothing was measured"):
            session.calibrated_for(tiny(), Cores(None, None), strict)
    else:
        assert session.calibrated_for(tiny(), Cores(None, None), strict) == found
    assert ("! calibration: timing error" in capsys.readouterr().out) != passed
    session.calibrated.cache_clear()
