"""One visit: a slice, or both of a duet, played, with everything that is read around it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness.deployment import probe_counts
from harness.deployment.fleet import Deployed
from harness.deployment.probe_counts import Counts
from harness.load import base
from harness.load.base import Playing
from harness.measure.conditions import Surroundings
from harness.measure.resources import Watch
from harness.measure.stage import Around, Servers
from harness.plan.slices import Slice
from harness.samples import LOAD, SERVER, SERVICES, Conditions, Played, Usage
from harness.services import backends
from harness.system import kernel_counters


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
            _with_server(replace(one, disturbed=told.disturbed), usage, then, part.deployed.collections(), rested_ns)
            for one, usage, then, part, told in zip(answers, used, before, parts, around, strict=True)
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
