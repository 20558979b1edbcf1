"""The live display on a terminal: interim results, and below them the progress of the run.

It draws between slices and never during one, at most four times a second, and has no thread: it costs the measurement nothing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.display import phrases
from harness.display.rolling import Last, Pace
from harness.formatting import numbers
from harness.measure.progress import Opening
from harness.plan.slices import Block, Slice
from harness.samples import Played
from harness.system.signals import unbroken
from harness.verdicts.interim import INVALID, Ask, SoFar, Standing

BETWEEN_S: Final = 0.25

BELOW: Final = 6
"""Lines below the comparisons: the bar, the block, the cell, the last slices, the cursor's own and the one it ends on. What a
terminal echoes, such as `^C`, stands on the cursor's: at the end of a full line it would begin another, which nobody wipes."""

MOST_PLACE: Final = 32

STYLES: Final = {"inconclusive": "yellow", "equivalent": "cyan", INVALID: "red"}
"""Any other verdict is a difference."""


class LiveDisplay:
    """Use it under `with`. `clock` in seconds, for tests."""

    def __init__(
        self, opening: Opening, ask: Ask, console: Console, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._opening, self._ask, self._console, self._clock = opening, ask, console, clock
        self._pace = Pace(opening.left, opening.slices, opening.expected_s, opening.scenario.time is not None)
        self._last, self._so_far = Last(), SoFar("", 0, ())
        self._block, self._doing = "", "starting"
        self._started_s, self._drawn_s, self._size = clock(), -BETWEEN_S, console.size
        self._live = self._new()

    def __enter__(self) -> Self:
        if self._opening.left < self._opening.scenario.most_blocks:
            self._so_far = self._ask(self._opening.folder)  # of a run that goes on; if that fails, nothing has begun
        with unbroken():
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        with unbroken():
            self._live.stop()

    def block_started(self, block: Block) -> None:
        self._block, self._doing = f"block {block.index + 1} of {self._opening.scenario.blocks}", "starting servers"
        self._pace.played = 0
        self._draw(now=True)

    def slice_started(self, block: Block, slice_: Slice) -> None:  # noqa: ARG002
        self._doing = phrases.cell(self._mode, slice_)
        self._draw()

    def slice_played(self, block: Block, slice_: Slice, played: Played | None, load_busy: float | None) -> None:  # noqa: ARG002
        self._pace.played += 1
        if played is not None:
            self._last.add(played, load_busy)

    def block_finished(self, block: Block) -> None:  # noqa: ARG002
        self._pace.finished, self._pace.played = self._pace.finished + 1, 0
        self._doing = "computing interim results"
        self._draw(now=True)
        self._so_far = self._ask(self._opening.folder)
        self._draw(now=True)

    @property
    def _mode(self) -> str:
        return str(self._opening.scenario.load.mode)

    def _new(self) -> Live:
        return Live(console=self._console, auto_refresh=False, transient=True, vertical_overflow="crop")

    def _draw(self, now: bool = False) -> None:
        """Everything anew, unless it was just done. After a resize nobody knows where the old lines are."""
        if not now and self._clock() - self._drawn_s < BETWEEN_S:
            return
        with unbroken():
            if self._console.size != self._size:
                self._size = self._console.size
                self._live.stop()
                self._console.clear()
                self._live = self._new()
                self._live.start()
            self._live.update(self.render(), refresh=True)
        self._drawn_s = self._clock()

    def render(self) -> RenderableType:
        """As many comparisons as fit, and the progress of the run."""
        room = max(self._console.height - BELOW, 1)
        return Group(*_standings(self._mode, self._so_far, room, self._console.width), *self._where(), Text())

    def _where(self) -> Iterator[RenderableType]:
        elapsed_s = self._clock() - self._started_s
        left_s, part = self._pace.left_s(elapsed_s), self._pace.part(elapsed_s)
        bar = Table.grid(padding=(0, 1), expand=True)
        bar.add_column(ratio=1)
        bar.add_column(no_wrap=True)
        left = phrases.left(self._opening.scenario, left_s, datetime.now().astimezone())
        bar.add_row(ProgressBar(total=1.0, completed=part), f"{numbers.percent(round(part, 2))}  {left}")
        yield bar
        about = f" of about {self._opening.slices}" if self._pace.played < self._opening.slices else ""
        slices = f" · slice {self._pace.played + 1}{about}" if self._pace.played else ""
        yield _line(f"{self._block}{slices}", "bold")
        yield _line(self._doing)
        last = self._last.lately
        if last is not None:
            told = " · ".join(phrases.lately(last, self._opening.load_cores))
            yield _line(f"last {phrases.slices(last.slices)}: {told}", "red" if last.failures else "")


def _standings(mode: str, so_far: SoFar, room: int, width: int) -> Iterator[Text]:
    """The first pair's first; what does not fit is counted."""
    shown = _fitting(so_far.standings, room)
    if not shown:
        return
    yield _line(phrases.title(so_far), "dim")
    columns = [(numbers.pushed(mode, one.endpoint, one.level), phrases.ratio(one)) for one in shown]
    places, ratios = (max(map(len, column)) for column in zip(*columns, strict=True))
    before = None
    for one, (place, ratio) in zip(shown, columns, strict=True):
        if (one.arm, one.over) != before:
            before = one.arm, one.over
            yield _line(_pair(one, width), "bold")
        row = _line(f"  {_short(place, MOST_PLACE):<{min(places, MOST_PLACE)}}  {ratio:<{ratios}}  ")
        yield row.append(phrases.brief(one), STYLES.get(one.word, "green"))
    if len(shown) < len(so_far.standings):
        yield _line(f"… and {len(so_far.standings) - len(shown)} more", "dim")


def _fitting(standings: Sequence[Standing], room: int) -> list[Standing]:
    """The first of them for which there is room, with the title, a heading per pair and the count of the others."""
    if 1 + len({(one.arm, one.over) for one in standings}) + len(standings) <= room:
        return list(standings)
    taken: list[Standing] = []
    lines = 2
    for one in standings:
        new_pair = not taken or (taken[-1].arm, taken[-1].over) != (one.arm, one.over)
        lines += 2 if new_pair else 1
        if lines > room:
            break
        taken.append(one)
    return taken


def _pair(one: Standing, width: int) -> str:
    """Both names, each shortened to its half of the line."""
    most = max((width - 3) // 2, 4)
    return f"{_short(one.arm, most)} / {_short(one.over, most)}"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _line(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")
