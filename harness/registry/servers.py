"""The servers table: one entry per way to run Django, with a reason for every flag.

Rule for the flags: whatever has an "auto" or would differ between two servers is set, to the same
value everywhere; where a server has a fastest documented loop, it gets it.
Adding a server is adding an entry here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from harness.location import INJECTED

Interface = Literal["WSGI", "ASGI"]


class ArmOptions(Protocol):
    """The part of an arm that a command line depends on."""

    @property
    def workers(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def connections(self) -> int: ...
    @property
    def loop(self) -> str: ...
    @property
    def http(self) -> str: ...


ConcurrencyLimit = Callable[[ArmOptions], int | None]


@dataclass(frozen=True)
class Server:
    """One way to run Django."""

    interface: Interface
    command: str  # with {port} {workers} {threads} {connections} {loop} {http} {application} {injected}
    concurrency_limit: ConcurrencyLimit  # most requests inside a view at once; None: no declared limit
    options: frozenset[str] = frozenset()  # arm options this server understands besides `workers`
    keeps_alive: bool = True  # False: closes the connection after each response

    @property
    def program(self) -> str:
        """What has to be installed, a program and a module of that name: the first word of the command."""
        return self.command.partition(" ")[0]

    def argv(self, arm: ArmOptions, port: int | str) -> list[str]:
        """The exact command line for this arm on this port. What is served is our application, which has the project's inside."""
        values: Mapping[str, object] = {
            "port": port,
            "workers": arm.workers,
            "threads": arm.threads,
            "connections": arm.connections,
            "loop": arm.loop,
            "http": arm.http,
            "application": f"djbench_injected.{self.interface.lower()}:application",
            "injected": INJECTED / "djbench_injected",
        }
        return [word.format_map(values) for word in self.command.split()]


REASONS: Final = {
    "--bind": "loopback only, a port of our choice",
    "-b": "loopback only, a port of our choice",
    "--host": "loopback only",
    "--port": "a port of our choice",
    "-p": "a port of our choice",
    "--workers": "same number of processes in every arm; not from WEB_CONCURRENCY",
    "-w": "same number of processes in every arm; not from WEB_CONCURRENCY",
    "--threads": "the arm's concurrency limit",
    "--blocking-threads": "threads that run Python: the arm's concurrency limit on WSGI, the one loop thread for ASGI",
    "--worker-connections": "above any number of users, so that it never limits concurrency by accident",
    "--worker-class": "the gunicorn worker type of this entry",
    "--backlog": "the same queue before accept() everywhere",
    "--keep-alive": "longer than any pause between slices, so that no idle connection is closed",
    "--timeout-keep-alive": "longer than any pause between slices, so that no idle connection is closed",
    "--timeout": "longer than the longest wait, so that no busy worker is killed",
    "--graceful-timeout": "stopping an arm must not take longer than its last requests",
    "--timeout-graceful-shutdown": "stopping an arm must not take longer than its last requests",
    "--workers-kill-timeout": "stopping an arm must not take longer than its last requests",
    "--config": "none: gunicorn would read a gunicorn.conf.py of the project",
    "--no-control-socket": "gunicorn 26 opens a control socket by default: not part of serving",
    "--log-level": "warnings only: nothing is written per request",
    "--no-access-log": "nothing is written per request",
    "-v": "daphne writes its access log at verbosity 1",
    "--http-parser": "explicit: what `pip install gunicorn` gives; the C parser is an extra that needs a compiler",
    "--asgi-loop": "explicit instead of auto",
    "--asgi-lifespan": "Django has no lifespan handler",
    "--lifespan": "Django has no lifespan handler",
    "--loop": "explicit instead of auto",
    "-k": "explicit event loop",
    "--http": "explicit HTTP parser or version instead of auto",
    "--ws": "explicit instead of auto; no endpoint uses WebSockets",
    "--no-ws": "no endpoint uses WebSockets",
    "--interface": "explicit instead of auto",
    "--no-use-colors": "logs are files",
    "--runtime-mode": "explicit instead of auto",
    "--runtime-threads": "one Rust thread for I/O: the arm's cores are given by affinity",
    "--backpressure": "explicit: the default is derived from the backlog",
    "-t": "longer than the longest wait, so that no request is given up",
    "-c": "keep_alive_max_requests has no flag: hypercorn closes a connection after 1 000 requests by default",
}
"""Why each flag is there. A test holds that no command has a flag without a reason."""

