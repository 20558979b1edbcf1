"""The measured project by itself: what its own manage.py says of it."""

import subprocess
import sys
from pathlib import Path

from harness.location import ROOT


def test_the_project_checks_clean_by_itself(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "check", "--fail-level", "WARNING"]
    ended = subprocess.run(command, cwd=ROOT / "bench_project", capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_models_have_no_unwritten_migration() -> None:
    command = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]
    ended = subprocess.run(command, cwd=ROOT / "bench_project", capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
