"""The run folders below a folder of results, newest first; one that cannot be read is found too, with what is wrong."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import UserError
from harness.storage.reader import Stored


@dataclass(frozen=True)
class Found:
    """A run folder: opened, or why it cannot be."""

    path: Path
    started: datetime
    run: Stored | None
    wrong: str = ""


def below(results: Path) -> list[Found]:
    """Runs in this folder, and in folders of runs within it."""
    folders = [path for path in _folders(results) if not _is_run(path)]
    runs = [path for folder in [results, *folders] for path in _folders(folder) if _is_run(path)]
    return sorted(map(_opened, runs), key=lambda found: found.started, reverse=True)


def _folders(path: Path) -> list[Path]:
    return sorted(one for one in path.iterdir() if one.is_dir()) if path.is_dir() else []


def _is_run(path: Path) -> bool:
    return (path / "run.json").exists() or (path / "blocks").is_dir()


def _opened(path: Path) -> Found:
    """A run that does not say when it was started counts from when its folder was last written to."""
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        run = Stored.open(path)
        started = datetime.fromisoformat(run.head.get("started", written.isoformat()))
    except UserError as error:
        return Found(path, written, None, str(error).splitlines()[0].removeprefix(f"{path}/").removeprefix(f"{path}: "))
    except (TypeError, ValueError):
        return Found(path, written, run)
    return Found(path, started if started.tzinfo else started.replace(tzinfo=UTC), run)
