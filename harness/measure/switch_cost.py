"""What a thread switch costs on this machine, measured on the servers' cores by the probe's own program."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from harness.location import INJECTED
from harness.system import processes

LONGEST_S: Final = 60.0


def cost(log: Path, cores: tuple[int, ...] | None) -> dict[str, Any]:
    """Event loop → requests in flight → µs of CPU and of time per switch, as the probe prints it; empty if it failed."""
    env = processes.environment({"PYTHONPATH": str(INJECTED)})
    command = [sys.executable, "-m", "djbench_injected.probe.switch_cost"]
    child = processes.start("switch cost", command, log, cores=cores, env=env, cwd=INJECTED)
    try:
        child.process.wait(LONGEST_S)
        found: dict[str, Any] = json.loads(log.read_text(encoding="utf-8"))
    except (subprocess.TimeoutExpired, ValueError):
        print(f"! cost of a thread switch could not be measured: see {log}")
        return {}
    finally:
        processes.stop([child])
    return found
