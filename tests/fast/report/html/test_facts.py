"""Text of the page that comes from the run and not from its figures."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.report.html import facts
from harness.scenario import reader

OWN = """
question = "Is the shop served better by an ASGI server?"

[project]
settings = "shop.settings"

[[login]]
name = "alice"
path = "/login/"
{form}

[[arms]]
name = "loop"
server = "uvicorn"

[[endpoints]]
name = "account"
path = "/account/"
login = "alice"
users = [2]
"""


@pytest.mark.parametrize(
    "form",
    ['form = { username = "alice", password = "s3cret" }', "\n[login.form]\nusername = 'alice'\npassword = 's3cret'"],
    ids=["in a line", "as a table"],
)
def test_what_somebody_logs_in_with_is_in_no_page(tmp_path: Path, form: str) -> None:
    text = OWN.format(form=form)
    (tmp_path / "scenario.toml").write_text(text)
    run = SimpleNamespace(path=tmp_path, scenario=reader.parse(text, "own.toml"))
    told = facts.scenario_text(SimpleNamespace(run=run))  # type: ignore[arg-type]
    assert "s3cret" not in told
    assert 'path = "/login/"' in told
