"""Real servers, real sockets, real signals. Nothing here depends on how fast the machine is."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from support.commands import bench
from support.programs import kill_nine

from harness.location import ROOT


def test_serve_prints_urls_that_work_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness.cli", "serve", "async · uvicorn", "gunicorn-sync"]
    env = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        lines = []
        for line in serving.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        urls = re.findall(r"(http://\S+:\d+)/\w+/hello/", "".join(lines))
        assert len(urls) == 3
        seen = {json.load(urllib.request.urlopen(f"{url}/__djbench__/whoami"))["server"] for url in urls}
        assert seen == {"uvicorn", "gunicorn"}
        serving.send_signal(signal.SIGINT)
        assert serving.wait(timeout=100) == 130
    assert kill_nine.wait_for_none(tmp_path) == []


def test_an_unknown_arm_is_refused_with_a_near_miss(tmp_path: Path) -> None:
    ended = bench("serve", "uvicron", folder=tmp_path)
    assert ended.returncode == 1
    assert "did you mean 'uvicorn'?" in ended.stderr
    assert "Traceback" not in ended.stderr
