"""The servers table and what surrounds a started server: flags, environment, ports, process groups."""

import pytest
from support.arms import arm

from harness.errors import UserError
from harness.project import django_versions


def test_another_django_comes_first_on_its_arm_s_path_and_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    old = arm("uvicorn", "async").model_copy(update={"django": "3.0.99"})
    path = {"PYTHONPATH": str(django_versions.folder("3.0.99"))}
    assert django_versions.environment(old) == path | {"DATABASE_URL": "sqlite://:memory:"}  # psycopg 3 needs 4.2
    assert django_versions.environment(old.model_copy(update={"django": "4.2.1"})) == {
        "PYTHONPATH": str(django_versions.folder("4.2.1"))
    }
    assert django_versions.environment(arm("uvicorn", "async")) == {}
    with pytest.raises(UserError, match=r"arms need Django 3\.0\.99, .* run `make django-3\.0\.99`"):
        django_versions.refuse_missing([old, arm("uvicorn", "async")])
    django_versions.refuse_missing([arm("uvicorn", "async")])
