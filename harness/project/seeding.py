"""Fills a database with what the measured views read."""

import subprocess
import sys
from pathlib import Path

from harness.errors import UserError
from harness.location import PROJECT
from harness.system import processes


def seed(url: str, project: Path = PROJECT) -> str:
    """Fill the database at this URL with this project's own command; returns the URL.

    Raises UserError with the command's output if it cannot be seeded.
    """
    result = subprocess.run(
        [sys.executable, "manage.py", "seed"],
        cwd=project,
        env=processes.environment({"DATABASE_URL": url}),
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise UserError(f"manage.py seed failed in {project}:\n{result.stderr.strip()}")
    return url
