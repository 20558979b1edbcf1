"""The whole pipeline without sockets: a plan in, a report out; and what is on disk between."""

from pathlib import Path

from harness.storage import writer


def test_two_runs_in_the_same_second_get_two_folders(tmp_path: Path) -> None:
    paths = {writer.RunFolder.create(tmp_path, "tiny", "", {}).path for _ in range(3)}
    assert len(paths) == 3
