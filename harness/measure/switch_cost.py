"""What a thread switch costs on this machine, measured on the servers' cores by the probe's own program."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from harness.project.target import Target
from harness.system import processes

LONGEST_S: Final = 60.0


def cost(log: Path, cores: tuple[int, ...] | None, target: Target) -> dict[str, Any]:
    """Event loop → requests in flight → µs of CPU and of time per switch, as the probe prints it; empty if it failed."""
    command = [target.python, "-m", "djbench_injected.probe.switch_cost"]
    env = target.environment({})
    child = processes.start("switch cost", command, log, cores=cores, env=env, cwd=target.folder)
    try:
        child.process.wait(LONGEST_S)
        found: dict[str, Any] = json.loads(log.read_text(encoding="utf-8"))
    except (subprocess.TimeoutExpired, ValueError):
        print(f"! cost of a thread switch could not be measured: see {log}")
        return {}
    finally:
        processes.stop([child])
    return found
