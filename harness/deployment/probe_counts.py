"""Counters of an instrumented arm, read from the files of its processes before and after a slice.

The probe (probe/) writes PROBE_FOLDER/<pid>, whole numbers of eight bytes, and PROBE_FOLDER/<pid>.json, which names them.
"""

import json
import struct
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

BYTES: Final = 8

MOST: Final = "inside_most"

NOW: Final = "inside"
"""These two are states and not counts: they do not add up over processes or slices."""


class Counts:
    """How much an arm's counters grow over one slice. `folder` is None where the arm is not instrumented."""

    def __init__(self, index: int, folder: Path | None) -> None:
        self._index, self._folder = index, folder
        if folder is not None:
            forget_most(folder)
            self._before = read(folder)

    def end(self) -> dict[str, Any]:
        """The slice's growth of each counter that grew, by process its requests, and the most in one process at once."""
        assert self._folder is not None
        after = read(self._folder)
        grown = {pid: growth(self._before.get(pid, {}), counts) for pid, counts in after.items()}
        return {
            "slice": self._index,
            "grown": dict(sum(map(Counter, grown.values()), Counter())),
            "requests": {pid: counts.get("requests", 0) for pid, counts in grown.items()},
            MOST: max((counts[MOST] for counts in after.values()), default=0),
        }


def read(folder: Path) -> dict[str, dict[str, int]]:
    """Process id → counter → value; a process that has not told its names yet has counted nothing of a request."""
    names = slots(folder)
    whole = BYTES * len(names)
    found = {file.name: file.read_bytes() for file in folder.iterdir() if file.name.isdecimal()}
    return {
        pid: dict(zip(names, struct.unpack(f"={len(names)}q", content), strict=True))
        for pid, content in found.items()
        if len(content) == whole
    }


def facts(folder: Path) -> list[dict[str, Any]]:
    """Facts from the arm's processes: slots, middleware (number), sync_only (names)."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")]


def slots(folder: Path) -> list[str]:
    """The counters' names in the order of the numbers; none before the arm has loaded its application."""
    return next((told["slots"] for told in facts(folder)), [])


def middleware(folder: Path) -> dict[str, Any]:
    """How many middleware the arm's project has, and the dotted names of what is sync-only."""
    told = next(iter(facts(folder)), {"middleware": 0, "sync_only": []})
    return {"number": told["middleware"], "sync_only": told["sync_only"]}


def forget_most(folder: Path) -> None:
    """Begin the highest number of requests at once anew, in every process; nothing is under way between slices."""
    names = slots(folder)
    for file in folder.iterdir():
        if MOST in names and file.name.isdecimal():
            with file.open("r+b") as counters:
                counters.seek(BYTES * names.index(MOST))
                counters.write(bytes(BYTES))


def growth(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """By how much each counter grew; those that did not, and what is no count, are left out."""
    grown = {name: value - before.get(name, 0) for name, value in after.items() if name not in (MOST, NOW)}
    return {name: value for name, value in grown.items() if value}
