"""A page of a user's own project in a scenario: what may be asked, and what is refused."""

import re

import pytest

from harness.errors import UserError
from harness.plan import layout
from harness.scenario import reader

OWN = """
question = "Is the shop served better by an ASGI server?"

[project]
dir = "/work/shop"
settings = "shop.settings"

[[login]]
name = "alice"
user = "alice"

[[arms]]
name = "threads"
server = "gunicorn-gthread"
threads = 8

[[arms]]
name = "loop"
server = "uvicorn"

[[endpoints]]
name = "front page"
path = "/?page=2"
users = [4]
"""


def test_a_page_is_asked_of_every_arm_at_its_path() -> None:
    asked = reader.parse(OWN, "own.toml")
    (call, *_) = layout.expand(asked)[0].slices[0].calls
    assert (call.endpoint, call.path) == ("front page", "/?page=2")
    assert call.sent is not None
    assert (call.sent.method, call.sent.status) == ("GET", (200,))


def test_a_form_is_sent_as_browsers_do() -> None:
    text = OWN.replace(
        "users = [4]", 'users = [4]\nmethod = "POST"\nform = { q = "a b" }\nstatus = [302]\nlogin = "alice"'
    )
    (call, *_) = layout.expand(reader.parse(text, "own.toml"))[0].slices[0].calls
    assert call.sent is not None
    assert (call.sent.method, call.sent.body, call.sent.status) == ("POST", "q=a+b", (302,))
    assert ("Content-Type", "application/x-www-form-urlencoded") in call.sent.headers


def test_two_views_of_the_same_work_have_a_path_each() -> None:
    text = OWN.replace('path = "/?page=2"', 'paths = { sync = "/old/", async = "/new/" }')
    text = text.replace("threads = 8", 'threads = 8\nview = "sync"').replace('"uvicorn"', '"uvicorn"\nview = "async"')
    asked = reader.parse(text, "own.toml")
    paths = {one.cell.arm: one.calls[0].path for one in layout.expand(asked)[0].slices}
    assert paths == {"threads": "/old/", "loop": "/new/"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('path = "/?page=2"', "", "endpoints[0].path: expected the path of a page, such as '/', got nothing"),
        ('path = "/?page=2"', 'path = "front"', "endpoints[0].path: expected"),
        (
            'path = "/?page=2"',
            'path = "/"\nquery = { ms = 1 }',
            "endpoints[0].query: expected only for endpoints of the demo",
        ),
        ('name = "front page"', 'name = "hello"', "endpoints[0].name: expected one that no endpoint of the demo has"),
        (
            "users = [4]",
            'users = [4]\nlogin = "alise"',
            "expected the name of a [[login]], got 'alise' (did you mean 'alice'?)",
        ),
        (
            "users = [4]",
            'users = [4]\nbody = "x"',
            "method: expected POST, PUT, PATCH or DELETE with a body, got 'GET'",
        ),
        ("users = [4]", "users = [4]\nignore = ['(']", "expected a regular expression, got '('"),
        (
            "threads = 8",
            'threads = 8\nview = "sync"',
            "arms[0].view: expected only where an endpoint has paths by view",
        ),
        ("threads = 8", 'threads = 8\nprofile = "bare"', "arms[0].profile: expected only for the demo"),
        ('user = "alice"', "", "expected a user, a form, or the headers"),
        ('settings = "shop.settings"', 'settings = "shop/settings.py"', "project.settings: expected"),
        ('settings = "shop.settings"', 'settings = "x"\nsetting = "y"', "project.setting: unknown key"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(old: str, new: str, told: str) -> None:
    assert old in OWN
    with pytest.raises(UserError, match=re.escape(told)):
        reader.parse(OWN.replace(old, new), "own.toml")


def test_without_a_project_a_page_is_refused() -> None:
    text = OWN[: OWN.index("[project]")] + OWN[OWN.index("[[arms]]") :]
    with pytest.raises(UserError, match=r"endpoints\[0\]\.path: expected only for a page of a \[project\]"):
        reader.parse(text, "own.toml")


def test_places_are_those_beside_the_file_from_wherever_it_is_read(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "djbench.toml").write_text(OWN.replace('"/work/shop"', '"../shop"\noverlay = "over.py"'))
    monkeypatch.chdir("/")
    project = reader.load(tmp_path / "djbench.toml").project
    assert project is not None
    assert (project.dir, project.overlay) == (str(tmp_path.parent / "shop"), str(tmp_path / "over.py"))


MIX = """
[[endpoints]]
name = "second"
path = "/second/"
users = [4]

[[endpoints]]
name = "visitors"
mix = { "front page" = 0.75, second = 0.25 }
users = [8]
"""


def test_a_mix_of_pages_draws_each_request_by_its_share() -> None:
    asked = reader.parse(OWN + MIX, "own.toml")
    visitors = asked.endpoints[-1]
    assert [(part.label, part.path(None), part.share) for part in visitors.parts] == [
        ("visitors: front page", "/?page=2", 0.75),
        ("visitors: second", "/second/", 0.25),
    ]
    slices = [one for one in layout.expand(asked)[0].slices if one.cell.endpoint == "visitors"]
    assert {len(one.calls) for one in slices} == {2}
    assert all(call.sent is not None for one in slices for call in one.calls)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "second = 0.25",
            "secnd = 0.25",
            "endpoints[2].mix: expected names of pages, got 'secnd' (did you mean 'second'?)",
        ),
        ("second = 0.25", "second = 0.5", "endpoints[2].mix: expected two pages or more with shares that add up to 1"),
        ("mix = {", 'path = "/x/"\nmix = {', "endpoints[2].path: expected either a path or a mix"),
    ],
)
def test_a_mix_that_does_not_fit_is_refused(old: str, new: str, told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        reader.parse((OWN + MIX).replace(old, new), "own.toml")
