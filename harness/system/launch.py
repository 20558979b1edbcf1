"""exec a command on given cores and as a given user, to be ended by the kernel when its parent dies.

    python -I -S launch.py PARENT_PID CORES USER SIGNAL NICE COMMAND…

CORES: `0,1`, or `-` for all; USER: `nobody`, or `-` for ours; SIGNAL: the number of the one it gets at its parent's
death; NICE: -20 goes before all others, 19 gives way to them.

A separate program rather than a `preexec_fn`, because code between fork and exec may deadlock in a process with threads.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    parent, cores, user, number, nice, *command = sys.argv[1:]
    raise_file_limit()
    be_nice(int(nice))
    kernel = c_library()
    if user != "-":
        become(user)
    if sys.platform == "linux":
        die_with(int(parent), int(number), kernel)
        if cores != "-":
            os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    os.execvp(command[0], command)


def c_library() -> Any:
    """Loaded while we may still read this Python, which may be below a home that is closed to others."""
    import ctypes

    return ctypes.CDLL(None)


def be_nice(nice: int) -> None:
    """As far as we may: only root can go first. Linux weighs sessions before it weighs their processes (sched(7), autogroup)."""
    with contextlib.suppress(OSError):
        os.nice(nice)
    with contextlib.suppress(OSError):
        if nice:
            Path("/proc/self/autogroup").write_text(str(nice))


def become(user: str) -> None:
    """Give up our rights for good; before die_with, because the kernel forgets that when credentials change."""
    import pwd

    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def die_with(parent: int, number: int, kernel: Any) -> None:
    """Ask for a signal at the parent's death; that survives exec, and is not inherited by children."""
    kernel.prctl(PR_SET_PDEATHSIG, number)
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
