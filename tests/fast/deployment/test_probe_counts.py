"""A scenario's instrumented run, and what is made of its counts: made-up ones here, those of real servers at the end."""

import json
import struct
from pathlib import Path

from harness.deployment import probe_counts
from harness.deployment.probe_counts import Counts


def process(folder: Path, pid: int, *numbers: int) -> None:
    """What an instrumented process leaves."""
    slots = ["requests", "inside", "inside_most", "switches"]
    (folder / f"{pid}.json").write_text(json.dumps({"slots": slots, "middleware": 7, "sync_only": ["a.B"]}))
    (folder / str(pid)).write_bytes(struct.pack("4q", *numbers))


def test_what_a_slice_counted_is_the_growth_over_all_processes(tmp_path: Path) -> None:
    process(tmp_path, 1, 10, 0, 9, 30)
    process(tmp_path, 2, 5, 0, 3, 15)
    (tmp_path / "3").write_bytes(b"")  # a process that has only just made its file
    counts = Counts(7, tmp_path)
    assert [one["inside_most"] for one in probe_counts.read(tmp_path).values()] == [0, 0]
    process(tmp_path, 1, 14, 0, 4, 42)
    process(tmp_path, 2, 5, 0, 0, 15)
    process(tmp_path, 4, 2, 0, 2, 6)  # a worker that was started meanwhile
    assert counts.end() == {
        "slice": 7,
        "grown": {"requests": 6, "switches": 18},
        "requests": {"1": 4, "2": 0, "4": 2},
        "inside_most": 4,
    }
    assert probe_counts.middleware(tmp_path) == {"number": 7, "sync_only": ["a.B"]}
