"""A scenario's instrumented run, and what is made of its counts: made-up ones here, those of real servers at the end."""

from pathlib import Path
from typing import Any

import pytest
from support.fakes import FakeLoad
from support.report import without_pictures
from support.runs import fake_run
from support.scenarios import tiny

from harness.commands import workflow
from harness.display.watch import Watch
from harness.errors import UserError
from harness.measure import session
from harness.plan import instrumented_run
from harness.scenario import model
from harness.storage.writer import RunFolder


def refuse(*told: Any) -> None:
    raise UserError(f"{len(told[0].arms)} arms" if isinstance(told[0], model.Scenario) else "no pass")


def test_what_a_pass_lacks_is_known_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "refuse_what_cannot_be", refuse)
    monkeypatch.setattr(workflow, "measured", lambda *_: pytest.fail("was measured"))
    with pytest.raises(UserError, match=f"^{len(instrumented_run.instrumented(tiny()).arms)} arms$"):
        workflow.carried_out(
            tmp_path / "tiny.toml", tiny(), tmp_path, Watch(workflow.so_far), gate=False, explain=True, strict=False
        )


def test_a_pass_that_fails_leaves_its_run_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_pictures(monkeypatch)
    run = fake_run(tmp_path, tiny(blocks=1), FakeLoad())
    monkeypatch.setattr(workflow, "measured", lambda *_: RunFolder(run, {}))
    monkeypatch.setattr(workflow, "explain_run", refuse)
    with pytest.raises(UserError, match="no pass"):
        workflow.carried_out(
            tmp_path / "tiny.toml", tiny(), tmp_path, Watch(workflow.so_far), gate=False, explain=True, strict=False
        )
    assert (run / "report" / "report.md").exists()
