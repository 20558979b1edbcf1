"""The only loop: for every block, start and verify all arms, load their cells slice by slice, store, stop.

Results are saved after each block, because a later one may fail.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Final

from harness.deployment import probe_counts
from harness.deployment.fleet import Deployed, slug
from harness.deployment.probe_counts import Counts
from harness.deployment.verification import Verified
from harness.load import base
from harness.load.base import Load, Playing
from harness.measure.conditions import Surroundings
from harness.measure.progress import Progress
from harness.measure.resources import Watch
from harness.measure.stage import AnyStage, Around, Servers
from harness.plan import courses
from harness.plan.capacity_search import Course
from harness.plan.slices import Block, Duet, Slice, Turn
from harness.samples import LOAD, SERVER, SERVICES, Conditions, Played, Usage
from harness.scenario.model import Scenario
from harness.services import backends
from harness.storage.writer import BlockResult, RunFolder
from harness.system import cores, kernel_counters

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
    """Measure every missing block, and store each as soon as it is done; where nothing can be loaded, the first only."""

    def so_far() -> courses.Standing:
        return courses.Standing(
            folder.found_before,
            bounds.most_rate,
            folder.elapsed_s,
            len(folder.finished),
            len(stage.cores.server or ()),
            folder.earlier,
        )

    with cores.off_the_servers(stage.cores):
        for block in courses.blocks_left(scenario, lambda: folder.finished, lambda: bounds.narrow(folder.path), so_far):
            progress.block_started(block)
            course = courses.course(scenario, block, so_far())
            working = folder.working_folder(block.index)
            result = run_block(scenario, course, block, working, stage, load, progress)
            folder.add(result)
            progress.block_finished(block)
            if block.index == 0 and not result.usage:
                return  # every cell was refused, and would be in the next block


def run_block(
    scenario: Scenario, course: Course, block: Block, working: Path, stage: AnyStage, load: Load, progress: Progress
) -> BlockResult:
    """One block, from cold start to everything stopped."""
    logs = working / "logs"
    with stage.up(scenario, logs) as (servers, around, verified):
        backends.refuse_ended(around.children)
        asked_for = base.Asked(verified.pages, verified.host, verified.headers)
        commands = {name: deployed.command for name, deployed in servers.deployed.items()}
        with ExitStack() as stack:

            def playing(folder: Path) -> Playing:
                """A load generator of this block, until its end."""
                return stack.enter_context(load.playing(scenario.load, asked_for, folder, stage.cores.load))

            visit = Visit(servers, around, playing(working), lambda: playing(working / "second"), stage.cores.server)
            turns = Turns(block, visit, verified, progress)
            found = courses.follow(course, turns.play)
            rows, answers = visit.requests(), visit.answers()
    notes = visit.notes | {
        "slices": [asdict(slice_) for slice_ in turns.asked],
        "commands": commands,
        "causes": causes(scenario, logs),
        "found": [asdict(one) for one in found],
        **told(verified),
        "strange": verified.strange(turns.asked, answers),
    }
    return BlockResult(block.index, rows, visit.usage, visit.conditions, notes)


def told(verified: Verified) -> dict[str, Any]:
    """What block.json has of the verification."""
    refused = [{"arm": arm, "endpoint": label, "reason": why} for (arm, label), why in verified.refused.items()]
    return {"identities": verified.identities, "refused": refused, "pages": verified.notes}


class Turns:
    """Plays what a course asks for, unless it was refused, and tells of it."""

    def __init__(self, block: Block, visit: "Visit", verified: Verified, progress: Progress) -> None:
        self._block, self._visit, self._verified, self._progress = block, visit, verified, progress
        self.asked: list[Slice] = []  # those that were refused as well

    def play(self, turn: Turn) -> Played | tuple[Played, ...] | None:
        """A slice, or both of a duet."""
        slices = (turn.first, turn.second) if isinstance(turn, Duet) else (turn,)
        self.asked.extend(slices)
        for slice_ in slices:
            self._progress.slice_started(self._block, slice_)
        played = () if any(map(self._is_refused, slices)) else self._visit.play(slices)
        for slice_, one in zip(slices, played or (None,) * len(slices), strict=True):
            self._progress.slice_played(self._block, slice_, one, self._visit.load_busy if one else None)
        return (played if isinstance(turn, Duet) else played[0]) if played else None

    def _is_refused(self, slice_: Slice) -> bool:
        return any((slice_.cell.arm, call.key or call.endpoint) in self._verified.refused for call in slice_.calls)


class Visit:
    """Plays slices one after the other, or two at a time, and collects the results.

    `second`: starts the load generator of the second of two; it is asked for one as soon as there are two. `cores`: the servers'.
    """

    def __init__(
        self,
        servers: Servers,
        around: Around,
        playing: Playing,
        second: Callable[[], Playing] | None = None,
        cores: Sequence[int] | None = None,
    ) -> None:
        self._servers, self._around, self._cores = servers, around, cores
        self._playing, self._second = [playing], second
        self.played: list[Played] = []
        self.usage: list[Usage] = []
        self.conditions: list[Conditions] = []
        self.restarted: list[dict[str, Any]] = []
        self.instrumented: list[dict[str, Any]] = []
        self.middleware: dict[str, dict[str, Any]] = {}
        self.load_busy: float | None = None  # cores that the load generator used in the last slice

    def play(self, slices: Sequence[Slice]) -> tuple[Played, ...]:
        """Load one cell, or two at the same time; an arm with unfinished requests, or one that exited, is restarted before it is
        used again."""
        parts = [self._part(slice_, number) for number, slice_ in enumerate(slices)]
        for part in parts:
            part.surroundings.begin()
        before, idle_ns = [part.deployed.collections() for part in parts], self._idle_ns()
        for part in parts:
            part.watch.begin()

        def tick() -> None:
            for part in parts:
                part.watch.tick()

        answers = base.play([part.playing for part in parts], tick)
        rested_ns = None if idle_ns is None else (self._idle_ns() or 0) - idle_ns
        used = [part.watch.end() for part in parts]
        backends.refuse_ended(self._around.children)
        together = [row for usage in used for row in usage]
        around = [part.surroundings.end(together) for part in parts]
        self.conditions += around
        self.usage += together
        self.load_busy = sum(row.busy or 0.0 for row in together if row.group == LOAD)
        played = tuple(
            replace(
                _with_server(one, usage, then, part.deployed.collections(), rested_ns), disturbed=conditions.disturbed
            )
            for one, usage, then, part, conditions in zip(answers, used, before, parts, around, strict=True)
        )
        self.played += played
        for part, one in zip(parts, played, strict=True):
            self._look_after(part, one)
        return played

    @property
    def notes(self) -> dict[str, Any]:
        """What block.json has of it."""
        return {
            "played": [asdict(played) for played in self.played],
            "restarted": self.restarted,
            "instrumented": self.instrumented,
            "middleware": self.middleware,
        }

    def _idle_ns(self) -> int | None:
        return kernel_counters.idle_ns(self._cores) if self._cores else None

    def requests(self) -> bytes:
        """All raw rows."""
        return b"".join(playing.requests() for playing in self._playing)

    def answers(self) -> dict[tuple[int, int], bytes]:
        """Those that were kept of pages whose answers differ."""
        return {key: body for playing in self._playing for key, body in playing.answers().items()}

    def _part(self, slice_: Slice, number: int) -> "Part":
        """The numberth of the slices that are played at a time, with its load generator prepared."""
        if number == len(self._playing):
            assert self._second is not None
            self._playing.append(self._second())
        deployed, playing = self._servers.deployed[slice_.cell.arm], self._playing[number]
        playing.prepare(slice_, deployed.address)
        groups = {SERVER: deployed.child.pids(), LOAD: playing.pids}
        if number == 0:
            groups[SERVICES] = [child.pid for child in self._around.children]
        surroundings = Surroundings(slice_.index, deployed, self._around)
        counts = Counts(slice_.index, deployed.probe)
        return Part(slice_, deployed, playing, surroundings, Watch(slice_.index, groups), counts)

    def _look_after(self, part: "Part", played: Played) -> None:
        """What an instrumented arm counted, and whether the arm can be loaded again."""
        arm, deployed = part.slice_.cell.arm, part.deployed
        if deployed.probe is not None:
            self.instrumented.append(part.counts.end())
            self.middleware[arm] = probe_counts.middleware(deployed.probe)
        ended = deployed.child.process.poll() is not None
        if played.shortage or ended:
            self._servers.restart(arm)
            self.restarted.append({"slice": part.slice_.index, "arm": arm, "ended": ended})


@dataclass(frozen=True)
class Part:
    """A slice about to be played: what loads it, and what is read around it."""

    slice_: Slice
    deployed: Deployed
    playing: Playing
    surroundings: Surroundings
    watch: Watch
    counts: Counts


def _with_server(
    played: Played, usage: Sequence[Usage], before: tuple[int, int], after: tuple[int, int], rested_ns: int | None
) -> Played:
    """With what the arm's server did meanwhile."""
    return replace(
        played,
        server_cpu_ns=next(row.cpu_ns for row in usage if row.group == SERVER),
        server_gc_ns=after[0] - before[0],
        server_gc_young=after[1] - before[1],
        core_idle_ns=rested_ns,
    )


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
