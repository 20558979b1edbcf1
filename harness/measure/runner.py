"""The only loop: for every block, start and verify all arms, load their cells slice by slice, store, stop.

Results are saved after each block, because a later one may fail.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, Final

from harness.deployment.fleet import Deployed, slug
from harness.load.base import Load, Playing
from harness.measure import probe_counts
from harness.measure.conditions import Surroundings
from harness.measure.probe_counts import Counts
from harness.measure.progress import Progress
from harness.measure.resources import Watch
from harness.measure.stage import AnyStage, Around, Servers
from harness.plan import courses
from harness.plan.capacity_search import Course
from harness.plan.slices import Block, Slice
from harness.samples import LOAD, SERVICES, Conditions, Played, Usage
from harness.scenario.model import Scenario
from harness.services import backends
from harness.storage.writer import BlockResult, RunFolder
from harness.system import cores

CAUSE: Final = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?([A-Z]\w*(?:Error|Exception|Operation|Exit|Warning)): (.+)$")


Narrow = Callable[[Path], bool]
"""Whether the run in this folder knows its first comparison as precisely as its rule asks: decided by the analysis."""


@dataclass(frozen=True)
class Bounds:
    """What ends a capacity search or a run early."""

    most_rate: float = inf  # that a search for capacity may offer
    narrow: Narrow = lambda _: False


UNBOUNDED: Final = Bounds()


def run(
    scenario: Scenario,
    folder: RunFolder,
    stage: AnyStage,
    load: Load,
    progress: Progress,
    bounds: Bounds = UNBOUNDED,
) -> None:
    """Measure every missing block, and store each as soon as it is done."""
    with cores.off_the_servers(stage.cores):
        for block in courses.blocks_left(
            scenario, lambda: folder.finished, lambda: bounds.narrow(folder.path), lambda: folder.elapsed_s
        ):
            progress.block_started(block)
            so_far = courses.Standing(folder.found_before, bounds.most_rate, folder.elapsed_s, len(folder.finished))
            course = courses.course(scenario, block, so_far)
            working = folder.working_folder(block.index)
            folder.add(run_block(scenario, course, block, working, stage, load, progress))
            progress.block_finished(block)


def run_block(
    scenario: Scenario, course: Course, block: Block, working: Path, stage: AnyStage, load: Load, progress: Progress
) -> BlockResult:
    """One block, from cold start to everything stopped."""
    logs = working / "logs"
    with stage.up(scenario, logs) as (servers, around, verified):
        backends.refuse_ended(around.children)
        commands = {name: deployed.command for name, deployed in servers.deployed.items()}
        with load.playing(scenario.load, verified.bodies, working, stage.cores.load) as playing:
            visit, asked = Visit(servers, around, playing), []

            def play(slice_: Slice) -> Played | None:
                asked.append(slice_)
                refused = any((slice_.cell.arm, call.endpoint) in verified.refused for call in slice_.calls)
                progress.slice_started(block, slice_)
                played = None if refused else visit.play(slice_)
                progress.slice_played(block, slice_, played, None if played is None else visit.load_busy)
                return played

            found = courses.follow(course, play)
            rows = playing.requests()
    notes = {
        "slices": [asdict(slice_) for slice_ in asked],
        "played": [asdict(played) for played in visit.played],
        "restarted": visit.restarted,
        "commands": commands,
        "identities": verified.identities,
        "refused": [{"arm": arm, "endpoint": label, "reason": why} for (arm, label), why in verified.refused.items()],
        "causes": causes(scenario, logs),
        "found": [asdict(one) for one in found],
        "instrumented": visit.instrumented,
        "middleware": visit.middleware,
    }
    return BlockResult(block.index, rows, visit.usage, visit.conditions, notes)


class Visit:
    """Plays slices one after the other and collects the results."""

    def __init__(self, servers: Servers, around: Around, playing: Playing) -> None:
        self._servers, self._around, self._playing = servers, around, playing
        self.played: list[Played] = []
        self.usage: list[Usage] = []
        self.conditions: list[Conditions] = []
        self.restarted: list[dict[str, Any]] = []
        self.instrumented: list[dict[str, Any]] = []
        self.middleware: dict[str, dict[str, Any]] = {}
        self.load_busy: float | None = None  # cores that the load generator used in the last slice

    def play(self, slice_: Slice) -> Played:
        """Load one cell; an arm with unfinished requests, or one that exited, is restarted before it is used again."""
        arm = slice_.cell.arm
        deployed = self._servers.deployed[arm]
        self._playing.prepare(slice_, deployed.address)
        surroundings = Surroundings(slice_.index, deployed, self._around)
        watch = Watch(slice_.index, self._groups(deployed))
        counts = Counts(slice_.index, deployed.probe)
        surroundings.begin()
        watch.begin()
        played = self._playing.play(watch.tick)
        usage = watch.end()
        backends.refuse_ended(self._around.children)
        self.conditions.append(surroundings.end(usage))
        if deployed.probe is not None:
            self.instrumented.append(counts.end())
            self.middleware[arm] = probe_counts.middleware(deployed.probe)
        self.usage += usage
        self.load_busy = next(one.busy for one in usage if one.group == LOAD)
        self.played.append(played)
        ended = deployed.child.process.poll() is not None
        if played.shortage or ended:
            self._servers.restart(arm)
            self.restarted.append({"slice": slice_.index, "arm": arm, "ended": ended})
        return played

    def _groups(self, deployed: Deployed) -> Mapping[str, list[int]]:
        around = [child.pid for child in self._around.children]
        return {"server": deployed.child.pids(), LOAD: self._playing.pids, SERVICES: around}


def causes(scenario: Scenario, logs: Path) -> dict[str, str]:
    """Arm → the exception its log names most often; arms without one are left out."""
    found = {}
    for arm in scenario.arms:
        log = logs / f"{slug(arm.name)}.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        named = Counter(match[0] for line in text.splitlines() if (match := CAUSE.match(line)))
        if named:
            found[arm.name] = named.most_common(1)[0][0][:300]
    return found
