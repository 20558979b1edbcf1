"""Kill what a run has started, and remove what it has put aside, when the run itself can no longer do it.

    python -I -S reaper.py < pipe

Reads `+PGID`, `-PGID`, `+/folder` and `-/folder` lines. The pipe's other end is held by the harness alone, so the end of
file means that the harness is gone, however it went: then every process group still listed is told to stop and soon killed, and
every folder still listed removed. A parent-death signal reaches only direct children; this reaches the workers of a server
whose master is already dead.
"""

import contextlib
import os
import shutil
import signal
import sys
import time

STOP_S = 1.0  # PostgreSQL, killed at once, would leave its System V segment

REMOVE_S = 3.0  # a server's own children notice its death in their own time, and write until then


def main() -> None:
    for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(caught, signal.SIG_IGN)
    listed: set[str] = set()
    for line in sys.stdin:
        if line[0] == "+":
            listed.add(line[1:].rstrip("\n"))
        else:
            listed.discard(line[1:].rstrip("\n"))
    folders = {one for one in listed if one.startswith("/")}
    groups = [int(group) for group in listed - folders]
    deadline = time.monotonic() + STOP_S
    told = [group for group in groups if sent(group, signal.SIGINT)]
    while any(sent(group, 0) for group in told) and time.monotonic() < deadline:
        time.sleep(0.02)
    for group in told:
        sent(group, signal.SIGKILL)
    for folder in folders:
        remove(folder)


def sent(group: int, number: int) -> bool:
    """Whether there was anybody in the group to send it to."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def remove(folder: str) -> None:
    """Until it is gone: a file that appears meanwhile would keep it."""
    deadline = time.monotonic() + REMOVE_S
    while os.path.lexists(folder) and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
