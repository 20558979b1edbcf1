"""Child processes: own process group, own log, stopped whatever happens, killed if the harness is.

Start with `start`, stop with `stop`; never a process that is in neither. A child's output goes to a
file, never to a pipe nobody reads.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import psutil

from harness.errors import UserError

TERM_S, KILLED_S = 3.0, 30.0
"""A process that is killed takes seconds to go where a machine is short of memory or of time."""

GOES_FIRST: Final = -20

GIVES_WAY: Final = 19
"""Load generator and services share cores; a load generator that waits for its core measures itself."""

HERE: Final = Path(__file__).parent

KEPT_ENVIRONMENT: Final = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "TZ",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
)


@dataclass(frozen=True)
class Child:
    """A started command and where it writes."""

    name: str
    command: tuple[str, ...]
    process: subprocess.Popen[bytes]
    log: Path
    stop_with: signal.Signals = signal.SIGTERM

    @property
    def pid(self) -> int:
        return self.process.pid

    def pids(self) -> list[int]:
        """The child and all its descendants that are alive."""
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.pid)
            return [self.pid, *(process.pid for process in parent.children(recursive=True))]
        return []

    def log_tail(self, lines: int = 12) -> str:
        """The end of the log, for an error message."""
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


class Reaper:
    """The other end of reaper.py's pipe. One per harness process, started with the first child."""

    _pipe: IO[bytes] | None = None

    @classmethod
    def tell(cls, sign: str, what: int | Path) -> None:
        """`+`: kill this process group, or remove this folder, if we are gone; `-`: no longer."""
        if cls._pipe is None:
            program = [sys.executable, "-I", "-S", str(HERE / "reaper.py")]
            reaper = subprocess.Popen(program, stdin=subprocess.PIPE, start_new_session=True)
            assert reaper.stdin is not None
            cls._pipe = reaper.stdin
        cls._pipe.write(f"{sign}{what}\n".encode())
        cls._pipe.flush()


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """A child's whole environment: a short list of ours, then `extra`.

    An allow-list, because WEB_CONCURRENCY, GUNICORN_CMD_ARGS, PYTHONASYNCIODEBUG and their like
    would change what is measured without standing in any command line.
    """
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    return kept | {"PYTHONUNBUFFERED": "1"} | dict(extra)


def program(name: str) -> str:
    """The path of a program installed beside this Python, or else on PATH under its bare name."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def installed(name: str) -> bool:
    """Whether `program` finds one."""
    return shutil.which(program(name)) is not None


def start(
    name: str,
    command: Sequence[str],
    log: Path,
    *,
    cores: Sequence[int] | None,
    env: Mapping[str, str],
    cwd: Path,
    user: str = "-",
    stop_with: signal.Signals | None = None,
    nice: int = 0,
    pipes: bool = False,
) -> Child:
    """Start a command in its own session and process group, on `cores` (None: all of them).

    `user` other than `-`: as that user, which only root can. `stop_with`: what it has to be stopped with, also when we die;
    otherwise that is TERM, and KILL when we die. `nice`: GOES_FIRST, GIVES_WAY or 0. `pipes` connects its standard input and
    output to us instead of to nothing and the log.
    Call it from the main thread: the parent-death signal follows the thread.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*launcher(cores, user, stop_with or signal.SIGKILL, nice), *command],
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipes else output,
            stderr=output,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    Reaper.tell("+", process.pid)
    return Child(name, tuple(command), process, log, stop_with or signal.SIGTERM)


def launcher(
    cores: Sequence[int] | None, user: str = "-", at_death: signal.Signals = signal.SIGKILL, nice: int = 0
) -> list[str]:
    """What a command line begins with, so that it runs on these cores, as this user, this nice, and gets this when we die."""
    where = ",".join(map(str, cores)) if cores else "-"
    python = [sys.executable, "-I", "-S", str(HERE / "launch.py")]
    return [*python, str(os.getpid()), where, user, str(int(at_death)), str(nice)]


def stop(children: Iterable[Child]) -> None:
    """TERM to every group (or what its child is stopped with), KILL to what is left after TERM_S; returns when all are gone."""
    children = list(children)
    for child in children:
        _signal(child, child.stop_with)
    _wait_all(children, TERM_S)
    for child in children:
        _signal(child, signal.SIGKILL)
    _wait_all(children, KILLED_S)
    for child in children:
        for pipe in (child.process.stdin, child.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        if group_is_alive(child.pid):
            raise UserError(f"{child.name}: process group {child.pid} survived SIGKILL; end it before the next run")
        Reaper.tell("-", child.pid)


@contextmanager
def scratch(prefix: str, place: Path | None = None) -> Iterator[Path]:
    """A folder (in `place`, or where temporary files belong) that is gone afterwards, even if we are killed."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place)).resolve()
    Reaper.tell("+", folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Reaper.tell("-", folder)


def group_is_alive(group: int) -> bool:
    """Whether any process of the group still runs; zombies that init has yet to collect do not count."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS: only zombies are left
        return False
    return any(_is_alive(pid) for pid in psutil.pids() if _group(pid) == group)


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _group(pid: int) -> int | None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getpgid(pid)
    return None


def _signal(child: Child, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, what)


def _wait_all(children: list[Child], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(child.process.poll() is not None for child in children) and not any(
            group_is_alive(child.pid) for child in children
        ):
            return
        time.sleep(0.02)
