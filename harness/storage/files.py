"""What the files of a run are called, which states a run can be in, and writing that leaves no half file."""

import json
from pathlib import Path
from typing import Any, Final

SCHEMA_VERSION: Final = 5

RUNNING, FINISHED, INTERRUPTED, FAILED = "running", "finished", "interrupted", "failed"


def block_folders(run: Path) -> list[Path]:
    """The folders of a run's finished blocks, in order."""
    return sorted(path for path in (run / "blocks").glob("[0-9]*") if path.is_dir() and path.name.isdecimal())


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write under a temporary name in the same folder, then rename."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
