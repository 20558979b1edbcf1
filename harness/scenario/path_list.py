"""A list of paths for one endpoint, so that not one row of a database is hot: a text file with a path per line, or a HAR file.

Source of the latter: "HTTP Archive (HAR) format", 1.2, as browsers save it: log.entries[].request and .response.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from harness.errors import UserError

PATH: Final = r"^/[!\"$-~]*$"
"""Of an URL, with its query: what is not ASCII stands percent-encoded."""

SAFE: Final = "!\"$%&'()*+,-./:;<=>?@[]^_`{|}~\\"

MOST: Final = 100
"""Paths: each is verified on every arm before every block."""

PAGES: Final = ("text/html", "application/json")
"""What is taken out of a HAR file; the rest is files, which an application seldom serves."""


def read(file: Path) -> dict[str, int]:
    """Path → how often it is in the list. UserError where there is none, or one that is no path."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read: {error}") from None
    is_har = file.suffix.lower() == ".har"
    urls = _recorded(file, text) if is_har else _written(text)
    found = Counter(_path(file, url) for url in urls)
    if not found:
        what = (
            f"requests for {' or '.join(PAGES)} that were answered by 200 (record with the cache off)"
            if is_har
            else "paths"
        )
        raise UserError(f"{file}: expected {what}, found none")
    if len(found) > MOST:
        raise UserError(
            f"{file}: expected at most {MOST} different paths, found {len(found)}: take some of them, for example by"
            f" `shuf -n {MOST} {file.name}`"
        )
    return dict(found)


def _written(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _recorded(file: Path, text: str) -> list[str]:
    """GET requests for pages, to the host of the first of them, as they were answered by 200. Entries that are not whole, as of
    a request that was broken off, are left out."""
    try:
        entries = json.loads(text)["log"]["entries"]
    except (ValueError, KeyError, TypeError):
        entries = None
    if not isinstance(entries, list):
        raise UserError(f"{file}: expected a HAR file, JSON with a list log.entries")
    pages = [url for entry in entries if (url := _page(entry))]
    return [page for page in pages if urlsplit(page).netloc == urlsplit(pages[0]).netloc]


def _page(entry: Any) -> str:
    """The URL of an entry that is a page; empty of any other."""
    try:
        kind = str(entry["response"]["content"].get("mimeType", "")).partition(";")[0].strip()
        is_page = entry["request"]["method"] == "GET" and entry["response"]["status"] == 200 and kind in PAGES
        url = str(entry["request"]["url"])
        return url if is_page and urlsplit(url).netloc else ""
    except (KeyError, TypeError, AttributeError, ValueError):
        return ""


def _path(file: Path, url: str) -> str:
    """A URL's path and query; a path as it is. What follows a # is never sent."""
    url = url.partition("#")[0]
    if "://" in url:
        try:
            split = urlsplit(url)
        except ValueError as error:
            raise UserError(f"{file}: {url!r}: {error}") from None
        url = (split.path or "/") + (f"?{split.query}" if split.query else "")
    url = quote(url, safe=SAFE)
    if not re.match(PATH, url):
        raise UserError(f"{file}: expected paths such as '/articles/7/', got {url!r}")
    return url
