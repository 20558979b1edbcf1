"""The audit's rules: each finds what it is for, and is silent where there is nothing."""

from typing import Any

import pytest
from support.described import BESIDE, CLEAN

from harness.readiness import findings
from harness.readiness.catalogue import Finding


def found(beside: dict[str, str | None] | None = None, **changes: Any) -> list[Finding]:
    facts = {**CLEAN, **changes}
    return findings.findings(facts, 100.0, BESIDE if beside is None else beside)


def problems(**changes: Any) -> list[str]:
    return [one.what for one in found(**changes) if one.weight == "problem"]


def simple(**changes: Any) -> dict[str, Any]:
    return {"simple": {**CLEAN["simple"], **changes}}


def database(**changes: Any) -> dict[str, Any]:
    return {"databases": {"default": {**CLEAN["databases"]["default"], **changes}}}


def test_a_project_that_is_ready_has_no_problem() -> None:
    assert problems() == []


TOOLBAR = CLEAN["middleware"][0] | {"path": "debug_toolbar.middleware.DebugToolbarMiddleware", "hooks": []}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (simple(DEBUG=True), "DEBUG is on"),
        (simple(ALLOWED_HOSTS=["example.com"]), "requests to 127.0.0.1 are answered 400"),
        (simple(SECURE_SSL_REDIRECT=True), "pages redirect to https"),
        (database(conn_max_age=60, pool=False), "persistent connections do not persist under ASGI"),
        (database(conn_max_age=None, pool=False), "persistent connections do not persist under ASGI"),
        (database(atomic_requests=True), "async views answer 500"),
        ({"middleware": [TOOLBAR]}, "debug toolbar"),
        (
            {"static": {"manifest": True, "collected": False, "storage": "S", "root": ""}},
            "static files are not collected",
        ),
    ],
)
def test_what_does_not_work_is_a_problem(changes: dict[str, Any], what: str) -> None:
    assert problems(**changes) == [what]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (database(pool=False), "a new database connection per request"),
        (database(atomic_requests=True) | {"pages": []}, "a database connection for every request"),
        (
            simple(SESSION_SAVE_EVERY_REQUEST=True, SESSION_ENGINE="django.contrib.sessions.backends.db"),
            "every request writes its session",
        ),
        ({"caches": {"default": "django.core.cache.backends.locmem.LocMemCache"}}, "a cache per process (LocMemCache)"),
        (
            {"receivers": {"request_started": [{"name": "shop.log", "async": False}]}},
            "sync receivers of request_started",
        ),
        ({"tools": {"sentry_sdk": True}}, "instrumentation is loaded"),
        ({"unknown": {"pages": "ImportError: no"}}, "pages: could not be read"),
    ],
)
def test_what_costs_something_is_told_and_is_no_problem(changes: dict[str, Any], what: str) -> None:
    assert what in [one.what for one in found(**changes)]
    assert problems(**changes) == []


def test_async_views_that_are_left_out_of_transactions_are_no_problem() -> None:
    left_out = {"pages": [CLEAN["pages"][0] | {"non_atomic": ["default"]}]}
    assert problems(**database(atomic_requests=True), **left_out) == []


def test_a_pool_is_no_persistent_connection() -> None:
    assert problems(**database(conn_max_age=60, pool=True)) == []


def test_what_only_the_folder_says_is_told() -> None:
    told = [one.what for one in found({"asgi": None, "gunicorn_conf": "/x/gunicorn.conf.py"})]
    assert {"no ASGI application", "gunicorn.conf.py"} <= set(told)


def test_switches_are_told_in_milliseconds_where_their_cost_was_measured() -> None:
    (one,) = [one for one in found() if "switches by middleware" in one.what]
    assert one.costs == "2 × 100 µs = 0.20 ms of CPU"
    (unmeasured,) = [one for one in findings.findings(CLEAN, None, BESIDE) if "switches by middleware" in one.what]
    assert unmeasured.costs == "2 × the cost of a switch"


def test_the_prediction_counts_middleware_view_signal_and_close() -> None:
    assert findings.predicted_switches(CLEAN, is_async=True) == 2 + 1 + 1
    assert findings.predicted_switches(CLEAN, is_async=False) == 2 + 1 + 1 + 1


def test_static_files_that_a_run_collects_are_no_problem() -> None:
    missing = {"static": {"manifest": True, "collected": False, "storage": "S", "root": ""}}
    assert problems(**missing, prepare=["python manage.py collectstatic --noinput"]) == []
