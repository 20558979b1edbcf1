"""Lists of paths for one endpoint: from a text file or what a browser recorded; in their shares, and reported as one."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UserError
from harness.plan import layout
from harness.scenario import path_list, reader

OWN = """
question = "Is the shop served better by an ASGI server?"

[project]
dir = "shop"
settings = "shop.settings"

[[arms]]
name = "threads"
server = "gunicorn-gthread"
threads = 8

[[endpoints]]
name = "articles"
paths_from = "urls.txt"
users = [4]

[[endpoints]]
name = "front page"
path = "/"
users = [4]

[[endpoints]]
name = "visitors"
mix = { articles = 0.5, "front page" = 0.5 }
users = [4]
"""


def own(tmp_path: Path, listed: str) -> Path:
    (tmp_path / "urls.txt").write_text(listed)
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    return file


def test_each_request_draws_a_path_and_all_are_one_endpoint(tmp_path: Path) -> None:
    asked = reader.load(own(tmp_path, "/a/1/\n\n# a comment\n/a/2/?page=2\nhttps://shop.example/a/1/\n"))
    articles, _, visitors = asked.endpoints
    assert [(part.path(None), part.share) for part in articles.parts] == [
        ("/a/1/", pytest.approx(2 / 3)),
        ("/a/2/?page=2", pytest.approx(1 / 3)),
    ]
    assert articles.labels == ["articles"]
    assert visitors.labels == ["visitors", "visitors: articles", "visitors: front page"]
    assert sum(part.share for part in visitors.parts) == pytest.approx(1)
    calls = layout.calls(asked.arms[0], articles)
    assert [(call.endpoint, call.key) for call in calls] == [
        ("articles", "articles /a/1/"),
        ("articles", "articles /a/2/?page=2"),
    ]


def test_a_run_remembers_what_was_listed(tmp_path: Path) -> None:
    file = own(tmp_path, "/a/1/\n")
    asked = reader.load(file)
    (tmp_path / "urls.txt").unlink()
    again = reader.load(file, listed=asked.overrides["listed"])
    assert layout.digest(asked, layout.expand(asked)) == layout.digest(again, layout.expand(again))


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("", "expected paths, found none"),
        ("a/1/\n", "expected paths such as '/articles/7/', got 'a/1/'"),
        ("a b\n", "got 'a%20b'"),
        ("\n".join(f"/{number}/" for number in range(101)), "at most 100 different paths, found 101"),
    ],
)
def test_what_is_no_list_of_paths_is_told(tmp_path: Path, listed: str, told: str) -> None:
    with pytest.raises(UserError, match=r"urls\.txt: ") as refused:
        reader.load(own(tmp_path, listed))
    assert told in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = own(tmp_path, "/")
    (tmp_path / "urls.txt").unlink()
    with pytest.raises(UserError, match=r"urls\.txt: cannot be read"):
        reader.load(file)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('path = "/"\n', "expected one of path, paths and paths_from"),
        ('method = "POST"\n', "paths_from: expected only with method = 'GET'"),
    ],
)
def test_a_list_stands_alone_and_is_read_only(tmp_path: Path, line: str, told: str) -> None:
    file = own(tmp_path, "/")
    file.write_text(OWN.replace('paths_from = "urls.txt"\n', f'paths_from = "urls.txt"\n{line}'))
    with pytest.raises(UserError, match=told):
        reader.load(file)


def entry(url: str, status: int = 200, kind: str = "text/html; charset=utf-8", method: str = "GET") -> dict[str, Any]:
    return {
        "request": {"method": method, "url": url},
        "response": {"status": status, "content": {"mimeType": kind}},
    }


def test_what_a_browser_recorded_gives_the_pages_of_the_first_host(tmp_path: Path) -> None:
    entries = [
        entry("https://shop.example/"),
        entry("https://shop.example/a/1/?x=1"),
        entry("https://shop.example/a/1/?x=1", kind="application/json"),
        entry("https://shop.example/logo.png", kind="image/png"),
        entry("https://shop.example/old/", status=301),
        entry("https://shop.example/basket/", method="POST"),
        entry("https://cdn.example/page/"),
        {"request": {"url": "https://shop.example/broken-off/"}},
        {"request": {"method": "GET", "url": None}, "response": None},
        "nonsense",
    ]
    file = tmp_path / "seen.har"
    file.write_text(json.dumps({"log": {"entries": entries}}))
    assert path_list.read(file) == {"/": 1, "/a/1/?x=1": 2}
    file.write_text('{"log": {}}')
    with pytest.raises(UserError, match="expected a HAR file"):
        path_list.read(file)


def test_what_is_not_ascii_is_sent_percent_encoded_and_what_is_stays(tmp_path: Path) -> None:
    asked = reader.load(own(tmp_path, "\ufeff/größe/?q=a%20b&x=[1]\n"))
    assert [part.path(None) for part in asked.endpoints[0].parts] == ["/gr%C3%B6%C3%9Fe/?q=a%20b&x=[1]"]
    (only,) = reader.load(own(tmp_path, "/a/#top\n")).endpoints[0].parts
    assert only.path(None) == "/a/"


def test_runs_with_other_lists_are_other_plans(tmp_path: Path) -> None:
    hashes = set()
    for listed in ("/a/\n", "/b/\n"):
        asked = reader.load(own(tmp_path, listed))
        timed = asked.model_copy(update={"time": 300.0})
        hashes.add(layout.digest(timed, []))
    assert len(hashes) == 2


@pytest.mark.parametrize("key", ["listed", "pages"])
def test_what_a_file_holds_cannot_be_said_in_the_scenario(tmp_path: Path, key: str) -> None:
    file = own(tmp_path, "/")
    file.write_text(OWN.replace('paths_from = "urls.txt"', f'path = "/"\n{key} = {{ "/x" = 0 }}'))
    with pytest.raises(UserError, match=f"{key}: unknown key"):
        reader.load(file)
