"""What is said of pages that cannot be measured as they are, and which are asked at all."""

import pytest

from harness.onboarding import trial
from harness.onboarding.trial import Tried


def tried(path: str = "/x/", status: int = 200, **more: object) -> Tried:
    both = {"WSGI": status, "ASGI": status}
    told = {"view": "x.views.x", "is_async": False, "ms": {}, "bytes": 9, "kind": "text/html", "to": "", "equal": ""}
    return Tried(path, status=both, **(told | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (tried(status=302, to="/login/?next=/x/"), "/x/ behind a login: --user NAME"),
        (tried(status=400), "name a host that the project serves as project.host"),
        (tried(status=500, cause="ValueError: no banner"), "commands of `prepare` can make what a page needs"),
        (tried(status=500, cause="django.db.utils.OperationalError: no such table: x"), "python manage.py migrate"),
        (
            tried(status=500, cause="redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379."),
            "a service that is not there: start it, let a variable name the run's own (`{database}`, `{cache}`",
        ),
        (tried(status=0), "an endless stream, or a service that is not there"),
        (tried(equal="answers differ in length"), "`contains` and `ignore` say what counts"),
    ],
)
def test_what_a_page_lacks_is_told_with_where_to_put_it(page: Tried, told: str) -> None:
    (line,) = trial.advice([page], "/login/", None)
    assert told in line


def test_a_good_page_lacks_nothing() -> None:
    assert trial.advice([tried()], "/login/", None) == []


def test_a_user_who_may_not_see_a_page_is_told() -> None:
    (line,) = trial.advice([tried(status=302, to="/login/")], "/login/", "alice")
    assert "may that user see them?" in line


def test_the_front_page_comes_first_and_what_a_get_may_change_is_not_asked() -> None:
    pages = [
        {"path": path, "parameters": "<" in path, "methods": methods}
        for path, methods in (
            ("/admin/", None),
            ("/b/", ["get"]),
            ("/b/", None),
            ("/c/", ["post"]),
            ("/logout/", None),
            ("/<x>/", None),
        )
    ]
    assert [one["path"] for one in trial.candidates(pages)] == ["/", "/b/", "/admin/"]


def test_a_path_of_other_letters_is_asked_as_a_browser_would() -> None:
    pages = [{"path": path, "parameters": False, "methods": None} for path in ("/", "/über uns/", "/a(b)/")]
    assert [one["path"] for one in trial.candidates(pages)] == ["/", "/%C3%BCber%20uns/", "/a(b)/"]