_GUNICORN = (
    "gunicorn --bind 127.0.0.1:{port} --workers {workers} --backlog 2048 --keep-alive 600 --timeout 120"
    " --graceful-timeout 1 --no-control-socket --log-level warning --http-parser python --config /dev/null"
)

_UVICORN = (
    "uvicorn --host 127.0.0.1 --port {port} --workers {workers} --backlog 2048 --timeout-keep-alive 600"
    " --timeout-graceful-shutdown 1 --log-level warning --no-access-log --no-use-colors --interface asgi3"
    " --lifespan off --ws wsproto --loop {loop} --http {http} {application}"
)

_GRANIAN = (
    "granian --host 127.0.0.1 --port {port} --workers {workers} --backlog 2048 --backpressure 4096"
    " --workers-kill-timeout 2 --log-level warning --no-access-log --no-ws --http 1"
    " --runtime-mode st --runtime-threads 1"
)


def _unlimited(arm: ArmOptions) -> int | None:
    return None


def _one_per_worker(arm: ArmOptions) -> int | None:
    return arm.workers


def _one_per_thread(arm: ArmOptions) -> int | None:
    return arm.workers * arm.threads


def _one_per_connection(arm: ArmOptions) -> int | None:
    return arm.workers * arm.connections


SERVERS: Final[dict[str, Server]] = {
    "gunicorn-sync": Server(
        "WSGI",
        f"{_GUNICORN} --worker-class sync {{application}}",
        concurrency_limit=_one_per_worker,
        keeps_alive=False,
    ),
    "gunicorn-gthread": Server(
        "WSGI",
        f"{_GUNICORN} --worker-class gthread --threads {{threads}} --worker-connections {{connections}} {{application}}",
        concurrency_limit=_one_per_thread,
        options=frozenset({"threads", "connections"}),
    ),
    "gunicorn-gevent": Server(
        "WSGI",
        f"{_GUNICORN} --worker-class gevent --worker-connections {{connections}} {{application}}",
        concurrency_limit=_one_per_connection,
        options=frozenset({"connections"}),
    ),
    "gunicorn-asgi": Server(
        "ASGI",
        f"{_GUNICORN} --worker-class asgi --worker-connections {{connections}} --asgi-loop {{loop}}"
        " --asgi-lifespan off {application}",
        concurrency_limit=_unlimited,
        options=frozenset({"connections", "loop"}),
    ),
    # The worker class sets loop and parser: djbench_injected/uvicorn_worker.py makes both explicit.
    "gunicorn-uvicorn": Server(
        "ASGI",
        f"{_GUNICORN} --worker-class djbench_injected.uvicorn_worker.ExplicitUvicornWorker {{application}}",
        concurrency_limit=_unlimited,
    ),
    "uvicorn": Server("ASGI", _UVICORN, concurrency_limit=_unlimited, options=frozenset({"loop", "http"})),
    "hypercorn": Server(
        "ASGI",
        "hypercorn -b 127.0.0.1:{port} -w {workers} -k {loop} --backlog 2048 --keep-alive 600 --graceful-timeout 1"
        " --log-level warning -c {injected}/hypercorn.toml {application}",
        concurrency_limit=_unlimited,
        options=frozenset({"loop"}),
    ),
    # Daphne has one process and Twisted's asyncio reactor; it offers neither workers nor a choice of loop.
    "daphne": Server(
        "ASGI",
        "daphne -b 127.0.0.1 -p {port} -v 0 -t 120 {application}",
        concurrency_limit=_unlimited,
    ),
    "granian-wsgi": Server(
        "WSGI",
        f"{_GRANIAN} --interface wsgi --blocking-threads {{threads}} {{application}}",
        concurrency_limit=_one_per_thread,
        options=frozenset({"threads"}),
    ),
    "granian-asgi": Server(
        "ASGI",
        f"{_GRANIAN} --interface asgi --blocking-threads 1 --loop {{loop}} {{application}}",
        concurrency_limit=_unlimited,
        options=frozenset({"loop"}),
    ),
}
