"""The load maker as the harness sees it: play one slice, get its raw requests. The only seam of the pipeline.

Locust runs in its own process, because gevent's monkey-patching must stay there. It gets one plan
file, and then one line per slice ("go": which slice, at which address); it answers with one line when the
slice has been driven and drained. Between the two lines nothing else is measured, and before each
"go" the harness can read the servers' CPU clocks, so that a slice's CPU time belongs to its requests.
"""

import base64
import json
import selectors
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

from harness import processes
from harness.errors import UserError
from harness.plan import Block
from harness.processes import Child, environment
from harness.samples import Played
from harness.scenario import Load as LoadSettings

ROOT: Final = Path(__file__).parent.parent
START_S: Final = 60.0
TICK_S: Final = 0.1


class Playing(Protocol):
    """A load maker with a plan, ready to play its slices."""

    @property
    def pids(self) -> list[int]:
        """The load maker's processes."""

    def play(self, index: int, address: tuple[str, int], tick: Callable[[], None]) -> Played:
        """Drive one slice; `tick` is called about every TICK_S meanwhile."""

    def requests(self) -> bytes:
        """All raw rows so far, int64 rows of samples.COLUMNS; call it after the last slice."""


class Load(Protocol):
    """What makes the load."""

    @contextmanager
    def playing(
        self,
        block: Block,
        settings: LoadSettings,
        bodies: Mapping[str, bytes],
        folder: Path,
        cores: tuple[int, ...] | None,
    ) -> Iterator[Playing]:
        """A load maker for one block. `bodies`: endpoint label → the correct answer."""


class LocustLoad:
    """Locust under the player in locustfiles/."""

    @contextmanager
    def playing(
        self,
        block: Block,
        settings: LoadSettings,
        bodies: Mapping[str, bytes],
        folder: Path,
        cores: tuple[int, ...] | None,
    ) -> Iterator[Playing]:
        """Write the plan file, start Locust, and stop it whatever happens."""
        plan_file, rows_file = folder / "plan.json", folder / "requests.raw"
        plan_file.write_text(json.dumps(plan_for(block, settings, bodies, rows_file)))
        child = processes.start(
            "load maker",
            [sys.executable, "-m", "locustfiles.player", str(plan_file)],
            folder / "logs" / "load.log",
            cores=cores,
            env=environment({"PYTHONPATH": str(ROOT)}),
            cwd=ROOT,
            pipes=True,
        )
        try:
            player = LocustPlayer(child, rows_file)
            player.wait_until_ready()
            yield player
        finally:
            processes.stop([child])
            plan_file.unlink(missing_ok=True)
            rows_file.unlink(missing_ok=True)


class LocustPlayer:
    """The harness's end of the conversation with locustfiles/player.py."""

    def __init__(self, child: Child, rows_file: Path) -> None:
        self._child = child
        self._rows_file = rows_file
        self._lines = _lines_of(child)

    @property
    def pids(self) -> list[int]:
        return self._child.pids()

    def wait_until_ready(self) -> None:
        """Until Locust has spawned its users."""
        self._answer("ready", START_S, lambda: None)

    def play(self, index: int, address: tuple[str, int], tick: Callable[[], None]) -> Played:
        assert self._child.process.stdin is not None
        self._child.process.stdin.write(json.dumps({"slice": index, "address": address}).encode() + b"\n")
        self._child.process.stdin.flush()
        return Played(**self._answer("played", float("inf"), tick))

    def requests(self) -> bytes:
        return self._rows_file.read_bytes()

    def _answer(self, kind: str, seconds: float, tick: Callable[[], None]) -> Any:
        """The next line from the player, which has to be of this kind."""
        waited_s = 0.0
        for line in self._lines:
            if line is None:
                waited_s += TICK_S
                if waited_s > seconds:
                    break
                tick()
            else:
                message = json.loads(line)
                if message.pop("event") == kind:
                    return message
                break
        raise UserError(f"the load maker did not answer {kind!r}:\n{self._child.log_tail()}\n  log: {self._child.log}")


def plan_for(block: Block, settings: LoadSettings, bodies: Mapping[str, bytes], rows_file: Path) -> dict[str, Any]:
    """The one plan file a load maker gets."""
    return {
        "rows_file": str(rows_file),
        "timeout_s": settings.timeout_s,
        "drain_s": settings.drain_s,
        "bodies": {label: base64.b64encode(body).decode() for label, body in bodies.items()},
        "slices": [asdict(slice_) for slice_ in block.slices],
    }


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
