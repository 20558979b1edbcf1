"""How fast can each client call? Locust with our client, FastHttpUser and HttpUser; wrk and hey where installed.

    python -m locustfiles.compare_clients [--rounds N] [--seconds S]

All against the same static reply on another core, in alternating slices, each on one core; ratios are of neighbours.
The server is nginx where it is installed, else a small server of ours, which then is the limit and is said to be.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from harness.formatting import numbers
from harness.load import wrk_and_hey
from harness.location import ROOT
from harness.statistics import intervals
from harness.system import ports, processes
from harness.system.cores import Cores, share_cores

USERS: Final = 64

BODY: Final = b'{"message": "Hello from async view!"}'

TARGET_RPS: Final = 75_000

TARGET_RATIO: Final = 6.0

NGINX: Final = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600; client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{body}'; }} }}
}}
"""

Client = Callable[[int, float], float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (default 5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds per client and round (default 3)")
    asked = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in clients()}
    with static_server(share_cores()) as (port, server):
        print(f"static reply from {server}; {USERS} users; {asked.rounds} rounds of {asked.seconds:g} s each")
        for round_ in range(asked.rounds):
            order = list(rates)[round_ % len(rates) :] + list(rates)[: round_ % len(rates)]
            for name in order:
                rates[name].append(clients()[name](port, asked.seconds))
            shown = ", ".join(f"{name} {numbers.number(values[-1])}" for name, values in rates.items())
            print(f"round {round_ + 1}: {shown}", flush=True)
    return judge({name: np.array(values) for name, values in rates.items()})


def judge(rates: dict[str, intervals.Values]) -> int:
    """Print each client's rate and its ratio to ours; 0 if both targets are met."""
    ours = rates["lean client"]
    for name, values in rates.items():
        ratio = intervals.geometric_ratio(ours, values)
        against = f"ours is {numbers.ratio(ratio)}" if ratio and name != "lean client" else ""
        print(f"{name:14} {numbers.number(float(np.median(values))):>9} requests/s   {against}")
    over_fast = intervals.geometric_ratio(ours, rates["FastHttpUser"])
    met = [float(np.median(ours)) >= TARGET_RPS, over_fast is not None and over_fast.value >= TARGET_RATIO]
    for text, ok in zip((f"≥ {TARGET_RPS} requests/s", f"≥ {TARGET_RATIO:g} × FastHttpUser"), met, strict=True):
        print(f"{'pass' if ok else 'FAIL'}: {text}")
    return 0 if all(met) else 1


def clients() -> dict[str, Client]:
    """Name → a function of (port, seconds) that returns requests per second. wrk and hey only where installed."""
    found: dict[str, Client] = {
        "lean client": lambda port, seconds: locust("closed_loop.py", "--path=/", port=port, seconds=seconds),
        "FastHttpUser": lambda port, seconds: locust("stock_users.py", "FastUser", port=port, seconds=seconds),
        "HttpUser": lambda port, seconds: locust("stock_users.py", "SlowUser", port=port, seconds=seconds),
    }
    for name in wrk_and_hey.installed():
        found[name] = partial(rival, name)
    return found


def rival(name: str, port: int, seconds: float) -> float:
    return wrk_and_hey.rate(name, f"http://127.0.0.1:{port}/", USERS, seconds, share_cores().load)


def locust(file: str, *arguments: str, port: int, seconds: float) -> float:
    """One headless Locust with its own statistics: what its user would read."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "locust", "-f", str(ROOT / "locustfiles" / file), *arguments,
            "--headless", "--host", f"http://127.0.0.1:{port}", "-u", str(USERS), "-r", "10000",
            "-t", f"{seconds:g}s", "--json-file", f"{folder}/stats", "--loglevel", "ERROR",
        ]  # fmt: skip
        subprocess.run(
            wrk_and_hey.on_cores(command, share_cores().load),
            check=True,
            capture_output=True,
            timeout=seconds + 60,
        )
        entry = json.loads(Path(folder, "stats.json").read_text())[0]
    if entry["num_failures"]:
        raise SystemExit(f"{file}: {entry['num_failures']} requests failed")
    return float(entry["num_requests"]) / (float(entry["last_request_timestamp"]) - float(entry["start_time"]))


@contextlib.contextmanager
def static_server(cores: Cores) -> Iterator[tuple[int, str]]:
    """nginx, or our own server, answering BODY on the server's cores; yields (port, what it is)."""
    port, nginx = ports.free(), shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    with tempfile.TemporaryDirectory() as folder:
        name, command = (
            "our own server (install nginx for a faster one)",
            [sys.executable, "-m", "harness.load.known_server", str(port)],
        )
        if nginx:
            config = Path(folder, "nginx.conf")
            config.write_text(NGINX.format(folder=folder, port=port, body=BODY.decode()))
            name, command = "nginx", [nginx, "-c", str(config), "-p", folder, "-e", f"{folder}/error.log"]
        env = processes.environment({"PYTHONPATH": str(ROOT)})
        child = processes.start("static server", command, Path(folder, "log"), cores=cores.server, env=env, cwd=ROOT)
        try:
            if not ports.poll(lambda: ports.answers(port), 15):
                raise SystemExit(f"static server: not up on port {port}: {child.log_tail()}")
            yield port, name
        finally:
            processes.stop([child])


if __name__ == "__main__":
    sys.exit(main())
