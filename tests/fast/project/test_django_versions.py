"""Other versions of Django beside the installed one."""

import pytest
from support.arms import arm

from harness.errors import UserError
from harness.project import django_versions


def test_another_django_has_to_be_there() -> None:
    old = arm("uvicorn", "async").model_copy(update={"django": "3.0.99"})
    with pytest.raises(UserError, match=r"arms need Django 3\.0\.99, .* run `make django-3\.0\.99`"):
        django_versions.refuse_missing([old, arm("uvicorn", "async")])
    django_versions.refuse_missing([arm("uvicorn", "async")])
