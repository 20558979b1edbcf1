"""The only loop: for every block, bring all arms up, prove them, load their cells slice by slice, store, stop.

Results are saved after each block, because a later one may fail.
"""

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Final, Protocol

from harness import backends, capacity, deployment, machine, plan, probed, services, store, stored, verify
from harness.backends import Backends
from harness.capacity import Course, Found
from harness.conditions import Conditions, Surroundings
from harness.deployment import Checkout, Deployed, Site, slug
from harness.load import Load, Playing
from harness.machine import Cores
from harness.modes import CAPACITY
from harness.plan import Block, Slice
from harness.postgres import Sessions
from harness.probed import Counts
from harness.processes import Child
from harness.resources import LOAD, SERVICES, Usage, Watch
from harness.samples import Played
from harness.scenario import Scenario
from harness.store import BlockResult, RunFolder
from harness.verify import Proof
from harness.watching import Progress

CAUSE: Final = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?([A-Z]\w*(?:Error|Exception|Operation|Exit|Warning)): (.+)$")


class Around(Protocol):
    """The services beside the servers."""

    @property
    def children(self) -> tuple[Child, ...]: ...

    def upstream_stats(self) -> Any: ...

    def sessions(self) -> Sessions | None: ...


class Servers(Protocol):
    """Running arms, by name."""

    deployed: dict[str, Deployed]

    def restart(self, name: str) -> None: ...


@dataclass(frozen=True)
class Stage:
    """What a block is played on: servers, services, proof. Tests put a fake here, beside the fake Load."""

    cores: Cores
    backends: Backends
    checkouts: Mapping[str, Checkout] = field(default_factory=dict)  # where arms are at other revisions

    @contextmanager
    def up(self, scenario: Scenario, logs: Path) -> Iterator[tuple[Servers, Around, Proof]]:
        """Everything up and proven; everything stopped afterwards."""
        with (
            services.running(self.backends, logs, self.cores.load, scenario.needs) as around,
            deployment.running(scenario.arms, self._site(around, logs)) as fleet,
        ):
            yield fleet, around, verify.twins(scenario, fleet)

    def _site(self, around: services.Services, logs: Path) -> Site:
        return Site(around.environment, logs, self.cores.server, self.checkouts)


class AnyStage(Protocol):
    """A Stage or its fake."""

    @property
    def cores(self) -> Cores: ...

    def up(self, scenario: Scenario, logs: Path) -> AbstractContextManager[tuple[Servers, Around, Proof]]: ...


Narrow = Callable[[Path], bool]
"""Whether the run in this folder knows its first comparison as precisely as its rule asks: the lower half's to say."""


@dataclass(frozen=True)
class Bounds:
    """What ends a search or a run before its plan does."""

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
    """Measure every block that the run has not yet, and store each as soon as it is done."""
    with machine.off_the_servers(stage.cores):
        for block in blocks_left(scenario, folder, bounds.narrow):
            progress.block_started(block)
            course = search(scenario, folder, block, bounds.most_rate) if searching(scenario) else fixed(block)
            folder.add(run_block(scenario, course, block, folder.working_folder(block.index), stage, load, progress))
            progress.block_finished(block)


def blocks_left(scenario: Scenario, folder: RunFolder, narrow: Narrow) -> Iterator[Block]:
    """The planned blocks that are not there; where there is a rule, until it is met. A gap between blocks is always filled."""
    for block in plan.expand(scenario):
        there = folder.finished
        if block.index in there:
            continue
        may_end = block.index >= max(scenario.fewest_blocks, 1 + max(there, default=-1))
        if scenario.rule and may_end and narrow(folder.path):
            return
        yield block


def search(scenario: Scenario, folder: RunFolder, block: Block, most_rate: float) -> Course:
    """A search that starts from what the blocks before this one found."""
    before = [path for path in store.block_folders(folder.path) if int(path.name) < block.index]
    told = [one for path in before for one in stored.read_notes(path)["found"]]
    found = {(one["arm"], one["endpoint"]): one["rate"] for one in told if one["rate"]}
    return capacity.course(scenario, block.index, found, most_rate)


def run_block(
    scenario: Scenario, course: Course, block: Block, working: Path, stage: AnyStage, load: Load, progress: Progress
) -> BlockResult:
    """One block, from cold start to everything stopped."""
    logs = working / "logs"
    with stage.up(scenario, logs) as (servers, around, proof):
        backends.refuse_ended(around.children)
        commands = {name: deployed.command for name, deployed in servers.deployed.items()}
        with load.playing(scenario.load, proof.bodies, working, stage.cores.load) as playing:
            visit, asked = Visit(servers, around, playing), []

            def play(slice_: Slice) -> Played | None:
                asked.append(slice_)
                refused = any((slice_.cell.arm, call.endpoint) in proof.refused for call in slice_.calls)
                progress.slice_started(block, slice_)
                played = None if refused else visit.play(slice_)
                progress.slice_played(block, slice_, played, None if played is None else visit.load_busy)
                return played

            found = follow(course, play)
            rows = playing.requests()
    notes = {
        "slices": [asdict(slice_) for slice_ in asked],
        "played": [asdict(played) for played in visit.played],
        "restarted": visit.restarted,
        "commands": commands,
        "identities": proof.identities,
        "refused": [{"arm": arm, "endpoint": label, "reason": why} for (arm, label), why in proof.refused.items()],
        "causes": causes(scenario, logs),
        "found": [asdict(one) for one in found],
        "probed": visit.probed,
        "middleware": visit.middleware,
    }
    return BlockResult(block.index, rows, visit.usage, visit.conditions, notes)


def searching(scenario: Scenario) -> bool:
    """Whether the slices of a block depend on how the earlier ones went."""
    return bool(scenario.load.mode == CAPACITY)


def fixed(block: Block) -> Course:
    """A course that is known beforehand."""
    yield from (slice_ for slice_ in block.slices)  # a generator, because a tuple cannot be told how it went
    return []


def follow(course: Generator[Slice, Played | None, list[Found]], play: Callable[[Slice], Played | None]) -> list[Found]:
    """Play each slice that the course asks for and tell it how it went; what the course returns."""
    try:
        slice_ = next(course)
        while True:
            slice_ = course.send(play(slice_))
    except StopIteration as end:
        found: list[Found] = end.value
        return found


class Visit:
    """Plays slices one after the other and keeps what came out of them."""

    def __init__(self, servers: Servers, around: Around, playing: Playing) -> None:
        self._servers, self._around, self._playing = servers, around, playing
        self.played: list[Played] = []
        self.usage: list[Usage] = []
        self.conditions: list[Conditions] = []
        self.restarted: list[dict[str, Any]] = []
        self.probed: list[dict[str, Any]] = []
        self.middleware: dict[str, dict[str, Any]] = {}
        self.load_busy: float | None = None  # cores that the load maker used in the last slice

    def play(self, slice_: Slice) -> Played:
        """Load one cell; an arm that is left with unfinished work, or has ended, is restarted before it is used again."""
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
            self.probed.append(counts.end())
            self.middleware[arm] = probed.middleware(deployed.probe)
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
