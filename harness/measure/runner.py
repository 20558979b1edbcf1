"""The only loop: for every block, start and verify all arms, load their cells slice by slice, store, stop.

Results are saved after each block, because a later one may fail.
"""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, Final

from harness.deployment.fleet import slug
from harness.deployment.verification import Verified
from harness.load import base
from harness.load.base import Load, Playing
from harness.measure.progress import Progress
from harness.measure.stage import AnyStage
from harness.measure.visit import Visit
from harness.plan import courses
from harness.plan.capacity_search import Course
from harness.plan.slices import Block, Duet, Slice, Turn
from harness.samples import Played
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

    def __init__(self, block: Block, visit: Visit, verified: Verified, progress: Progress) -> None:
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
