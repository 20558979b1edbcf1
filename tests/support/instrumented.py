"""Django's own handlers under the probe, in a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness.location import INJECTED, ROOT

REQUESTS = 5


def asked(application: str, path: str, folder: Path, **environment: str) -> tuple[dict[str, float], dict[str, Any]]:
    """(growth of each counter per request, facts) after REQUESTS requests to this path of this application."""
    folder.mkdir(exist_ok=True)
    interface = "wsgi" if "wsgi" in application else "asgi"
    project = ROOT / ("bench_project" if application.startswith("config") else "tests/support/programs")
    own = {"DJBENCH_PROBE": str(folder), "DJBENCH_APPLICATION": application}
    ended = subprocess.run(
        [sys.executable, ROOT / "tests/support/programs/instrumented_requests.py", interface, path, str(REQUESTS)],
        cwd=project,
        env=os.environ | own | {"PYTHONPATH": f"{INJECTED}{os.pathsep}{project}"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["statuses"] == [200]
    (facts,) = (json.loads(file.read_text()) for file in folder.glob("*.json"))
    return {name: value / REQUESTS for name, value in told["grown"].items()}, facts
