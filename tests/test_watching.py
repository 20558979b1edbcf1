"""What is shown of a run while it goes on: live, in plain lines, as events."""

import io
import json
import math
import os
import random
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import FACTS, ROOT, TINY, FakeLoad, FakeStage, read_json, tiny
from rich.console import Console

from harness import cli
from harness.analysis import frames
from harness.commands import preview
from harness.display import json_events, live, plain_lines, watch
from harness.display.json_events import KEYS, EventProgress, Events
from harness.display.live import LiveDisplay
from harness.display.plain_lines import PlainProgress
from harness.display.polling import Asking
from harness.display.rolling import Last, Pace
from harness.display.watch import Watch
from harness.errors import EXIT_FAILED, EXIT_INVALID, Interrupted, UserError
from harness.measure import runner
from harness.measure.progress import Opening
from harness.plan import layout
from harness.plan import slices as plan_slices
from harness.plan.slices import Slice
from harness.samples import COLUMNS, Outcome, Played
from harness.scenario.model import Scenario
from harness.statistics.estimate import Estimate
from harness.storage.writer import RunFolder
from harness.verdicts import interim_analysis
from harness.verdicts.interim import INVALID, SoFar, Standing
from tools import bench_display


def opening(folder: Path, scenario: Scenario | None = None) -> Opening:
    asked = scenario or tiny()
    return Opening(asked, folder, asked.most_blocks, len(layout.expand(asked)[0].slices), 60.0)


def terminal(width: int = 80, height: int = 24) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)


def shown(display: LiveDisplay, console: Console) -> list[str]:
    """What is on the screen, line by line."""
    with console.capture() as captured:
        console.print(display.render())
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", captured.get()).splitlines()


def standings(number: int, arm: str = "async", over: str = "sync") -> list[Standing]:
    return [Standing(arm, over, f"wait ms={ms}", 64, 2.57, 2.2, 3.01, 3, "faster") for ms in range(number)]


def played(**changes: Any) -> Played:
    second = 1_000_000_000
    return replace(Played(0, 0, 0, second, second, 100, 0, 0, 0, False, 10.0, 100, 0, 0.1, 12.0), **changes)


def new_run(folder: Path, scenario: Scenario) -> RunFolder:
    return RunFolder.create(folder, "tiny", TINY, FACTS | {"overrides": scenario.overrides})


def twice_as_slow(slice_: Slice, rng: random.Random) -> float:
    return (20 if slice_.cell.arm == "sync" else 10) + rng.random()


