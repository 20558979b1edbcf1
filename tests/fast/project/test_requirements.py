"""What the demo needs besides the core: missing pieces are named before anything starts."""

import pytest
from support.scenarios import tiny

from harness.errors import UserError
from harness.project import requirements
from harness.system import processes


def test_nothing_is_missing_where_the_extra_is_installed() -> None:
    requirements.refuse_missing(tiny().arms)


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "find_spec", lambda name: None if name == "django" else object())
    with pytest.raises(UserError, match=r"^not installed: django: `pip install 'djbench\[demo\]'` installs"):
        requirements.refuse_missing(tiny().arms)


def test_the_servers_of_the_arms_and_no_others_have_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "installed", lambda name: name not in ("gunicorn", "daphne"))
    with pytest.raises(UserError, match=r"^not installed: gunicorn: "):
        requirements.refuse_missing(tiny().arms)
