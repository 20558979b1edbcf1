"""What `djbench init` writes can be read again, and says where each guess came from."""

import ast
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.described import CLEAN

from harness.onboarding import draft
from harness.onboarding.trial import Tried
from harness.project.discovery import Found, Guess
from harness.scenario import reader

HERE = "127.0.0.1"

FOUND = Found(
    folder=Path("/work/shop"),
    settings=Guess("shop.settings.dev", "manage.py"),
    others=(Guess("shop.settings.prod", "shop/settings/prod.py"),),
    wsgi=Guess("shop.wsgi", "shop/wsgi.py"),
    asgi=None,
    python=Guess("/work/shop/.venv/bin/python", "the environment in /work/shop/.venv"),
    env_files=(Path("/work/shop/.env"),),
    gunicorn_conf=None,
)


def page(path: str, ms: float = 5.0, **more: Any) -> Tried:
    given: dict[str, Any] = {
        "view": "shop.views.page",
        "is_async": False,
        "status": {"WSGI": 200, "ASGI": 200},
        "ms": {"WSGI": ms, "ASGI": ms},
        "bytes": 100,
        "kind": "text/html",
        "to": "",
        "equal": "",
    }
    return Tried(path, **given | more)


@pytest.mark.parametrize("user", [None, "alice"])
@pytest.mark.parametrize(
    "pages", [[], [page("/"), page("/slow/", 80.0, cpu_ms=2.0), page("/api/", kind="application/json")]]
)
def test_a_scenario_that_was_written_can_be_read(pages: list[Tried], user: str | None) -> None:
    text = draft.Draft(FOUND, None, [Guess("python manage.py migrate", "empty")], draft.offered(pages), user).text()
    asked = reader.parse(text, "djbench.toml")
    assert asked.project is not None
    assert asked.project.settings == "shop.settings.dev"
    assert [endpoint.path for endpoint in asked.endpoints] == [one.path for one in pages] or not pages
    assert asked.endpoints[0].users == [16]
    if pages:
        assert asked.endpoints[1].users == [64]
        assert {endpoint.login for endpoint in asked.endpoints} == {"user" if user else None}


def test_each_guess_says_where_it_came_from() -> None:
    text = draft.Draft(FOUND, Guess("/work/shop/db.sqlite3", "copied"), [], [page("/")]).text()
    for told in ("# manage.py", "# shop/wsgi.py", "# settings = ", "# env_file", "# asgi: none was found", "# copied"):
        assert told in text
    assert tomllib.loads(text)["project"]["database"] == "/work/shop/db.sqlite3"


def test_what_is_near_is_named_from_the_scenario_s_own_folder_so_that_both_can_be_moved(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    for place, told in (
        (tmp_path / "shop-bench", "../shop"),
        (project / "bench", ".."),
        (Path("/elsewhere/x"), str(project)),
    ):
        text = draft.Draft(replace(FOUND, folder=project), None, [], [page("/")]).text(place)
        written = tomllib.loads(text)["project"]
        assert written["dir"] == told
        assert written["python"] == FOUND.python.value


def test_the_overlay_overrules_what_would_spoil_a_measurement_and_nothing_else() -> None:
    assert draft.overlay_lines(CLEAN, HERE) == []
    spoilt = CLEAN | {
        "simple": {"DEBUG": True, "ALLOWED_HOSTS": ["example.com"], "SECURE_SSL_REDIRECT": True},
        "tools": {"debug_toolbar": True},
        "middleware": [{"path": "debug_toolbar.middleware.DebugToolbarMiddleware"}],
        "apps": {"debug_toolbar": "/x"},
    }
    text = draft.overlay("shop.settings", draft.overlay_lines(spoilt, HERE))
    names = [node.targets[0].id for node in ast.parse(text).body if isinstance(node, ast.Assign)]  # type: ignore[attr-defined]
    assert names == ["DEBUG", "ALLOWED_HOSTS", "SECURE_SSL_REDIRECT", "MIDDLEWARE"]
    assert "from shop.settings import *" in text


def test_pages_that_differ_or_fail_are_not_offered() -> None:
    odd = [page("/a/", equal="another"), page("/b/", status={"WSGI": 302, "ASGI": 302}), page("/c/", bytes=9_000_000)]
    assert draft.offered(odd) == []
    assert [one.path for one in draft.offered([*odd, page("/d/")])] == ["/d/"]


@pytest.mark.parametrize(
    ("allowed", "asked_at", "told"),
    [
        (["example.com"], "docs.shop.example:8000", ["ALLOWED_HOSTS = ['example.com', 'docs.shop.example']"]),
        ([".shop.example"], "docs.shop.example", []),
        ([".shop.example"], "shop.example", []),
        (["*"], "shop.example", []),
    ],
)
def test_the_host_that_pages_are_asked_at_is_allowed(allowed: list[str], asked_at: str, told: list[str]) -> None:
    facts = CLEAN | {"simple": CLEAN["simple"] | {"ALLOWED_HOSTS": allowed}}
    assert [line.text for line in draft.overlay_lines(facts, asked_at)] == told


def test_what_was_given_is_the_scenario_s() -> None:
    given = {"host": "docs.shop.example", "path": ["src", "apps"], "env_file": "/work/shop/.env.test"}
    text = draft.Draft(FOUND, None, [], [page("/")], **given).text()
    told = tomllib.loads(text)["project"]
    assert {name: told[name] for name in given} == given


def test_pages_have_a_name_each() -> None:
    alike = [page("/"), page("/foo", kind="application/json"), page("/foo/", ms=90.0)]
    assert len({draft.name_of(one.path) for one in draft.offered(alike)}) == len(draft.offered(alike))


def test_files_of_a_manifest_are_collected_beside_the_overlay() -> None:
    lines = draft.overlay_lines(CLEAN | {"static": {"manifest": True, "collected": False}}, HERE)
    assert [line.text for line in lines] == ['STATIC_ROOT = __file__.rpartition("/")[0] + "/static"']
    assert draft.overlay_lines(CLEAN | {"static": {"manifest": True, "collected": True}}, HERE) == []


@pytest.mark.parametrize(
    ("ms", "cpu_ms", "users"),
    [
        (5.0, 4.0, 16),
        (70.0, 68.0, 2),
        (20.0, None, 10),
        (900.0, 890.0, 2),
        (110.0, 3.0, 64),
        (1.2, 0.4, 16),
        (0.0, None, 16),
    ],
)
def test_a_page_has_as_many_users_as_load_it_without_a_long_queue(ms: float, cpu_ms: float | None, users: int) -> None:
    assert draft.users(page("/", ms, cpu_ms=cpu_ms)) == users
