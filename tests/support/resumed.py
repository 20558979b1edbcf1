"""What of a run must not change when it goes on."""

import hashlib
from pathlib import Path


def sums(folder: Path) -> dict[str, str]:
    """sha256 of every file below."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def blocks_of(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "blocks").iterdir())
