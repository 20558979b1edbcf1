"""Kill what a run has started when the run itself can no longer do it.

    python -I -S reaper.py < pipe

Reads `+PGID` and `-PGID` lines. The pipe's other end is held by the harness alone, so the end of
file means that the harness is gone, however it went: then every process group still listed is killed. A
parent-death signal reaches only direct children; this reaches the workers of a server whose master is already dead.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(caught, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
