"""What is shown of a run while it goes on: live, in plain lines, as events."""

import io
import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from support.fakes import FakeLoad, FakeStage
from support.scenarios import tiny
from support.watched import new_run, opening, played, spoilt, standings, twice_as_slow

from harness.display import watch
from harness.display.live import LiveDisplay
from harness.errors import Interrupted
from harness.measure import runner
from harness.plan import layout
from harness.plan import slices as plan_slices
from harness.verdicts import interim_analysis
from harness.verdicts.interim import SoFar, Standing


def terminal(width: int = 80, height: int = 24) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)


def shown(display: LiveDisplay, console: Console) -> list[str]:
    """What is on the screen, line by line."""
    with console.capture() as captured:
        console.print(display.render())
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", captured.get()).splitlines()


def test_finished_comparisons_stand_above_the_bar_and_their_intervals_narrow(tmp_path: Path) -> None:
    console, widths = terminal(), []

    class Looked(LiveDisplay):
        def block_finished(self, block: plan_slices.Block) -> None:
            super().block_finished(block)
            lines = shown(self, console)
            row = next(line for line in lines if "wait ms=10 @ 8 users" in line)
            found = re.search(r"\[(.*), (.*)\]", row)
            widths.append(math.inf if found is None else float(found[2]) / float(found[1]))
            assert next(n for n, line in enumerate(lines) if "━" in line) > lines.index(row)

    asked = tiny(blocks=4)
    run = new_run(tmp_path, asked)
    with Looked(opening(run.path, asked), interim_analysis.so_far, console) as display:
        runner.run(asked, run, FakeStage(), FakeLoad(twice_as_slow), display)
    assert len(widths) == 4
    assert widths[0] == math.inf
    assert widths[3] < widths[2] < math.inf
    assert "faster" in "".join(shown(display, console))


def test_a_comparison_that_is_invalid_so_far_is_said_to_be(tmp_path: Path) -> None:
    run = new_run(tmp_path, tiny(blocks=1))
    with LiveDisplay(opening(run.path, tiny(blocks=1)), interim_analysis.so_far, console := terminal(120)) as display:
        runner.run(tiny(blocks=1), run, FakeStage(), FakeLoad(spoil=spoilt), display)
    assert re.search(
        r"hello @ 4 users +INVALID so far: 100 % of \d+ requests failed", "\n".join(shown(display, console))
    )


@pytest.mark.parametrize(("number", "height"), [(40, 24), (40, 10), (3, 24), (40, 50), (40, 6)])
def test_what_is_shown_fits_the_terminal_and_the_first_pair_comes_first(
    tmp_path: Path, number: int, height: int
) -> None:
    console = terminal(80, height)
    display = LiveDisplay(opening(tmp_path), lambda _: SoFar("throughput", 3, standings(number)), console)
    two = [*standings(number), *standings(number, "async again")]
    display._so_far, display._block = SoFar("throughput", 3, two), "block 3 of 6"
    display.slice_played(layout.expand(tiny())[0], layout.expand(tiny())[0].slices[0], played(), 0.4)
    lines = shown(display, console)
    assert len(lines) < height
    assert all(len(line) <= 80 for line in lines)
    told = [line for line in lines if "2.57× [2.20, 3.01]  faster" in line]
    if 0 < len(told) < len(two):
        assert f"… and {len(two) - len(told)} more" in lines
    assert bool(told) == (height > 6)
    if told:
        assert lines[1] == "async / sync"
        assert "wait ms=0 @ 64 users" in told[0]


def test_long_names_are_shortened_and_never_wrapped(tmp_path: Path) -> None:
    console, name = terminal(60), "async · a deployment whose name says all of its settings"
    display = LiveDisplay(opening(tmp_path), interim_analysis.so_far, console)
    display._so_far = SoFar("throughput", 3, standings(1, name, f"sync {name}"))
    display._doing = f"wait ms=100 @ 64 users on {name}, and so on and on"
    lines = shown(display, console)
    assert len(lines) == 7  # the last is the cursor's
    assert max(map(len, lines)) <= 60
    assert sum("…" in line for line in lines) == 2
    assert lines[1].count("…") == 2


