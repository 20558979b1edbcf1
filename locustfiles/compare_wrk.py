"""Does the load maker count what wrk counts? `hello` on every arm of a scenario, the two alternating.

    python -m locustfiles.compare_wrk [--scenario FILE] [--rounds N] [--seconds S]

A load maker that loses requests, counts too many or cannot keep a server busy disagrees here.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from harness import deployment, figures, intervals, machine, scenario, services
from harness.deployment import Deployed, Site
from locustfiles.compare_clients import USERS, locust, tool

AGREEMENT: Final = 0.10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scenario", type=Path, default=Path("scenarios/default.toml"), help="whose arms")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (default 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds per tool, arm and round (default 2)")
    asked = parser.parse_args()
    if not shutil.which("wrk"):
        print("compare_wrk: wrk is not installed; install your system's wrk package")
        return 1
    arms, cores = scenario.load(asked.scenario).arms, machine.share_cores()
    with tempfile.TemporaryDirectory() as name:
        logs = Path(name) / "logs"
        url = services.seed_database(Path(name) / "db.sqlite3")
        with (
            services.running(url, logs, cores.load) as around,
            deployment.running(arms, Site(around.environment, logs, cores.server)) as fleet,
        ):
            rates = measure(list(fleet.deployed.values()), asked.rounds, asked.seconds)
    return judge(rates)


def measure(arms: list[Deployed], rounds: int, seconds: float) -> dict[str, tuple[list[float], list[float]]]:
    """Arm → (our rates, wrk's rates), one of each per round; who goes first changes from round to round."""
    rates: dict[str, tuple[list[float], list[float]]] = {deployed.arm.name: ([], []) for deployed in arms}
    for round_ in range(rounds):
        for deployed in arms:
            ours, wrk = rates[deployed.arm.name]
            turns = [(ours, ours_on), (wrk, wrk_on)]
            for found, client in turns if round_ % 2 else turns[::-1]:
                found.append(client(deployed, seconds))
        print(f"round {round_ + 1} of {rounds}", flush=True)
    return rates


def ours_on(deployed: Deployed, seconds: float) -> float:
    return locust("closed_loop.py", f"--path=/{deployed.arm.view}/hello/", port=deployed.port, seconds=seconds)


def wrk_on(deployed: Deployed, seconds: float) -> float:
    url = f"http://127.0.0.1:{deployed.port}/{deployed.arm.view}/hello/"
    return tool(["wrk", "-t1", f"-c{USERS}", f"-d{seconds:g}s", "--timeout", "10s", url], r"Requests/sec:\s+([\d.]+)")


def judge(rates: dict[str, tuple[list[float], list[float]]]) -> int:
    """Print both rates and their ratio per arm; 0 if every ratio is within AGREEMENT of 1."""
    agreed = True
    for arm, (ours, wrk) in rates.items():
        ratio = intervals.geometric_ratio(np.array(ours), np.array(wrk))
        assert ratio is not None
        ok = abs(ratio.value - 1) <= AGREEMENT
        agreed &= ok
        medians = f"ours {figures.number(float(np.median(ours))):>6}, wrk {figures.number(float(np.median(wrk))):>6}"
        print(f"{'pass' if ok else 'FAIL'}: {arm:28} {medians} req/s, ours / wrk {figures.ratio(ratio)}")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
