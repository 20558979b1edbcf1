"""Locust as the load generator, in processes of its own: prepare one slice, play it, get its raw requests.

Locust runs in its own process (or in several, that share a slice's users or arrivals between them), because gevent's
monkey-patching must stay there. A load generator gets one plan file, and then two lines per slice: "prepare" (what, and at
which address; connections are opened now) and "go" (when). It answers each with one line, the second when the slice
has been driven and drained. Between "go" and its answer nothing else is measured, and just before it
the harness can read the servers' CPU clocks, so that a slice's CPU time belongs to its requests.
"""

import base64
import json
import selectors
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from harness.errors import UserError
from harness.load.base import Address, Asked
from harness.location import ROOT
from harness.plan import layout
from harness.plan.slices import Cell, Slice
from harness.samples import ANSWER, Page, Played
from harness.scenario.model import Load as LoadSettings
from harness.system import processes
from harness.system.processes import Child, environment

START_S: Final = 60.0

TICK_S: Final = 0.1


class LocustLoad:
    """Locust under the player in locustfiles/."""

    @contextmanager
    def playing(
        self, settings: LoadSettings, asked: Asked, folder: Path, cores: tuple[int, ...] | None
    ) -> Iterator["LocustPlayers"]:
        """Write the plan file, start Locust, and stop it whatever happens."""
        folder = folder.resolve()  # its processes start elsewhere
        folder.mkdir(exist_ok=True)
        plan_file = folder / "plan.json"
        plan_file.write_text(json.dumps(plan_for(settings, asked)))
        children: list[Child] = []
        rows = [folder / f"requests-{number}.raw" for number in range(settings.processes)]
        try:
            for number, rows_file in enumerate(rows):
                children.append(_start(number, settings.processes, plan_file, rows_file, cores))
            players = LocustPlayers(children, rows)
            players.wait_until_ready()
            yield players
        finally:
            processes.stop(children)
            for file in (plan_file, *rows):
                file.unlink(missing_ok=True)


class LocustPlayers:
    """The harness's end of the conversation with locustfiles/player.py, for all load generators of a block at once."""

    def __init__(self, children: Sequence[Child], rows_files: Sequence[Path]) -> None:
        self._children = children
        self._rows_files = rows_files
        self._lines = [_lines_of(child) for child in children]
        self._latency_ms: dict[Cell, float] = {}

    @property
    def pids(self) -> list[int]:
        return [pid for child in self._children for pid in child.pids()]

    def wait_until_ready(self) -> None:
        """Until every Locust is up."""
        self._answers("ready", START_S)

    def prepare(self, slice_: Slice, address: Address) -> None:
        self._prepared = slice_
        self._tell({"prepare": layout.told(slice_, self._latency_ms.get(slice_.cell)) | {"address": address}})
        self._answers("prepared", START_S)

    def start(self, at_ns: int) -> None:
        self._tell({"go": at_ns})

    def finish(self, tick: Callable[[], None]) -> Played:
        played = merged([Played(**answer) for answer in self._answers("played", float("inf"), tick)])
        if played.latency_ms is not None and self._prepared.beside is None:
            self._latency_ms[self._prepared.cell] = played.latency_ms
        return played

    def requests(self) -> bytes:
        return b"".join(file.read_bytes() for file in self._rows_files)

    def answers(self) -> dict[tuple[int, int], bytes]:
        found = dict[tuple[int, int], bytes]()
        for file in self._rows_files[0].parent.glob(ANSWER.format(slice="*", call="*", process="*")):
            _, index, call, _ = file.name.split("-")
            found[int(index), int(call)] = file.read_bytes()
            file.unlink()
        return found

    def _tell(self, message: Any) -> None:
        line = json.dumps(message).encode() + b"\n"
        for child in self._children:
            assert child.process.stdin is not None
            try:
                child.process.stdin.write(line)
                child.process.stdin.flush()
            except BrokenPipeError:
                raise _silence(child, "any more") from None

    def _answers(self, kind: str, seconds: float, tick: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
        """The next line from every load generator, which has to be of this kind."""
        return [self._answer(number, kind, seconds, tick) for number in range(len(self._children))]

    def _answer(self, number: int, kind: str, seconds: float, tick: Callable[[], None]) -> dict[str, Any]:
        waited_s = 0.0
        for line in self._lines[number]:
            if line is None:
                waited_s += TICK_S
                if waited_s > seconds:
                    break
                tick()
            else:
                message: dict[str, Any] = json.loads(line)
                if message.pop("event") == kind:
                    return message
                break
        raise _silence(self._children[number], repr(kind))


def merged(parts: Sequence[Played]) -> Played:
    """What several load generators played together. Counts add up; latencies, by which users' starts are spread, are the longest.

    The window is the time in which all were full that had users at all.
    """
    first, loaded = parts[0], [part for part in parts if part.requests] or parts
    end_ns = min(part.end_ns for part in loaded)
    cut_ns = max(part.cut_ns for part in loaded)
    latencies = [part.latency_ms for part in parts if part.latency_ms is not None]
    p95s = [part.p95_ms for part in parts if part.p95_ms is not None]
    return Played(
        index=first.index,
        start_ns=first.start_ns,
        cut_ns=min(cut_ns, end_ns),
        end_ns=end_ns,
        drained_ns=max(part.drained_ns for part in parts),
        requests=sum(part.requests for part in parts),
        dropped=sum(part.dropped for part in parts),
        failures=sum(part.failures for part in parts),
        late=sum(part.late for part in parts),
        shortage=any(part.shortage for part in parts),
        latency_ms=max(latencies, default=None),
        ticks=sum(part.ticks for part in parts),
        late_ticks=sum(part.late_ticks for part in parts),
        worst_tick_ms=max(part.worst_tick_ms for part in parts),
        p95_ms=max(p95s, default=None),
        in_flight=(sum(part.in_flight[0] for part in parts), sum(part.in_flight[1] for part in parts)),
    )


def plan_for(settings: LoadSettings, asked: Asked) -> dict[str, Any]:
    """The one plan file of a block's load generators."""
    return {
        "timeout_s": settings.timeout_s,
        "drain_s": settings.drain_s,
        "host": asked.host,
        "headers": asked.headers,
        "pages": {label: _told(page) for label, page in asked.pages.items()},
    }


def _told(page: Page) -> dict[str, Any]:
    """A page as JSON; bytes in base 64."""
    told = asdict(page)
    told |= {name: [base64.b64encode(text).decode() for text in told[name]] for name in ("contains", "lacks")}
    return told | {"body": None if page.body is None else base64.b64encode(page.body).decode()}


def _start(number: int, of: int, plan_file: Path, rows_file: Path, cores: tuple[int, ...] | None) -> Child:
    name = "load" if of == 1 else f"load-{number}"
    return processes.start(
        "load generator",
        [sys.executable, "-m", "locustfiles.player", str(plan_file), str(rows_file), str(number), str(of)],
        plan_file.parent / "logs" / f"{name}.log",
        cores=cores,
        env=environment({"PYTHONPATH": str(ROOT)}),
        cwd=ROOT,
        nice=processes.GOES_FIRST,
        pipes=True,
    )


def _silence(child: Child, what: str) -> UserError:
    return UserError(f"the load generator did not answer {what}:\n{child.log_tail()}\n  log: {child.log}")


def _lines_of(child: Child) -> Iterator[bytes | None]:
    """Lines of the child's output as they come; None whenever there was none for TICK_S. Ends with the child."""
    assert child.process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(TICK_S):
                yield None
                continue
            line = child.process.stdout.readline()
            if not line:
                return
            yield line