def test_it_draws_at_most_four_times_a_second_and_never_during_a_slice(tmp_path: Path) -> None:
    now, drawn = [100.0], []
    console = terminal()
    display = LiveDisplay(opening(tmp_path), interim_analysis.so_far, console, lambda: now[0])
    block = layout.expand(tiny())[0]
    display.render = lambda: drawn.append(now[0]) or ""  # type: ignore[method-assign,func-returns-value]
    with display:
        for _ in range(40):
            display.slice_started(block, block.slices[0])
            before = len(drawn)
            now[0] += 0.1
            assert display._live._refresh_thread is None
            display.slice_played(block, block.slices[0], played(), None)
            assert len(drawn) == before
    assert 10 <= len(drawn) <= 17


def test_after_a_resize_the_screen_is_drawn_anew(tmp_path: Path) -> None:
    console = terminal(160, 50)
    display = LiveDisplay(opening(tmp_path), interim_analysis.so_far, console)
    block = layout.expand(tiny())[0]
    with display:
        display.block_started(block)
        console.width, console.height = 80, 24
        display.block_started(block)
        before, _, after = console.file.getvalue().rpartition("\x1b[2J")  # type: ignore[attr-defined]
        assert before
        assert "block 1 of 6" in after


def test_whatever_happens_the_cursor_is_shown_again(tmp_path: Path) -> None:
    console = terminal()
    with pytest.raises(ZeroDivisionError), LiveDisplay(opening(tmp_path), interim_analysis.so_far, console) as display:  # noqa: PT012
        display.block_started(layout.expand(tiny())[0])
        raise ZeroDivisionError
    out = console.file.getvalue()  # type: ignore[attr-defined]
    assert out.rindex("\x1b[?25h") > out.rindex("\x1b[?25l")


def test_a_run_that_goes_on_shows_at_once_what_there_is(tmp_path: Path) -> None:
    so_far = SoFar("throughput", 3, standings(1))
    for left, expected in ((3, True), (6, False)):
        display = LiveDisplay(replace(opening(tmp_path), left=left), lambda _: so_far, console := terminal())
        with display:
            assert any("after 3 blocks" in line for line in shown(display, console)) is expected


@pytest.mark.parametrize("error", [Interrupted("SIGINT"), MemoryError()])
def test_what_ends_the_first_look_leaves_the_terminal_as_it_was(tmp_path: Path, error: BaseException) -> None:
    def ask(_: Path) -> SoFar:
        raise error

    console, out = terminal(), sys.stdout
    with pytest.raises(type(error)), LiveDisplay(replace(opening(tmp_path), left=3), ask, console):
        pass
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert written.rfind("\x1b[?25h") >= written.rfind("\x1b[?25l")
    assert sys.stdout is out


def test_what_the_terminal_echoes_begins_no_other_line(tmp_path: Path) -> None:
    """`^C` at the end of a full line did, and a line of the display was left on the terminal."""
    display = LiveDisplay(opening(tmp_path), interim_analysis.so_far, console := terminal(width=40))
    block = layout.expand(tiny())[0]
    with display:
        display.block_started(block)
        display.slice_started(block, block.slices[0])
        display.slice_played(block, block.slices[0], played(), 0.5)
        display.block_started(block)
        assert re.split(r"\x1b\[2K", console.file.getvalue())[-1].endswith("\n")  # type: ignore[attr-defined]


def test_what_would_decide_it_fits_where_room_is_dear(tmp_path: Path) -> None:
    console = terminal()
    display = LiveDisplay(opening(tmp_path), watch.nothing, console)
    one = Standing(
        "async", "sync", "fanout k=5 ms=100", 64, 1.47, 1.25, 1.73, 3, "inconclusive", "(≈ 8 blocks needed)", 8
    )
    display._so_far = SoFar("throughput", 3, [one])
    assert "  fanout k=5 ms=100 @ 64 users  1.47× [1.25, 1.73]  inconclusive (~8 blocks)" in shown(display, console)