def spoilt(slice_: Slice, rows: Any) -> Any:
    if slice_.cell.arm == "sync":
        rows[:, COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
    return rows


# -- the live display


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

    run = new_run(tmp_path, tiny())
    with Looked(opening(run.path), interim_analysis.so_far, console) as display:
        runner.run(tiny(), run, FakeStage(), FakeLoad(twice_as_slow), display)
    assert len(widths) == 6
    assert widths[0] == math.inf
    assert widths[5] < widths[2]
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


def test_a_signal_waits_until_the_drawing_is_done() -> None:
    def interrupt(number: int, frame: object) -> None:
        raise Interrupted("SIGTERM")

    def draw() -> None:
        with live.unbroken():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("drawn")

    done: list[str] = []
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with pytest.raises(Interrupted):
            draw()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done == ["drawn"]


def test_a_dear_answer_is_asked_for_less_often() -> None:
    now_s, asked = [0.0], []

    def ask(_: Path) -> SoFar:
        now_s[0] += 5.0
        asked.append(now_s[0])
        return SoFar("throughput", len(asked), ())

    asking, told = Asking(ask, lambda: now_s[0]), []
    for _ in range(12):
        now_s[0] += 10.0
        told.append(asking(Path()).blocks)
    assert told == [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3]


def test_a_damaged_block_does_not_end_a_run_that_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def ask(_: Path) -> SoFar:
        raise UserError("blocks/000: cannot be read")

    run = new_run(tmp_path, tiny(blocks=1))
    with Watch(ask, plain=True).show(opening(run.path, tiny(blocks=1))) as watcher:
        runner.run(tiny(blocks=1), run, FakeStage(), FakeLoad(), watcher)
    assert "! how the comparisons stand cannot be told: blocks/000: cannot be read" in capsys.readouterr().out


def test_what_would_decide_it_fits_where_room_is_dear(tmp_path: Path) -> None:
    console = terminal()
    display = LiveDisplay(opening(tmp_path), watch.nothing, console)
    one = Standing(
        "async", "sync", "fanout k=5 ms=100", 64, 1.47, 1.25, 1.73, 3, "inconclusive", "(about 8 blocks would do)", 8
    )
    display._so_far = SoFar("throughput", 3, [one])
    assert "  fanout k=5 ms=100 @ 64 users  1.47× [1.25, 1.73]  inconclusive (~8 blocks)" in shown(display, console)


# -- figures of the last slices, and the time left


def test_the_last_slices_are_weighed_by_their_length_and_percentiles_are_not_averaged() -> None:
    last = Last()
    assert last.lately is None
    last.add(played(requests=100, failures=10), 0.2)
    last.add(played(requests=300, end_ns=3_000_000_000, drained_ns=3_000_000_000, p95_ms=40.0), 0.6)
    lately = last.lately
    assert lately is not None
    assert lately.rate_rps == pytest.approx(390 / 4)
    assert lately.load_busy == pytest.approx((0.2 + 3 * 0.6) / 4)
    assert (lately.worst_p95_ms, lately.failures) == (40.0, 10)


def test_the_time_left_follows_how_the_run_goes() -> None:
    pace = Pace(blocks=4, slices=10, expected_s=100.0)
    assert pace.left_s(0.0) == pytest.approx(100.0)
    pace.finished = 2
    assert pace.left_s(50.0) == pytest.approx(50.0)
    assert 85 < pace.left_s(100.0) < 100
    pace.finished = 4
    assert pace.left_s(100.0) == 0


def test_blocks_of_older_runs_are_read_although_they_have_no_p95(tmp_path: Path) -> None:
    run = new_run(tmp_path, tiny(blocks=1))
    runner.run(tiny(blocks=1), run, FakeStage(), FakeLoad(), PlainProgress(opening(run.path), watch.nothing))
    file = run.path / "blocks" / "0000" / "block.json"
    file = file if file.exists() else next(run.path.rglob("block.json"))
    notes = read_json(file)
    for one in notes["played"]:
        del one["p95_ms"]
    file.write_text(json.dumps(notes))
    assert len(frames.read_block(file.parent).requests)


# -- plain lines


def test_plain_lines_tell_each_blocks_comparisons(tmp_path: Path) -> None:
    run, told = new_run(tmp_path, tiny()), io.StringIO()
    runner.run(
        tiny(),
        run,
        FakeStage(),
        FakeLoad(twice_as_slow),
        PlainProgress(opening(run.path), interim_analysis.so_far, told),
    )
    lines = told.getvalue().splitlines()
    assert "block 6 of 6: starting servers, then about 24 slices" in lines or any(
        "block 6 of 6" in one for one in lines
    )
    assert "by throughput, after 1 block:" in lines
    last = lines[lines.index("by throughput, after 6 blocks:") :]
    assert re.fullmatch(r"  wait ms=10 @ 8 users  async / sync  1\.\d+× \[1\.\d+, 1\.\d+\]  faster", last[-1])
    assert "\x1b" not in told.getvalue()


def test_no_more_than_a_few_comparisons_are_told_in_lines() -> None:
    lines = plain_lines.lines("closed", SoFar("throughput", 3, standings(9)))
    assert len(lines) == 8
    assert lines[-1] == "  … and 3 more"


@pytest.mark.parametrize(
    ("tty", "term", "expected"), [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False)]
)
def test_only_a_terminal_that_can_is_drawn_upon(
    monkeypatch: pytest.MonkeyPatch, tty: bool, term: str, expected: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stdout.isatty", lambda: tty, raising=False)
    assert watch.is_live() is expected


def test_the_first_lines_say_what_will_run_and_for_how_long() -> None:
    from datetime import UTC, datetime

    question, arms, size = preview.first(tiny(), datetime(2026, 1, 1, 12, 0, tzinfo=UTC))
    assert question == "Does the pipeline carry a figure from end to end?"
    assert arms == "arms: sync; async; async again"
    assert re.fullmatch(r"6 cells, 6 blocks, about \d+ .*s: done at about 12:\d\d", size)


# -- events


def test_every_event_has_exactly_its_documented_keys_and_requests_sum_to_the_rows(tmp_path: Path) -> None:
    told, asked = io.StringIO(), tiny(blocks=3)
    run = new_run(tmp_path, asked)
    load = FakeLoad(spoil=spoilt)
    stage = FakeStage(refused={("async again", "hello"): "not twins"})
    runner.run(asked, run, stage, load, EventProgress(opening(run.path, asked), interim_analysis.so_far, Events(told)))
    seen = [json.loads(line, parse_constant=refuse) for line in told.getvalue().splitlines()]
    for one in seen:
        assert list(one) == ["event", *KEYS[one["event"]]]
    assert [one["event"] for one in seen if one["event"] != "slice_played"] == [
        "run_started", *["block_started", "block_finished"] * 3,
    ]  # fmt: skip
    slices = [one for one in seen if one["event"] == "slice_played"]
    rows = sum(len(block.requests) for block in frames.open_run(run.path).blocks())
    assert sum(one["requests"] + one["dropped"] for one in slices if not one["refused"]) == rows > 0
    assert {one["requests"] for one in slices if one["refused"]} == {None}
    last = seen[-1]["comparisons"]
    assert {tuple(one) for one in last} == {json_events.COMPARISON}
    assert {one["word"] for one in last} == {INVALID}


def refuse(constant: str) -> None:
    raise AssertionError(constant)


def test_what_is_not_a_number_is_null() -> None:
    told = io.StringIO()
    Events(told).say("block_finished", block=0, blocks=1, metric="x", comparisons=[])
    Events(told).say("calibration", name="x", figure="y", limit="z", passed=None, advice=math.nan)
    assert json.loads(told.getvalue().splitlines()[1], parse_constant=refuse)["advice"] is None


def test_an_event_with_a_key_too_few_or_too_many_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Events(io.StringIO()).say("block_started")
    with pytest.raises(AssertionError):
        Events(io.StringIO()).say("block_started", block=0, unknown=1)


def documented() -> Iterator[tuple[str, list[str]]]:
    for part in re.split(r"^## ", (ROOT / "docs" / "events.md").read_text(), flags=re.MULTILINE)[1:]:
        name, *tables = re.split(r"^Each of the ", part, flags=re.MULTILINE)
        yield name.split("`")[1], re.findall(r"^\| `(\w+)` \|", name, flags=re.MULTILINE)
        for table in tables:
            yield "comparisons", re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)


