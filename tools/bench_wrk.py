"""Does a run count what wrk counts? `hello` on every arm of a scenario, a slice of ours and one of wrk's in turn.

    python -m locustfiles.compare_wrk [--scenario FILE] [--rounds N] [--seconds S]

The whole load path of a run, from plan file to raw rows: one that loses requests, counts too many or cannot keep a
server busy disagrees here.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.deployment import verification
from harness.deployment.fleet import Deployed, Fleet, Site, running
from harness.formatting import numbers
from harness.load import base, wrk_and_hey
from harness.load.base import Asked
from harness.load.locust_process import LocustLoad
from harness.plan import layout
from harness.project import ready
from harness.samples import COLUMNS, Outcome, Played
from harness.scenario import reader
from harness.scenario.endpoint import Endpoint
from harness.scenario.model import Load, Scenario
from harness.services import backends, slow_api
from harness.statistics import intervals
from harness.system.cores import share_cores
from tools.bench_client import USERS

AGREEMENT: Final = 0.10

Rates = dict[str, tuple[list[float], list[float]]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scenario", type=Path, default=Path("scenarios/default.toml"), help="whose arms")
    parser.add_argument("--rounds", type=int, default=6, help="rounds over all arms (default 6)")
    parser.add_argument("--seconds", type=int, default=1, help="seconds per slice (default 1)")
    asked = parser.parse_args()
    if not shutil.which("wrk"):
        print("compare_wrk: wrk is not installed; install your system's wrk package")
        return 1
    known = reader.load(asked.scenario)
    hello = [Endpoint(name="hello", users=[USERS])]
    pace = Load(slice_s=asked.seconds, slice_max_s=asked.seconds, visits=asked.rounds)
    print(f"{len(known.arms)} arms, {asked.rounds} rounds of {asked.seconds} s each with {USERS} users", flush=True)
    return judge(measure(known.model_copy(update={"endpoints": hello, "load": pace, "blocks": 1, "comparisons": []})))


def measure(asked: Scenario) -> Rates:
    """Arm → (our rates, wrk's rates), one of each per round."""
    cores = share_cores()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            backends.running(asked.database, asked.needs, cores, ready.demo()) as up,
            slow_api.running(up, folder / "logs", cores.load, asked.needs) as around,
            running(asked.arms, Site(ready.demo(), around.places, folder / "logs", cores.server)) as fleet,
        ):
            return alternate(asked, fleet, folder, cores.load)


def alternate(asked: Scenario, fleet: Fleet, folder: Path, cores: tuple[int, ...] | None) -> Rates:
    """Play the block's slices, each followed by one of wrk's on the same arm."""
    block, verified = layout.expand(asked)[0], verification.verify(asked, fleet)
    played: list[tuple[str, Played]] = []
    rates: Rates = {arm.name: ([], []) for arm in asked.arms}
    with LocustLoad().playing(asked.load, Asked(verified.pages, verified.host), folder, cores) as playing:
        for slice_ in block.slices:
            deployed = fleet.deployed[slice_.cell.arm]
            playing.prepare(slice_, deployed.address)
            (one,) = base.play([playing])
            if slice_.purpose == "measure":
                played.append((deployed.arm.name, one))
                rates[deployed.arm.name][1].append(wrk_on(deployed, round(slice_.seconds)))
                print(f"slice {slice_.index + 1} of {len(block.slices)}", flush=True)
        rows = np.frombuffer(playing.requests(), dtype=np.int64).reshape(-1, len(COLUMNS))
    for arm, one in played:
        rates[arm][0].append(rate(rows, one))
    return rates


def rate(rows: NDArray[np.int64], one: Played) -> float:
    """Correct responses per second in a slice's window."""
    done, outcome = (rows[:, COLUMNS.index(name)] for name in ("done_ns", "outcome"))
    counted = (done >= one.cut_ns) & (done < one.end_ns) & (outcome == Outcome.OK)
    return float(counted.sum() / ((one.end_ns - one.cut_ns) / 1e9))


def wrk_on(deployed: Deployed, seconds: int) -> float:
    url = f"http://127.0.0.1:{deployed.port}/{deployed.arm.view}/hello/"
    return wrk_and_hey.rate("wrk", url, USERS, seconds, share_cores().load)


def judge(rates: Rates) -> int:
    """Print both rates and their ratio per arm; 0 if every ratio is within AGREEMENT of 1."""
    agreed = True
    for arm, (ours, wrk) in rates.items():
        ratio = intervals.geometric_ratio(np.array(ours), np.array(wrk))
        assert ratio is not None
        ok = abs(ratio.value - 1) <= AGREEMENT
        agreed &= ok
        medians = f"ours {numbers.number(float(np.median(ours))):>6}, wrk {numbers.number(float(np.median(wrk))):>6}"
        print(f"{'pass' if ok else 'FAIL'}: {arm:28} {medians} req/s, ours / wrk {numbers.ratio(ratio)}")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
