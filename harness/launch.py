"""exec a command on given cores, to be killed by the kernel when its parent dies.

    python -I -S launch.py PARENT_PID CORES COMMAND…        CORES: `0,1`, or `-` for all

A separate program rather than a `preexec_fn`, because code between fork and exec may deadlock in a process with threads.
"""

import contextlib
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    parent, cores, *command = sys.argv[1:]
    if sys.platform == "linux":
        die_with(int(parent))
        if cores != "-":
            os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    raise_file_limit()
    os.execvp(command[0], command)


def die_with(parent: int) -> None:
    """Ask for SIGKILL at the parent's death; it survives exec, and is not inherited by children."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask
        sys.exit(1)


def raise_file_limit() -> None:
    """A server with thousands of connections needs as many file descriptors."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