def test_the_documented_keys_are_those_of_the_code() -> None:
    of_code = {event: ["event", *keys] for event, keys in KEYS.items()} | {"comparisons": list(json_events.COMPARISON)}
    assert dict(documented()) == of_code


def test_with_events_stdout_is_theirs_and_an_error_is_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError), watch.watching(False, True, watch.nothing):  # noqa: PT012
        print("for people")
        raise UserError("no such thing")
    captured = capsys.readouterr()
    assert captured.err == "for people\n"
    assert json.loads(captured.out) == {"event": "error", "message": "no such thing", "exit_code": 1}


def test_an_exit_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), watch.watching(False, True, watch.nothing):
        raise typer.Exit(3)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("wrong", [["--blocks", "none"], [], ["--plain"]])
def test_a_usage_error_is_told_as_one_event(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["djbench", "run", "--json", *wrong])
    monkeypatch.setattr(cli, "unwind_on_signals", lambda: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    (told,) = map(json.loads, captured.out.splitlines())
    assert (told["event"], told["exit_code"], ended.value.code) == ("error", 2, 2)
    assert told["message"] in captured.err.replace("\n", " ")


@pytest.mark.parametrize("verb", ["run x.toml", "extend x --blocks 1", "explain x", "ab x --base y"])
def test_json_and_plain_together_are_refused_in_words(verb: str) -> None:
    from typer.testing import CliRunner

    ended = CliRunner().invoke(cli.app, [*verb.split(), "--json", "--plain"])
    assert ended.exit_code == 2
    assert "expected without --plain" in ended.output


def test_a_probed_pass_compares_nothing(tmp_path: Path) -> None:
    asked = tiny(explained=True)
    with Watch(interim_analysis.so_far, plain=True).show(opening(tmp_path, asked)) as shown_:
        shown_.block_finished(layout.expand(asked)[0])  # there is no run in this folder: asking would fail


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.97, 1.03, bench_display.PASSED),
        (0.90, 1.03, bench_display.INCONCLUSIVE),
        (0.97, 1.10, bench_display.INCONCLUSIVE),
        (0.96, 0.99, bench_display.DIFFERS),
        (1.01, 1.02, bench_display.DIFFERS),
        (None, None, bench_display.INCONCLUSIVE),
    ],
)
def test_the_cost_of_the_display_is_judged_by_its_interval(low: float, high: float, expected: str) -> None:
    assert bench_display.judged(Estimate(1.0, low, high, 6)) == expected


def test_a_display_that_costs_a_tenth_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def pair(cost: float, noise: float) -> tuple[dict[str, float], dict[str, float]]:
        return {"throughput_rps": noise - cost, "p95_ms": noise + cost}, {"throughput_rps": 0.0, "p95_ms": 0.0}

    noises = [0.01, -0.01, 0.005, -0.005]
    assert bench_display.report([pair(0.0, noise) for noise in noises]) == 0
    assert bench_display.report([pair(0.1, noise) for noise in noises]) == EXIT_FAILED
    assert bench_display.report([pair(0.0, noise) for noise in noises[:2]]) == EXIT_INVALID
    assert "0.905×" in capsys.readouterr().out
