"""Two runs side by side: what is refused, what is found, what is lost, and when the gate fails."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from support.compared import BLOCKS, fail_some, made, noisy, quick, slow
from support.runs import read_json
from support.scenarios import TINY

from harness.analysis import analysis, frames
from harness.commands import compare
from harness.commands import options as verb_options
from harness.errors import EXIT_FAILED, EXIT_INVALID, EXIT_OPEN, UserError
from harness.registry import metrics
from harness.statistics import estimate, intervals, moderated
from harness.storage import files
from harness.verdicts import comparability, regression_gate, run_comparison
from harness.verdicts.run_comparison import TwoRuns


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Whole runs, made once."""
    folder = tmp_path_factory.mktemp("runs")
    return {
        "base": made(folder / "a", slow(1.0), 1),
        "again": made(folder / "b", slow(1.0), 2),
        "slower": made(folder / "c", slow(1.2), 3),
        "refused": made(folder / "d", slow(1.0), 4, {("sync", "hello"): "verification: HTTP 500"}),
        "short of samples": made(folder / "e", slow(2.0, "sync", "wait"), 5),
        "quick": made(folder / "f", quick(1.0), 6),
        "less quick": made(folder / "g", quick(1.2), 7),
        "noisy control": noisy(folder / "h", 8),
        "invalid control": noisy(folder / "i", 9, fail_some),
    }


@pytest.fixture
def bench(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """`djbench compare` with the names of two runs (or their folders): its exit code and what it prints."""

    def run(base: str | Path, new: str | Path, **options: Any) -> tuple[int, str]:
        folders = [runs[one] if isinstance(one, str) else one for one in (base, new)]
        with pytest.raises(typer.Exit) as ended:
            compare.compare(*folders, **options)
        return ended.value.exit_code, capsys.readouterr().out

    return run


def changed(run: Path, folder: Path, head: Callable[[Any], Any] = lambda head: head, scenario: str = TINY) -> Path:
    """A copy of this run with another run.json or scenario."""
    copy = shutil.copytree(run, folder / "copy")
    files.write_json(copy / "run.json", head(read_json(copy / "run.json")))
    (copy / "scenario.toml").write_text(scenario)
    return copy


def two_runs(base: Path, new: Path, asked: list[str] | None = None) -> TwoRuns:
    told = compare.named(asked or [], metrics.METRICS)
    before, after = (analysis.analyse(frames.open_run(path)) for path in (base, new))
    return run_comparison.compare(before, after, told, bool(asked), [])


def test_a_true_slowdown_of_20_percent_is_found_and_fails_the_gate(bench: Callable[..., tuple[int, str]]) -> None:
    code, text = bench("base", "slower", max_regression="5%")
    assert code == EXIT_FAILED
    assert "✗ Regression gate failed: 3 regressions beyond 5 %" in text  # throughput, p50 and p95
    assert re.search(r"sync: p50 20 % worse, from 10\.5 to 12\.6 ms", text)
    assert re.search(r"^sync  +0\.8\d+× \[0\.8\d+, 0\.8\d+\] slower ✗", text, re.MULTILINE)
    assert "cannot be ruled out" not in text  # of what did happen


def test_without_a_limit_a_slowdown_is_told_and_fails_nothing(bench: Callable[..., tuple[int, str]]) -> None:
    code, text = bench("base", "slower")
    assert code == 0
    assert "Worse: throughput on sync, hello @ 4 (0.8" in text
    assert "✗" not in text


def test_the_other_way_round_it_is_an_improvement_and_passes(bench: Callable[..., tuple[int, str]]) -> None:
    code, text = bench("slower", "base", max_regression="5%")
    assert code == 0
    assert re.search(r"Better: throughput on sync, hello @ 4 \(1\.[12]\d×\); p50", text)


def test_two_runs_of_the_same_pass_as_equivalent(bench: Callable[..., tuple[int, str]]) -> None:
    code, text = bench("base", "again", max_regression="5 %")
    assert code == 0
    assert "✓ Regression gate passed: no regression beyond 5 %" in text
    assert "0 better, 0 worse" in text
    assert "equivalent (±5 %)" in text
    assert "Drift of the machine between the two runs" in text
    assert "`djbench ab` interleaves" in text


def test_a_limit_above_the_slowdown_passes(bench: Callable[..., tuple[int, str]]) -> None:
    code, text = bench("base", "slower", max_regression="30%")
    assert code == 0
    assert "Worse: throughput on sync" in text


def test_a_difference_that_is_tiny_in_absolute_terms_fails_no_gate(bench: Callable[..., tuple[int, str]]) -> None:
    """Two milliseconds and 0.4 more: 20 %, and nobody feels it."""
    code, text = bench("quick", "less quick", metric=["p50"], max_regression="5%")
    assert code == 0
    assert re.search(r"sync  +1\.20× \[1\.\d+, 1\.2\d\] slower\n", text)
    assert "cannot be ruled out" not in text
    code, _ = bench("quick", "less quick", metric=["throughput"], max_regression="5%")
    assert code == EXIT_FAILED


def test_where_a_regression_cannot_be_ruled_out_the_gate_cannot_tell(
    runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = estimate.Estimate(1.08, 0.95, 1.12, BLOCKS)  # the estimate is beyond the limit, and may be chance
    monkeypatch.setattr(intervals, "welch", lambda logs, base: (wide, 0.9))
    with pytest.raises(typer.Exit) as ended:
        compare.compare(runs["base"], runs["again"], metric=["p50"], max_regression="5%")
    assert ended.value.exit_code == EXIT_OPEN
    text = capsys.readouterr().out
    assert "? Regression gate cannot tell: 6 intervals of p50 reach beyond 5 %" in text
    assert "A regression of up to 12 % cannot be ruled out" in text
    assert "and 1 more" in text  # five of six are named


def test_only_the_metrics_asked_for_are_compared(bench: Callable[..., tuple[int, str]]) -> None:
    _, text = bench("base", "again", metric=["p95", "throughput"])
    assert re.search(r"^NEW / BASE  +throughput  +p95$", text, re.MULTILINE)


def test_an_unknown_metric_is_refused_with_a_suggestion(runs: dict[str, Path]) -> None:
    with pytest.raises(
        UserError, match=r"--metric: expected one of throughput, p50, .*got 'p9' \(did you mean 'p99'\?\)"
    ):
        compare.compare(runs["base"], runs["again"], metric=["p9"])


@pytest.mark.parametrize("text", ["5", "5%%", "-5%", "five", "", "5  %", "5,5%", ".5%", "%", "nan%", "٥%"])
def test_a_malformed_percentage_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--max-regression: expected a percentage such as '5%' or '0.5 %', got "):
        compare.compare(tmp_path, tmp_path, max_regression=text)


@pytest.mark.parametrize(("text", "fraction"), [("5%", 0.05), ("5 %", 0.05), ("0.5%", 0.005), ("0%", 0.0)])
def test_a_percentage_is_read(text: str, fraction: float) -> None:
    assert verb_options.percentage(text) == pytest.approx(fraction)


def test_a_run_against_itself_is_refused(runs: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="BASE and NEW are the same run"):
        compare.compare(runs["base"], runs["base"] / ".." / runs["base"].name)


@pytest.mark.parametrize("name", ["run.json", "nowhere"])
def test_what_is_no_run_folder_is_refused(runs: dict[str, Path], name: str) -> None:
    with pytest.raises(UserError, match=r"not a run folder|cannot be read"):
        compare.compare(runs["base"], runs["base"] / name)


def machine(**facts: Any) -> Callable[[Any], Any]:
    return lambda head: head | {"machine": head["machine"] | facts}


UNLIKE: dict[str, tuple[str, dict[str, Any], str]] = {
    "cpu": ("cpu", {"head": machine(cpu="Other CPU")}, "cpu: Test CPU vs Other CPU"),
    "cores": ("cores", {"head": machine(cores=8)}, "cores: 2 vs 8"),
    "system": ("system", {"head": machine(system="Test 2")}, "system: Test 1 vs Test 2"),
    "python": ("python", {"head": machine(python="3.14.0")}, "python: 3.11.0 vs 3.14.0"),
    "no GIL": ("python", {"head": machine(gil=False)}, "python: 3.11.0 vs 3.11.0 without GIL"),
    "package": ("django", {"head": machine(packages={"django": "6.0"})}, "django: 5.2 vs 6.0"),
    "new package": (
        "gunicorn",
        {"head": machine(packages={"django": "5.2", "gunicorn": "27"})},
        "gunicorn: nothing vs 27",
    ),
    "database": ("database", {"head": lambda head: head | {"database": "PostgreSQL"}}, "database: SQLite vs Postgre"),
    "affinity": (
        "affinity",
        {"head": lambda head: head | {"cores": {"server": None, "load": None, "note": "one core"}}},
        r"affinity: server on \[0\], load on \[1\] vs one core",
    ),
    "plan, a number": (
        "plan",
        {"scenario": TINY.replace("threads = 8", "threads = 16")},
        r"plan: arms\[0\].threads: 8 vs 16",
    ),
    "plan, a list": (
        "plan",
        {"scenario": TINY.replace("users = [4]", "users = [4, 9]")},
        r"plan: endpoints\[0\].users: 4 vs 4, 9",
    ),
    "plan, an arm": (
        "plan",
        {"scenario": TINY.replace("[[endpoints]]", '[[arms]]\nname = "x"\nserver = "uvicorn"\nview = "sync"\n[[endpoints]]', 1)},
        "plan: arms: sync, async, async again vs sync, async, async again, x",
    ),
    "plan, the load": ("plan", {"scenario": TINY + "\n[load]\nvisits = 4\n"}, "plan: load.visits: 3 vs 4"),
}  # fmt: skip


@pytest.mark.parametrize(("key", "change", "message"), UNLIKE.values(), ids=UNLIKE.keys())
def test_unlike_runs_are_refused_by_name_and_accepted_by_key(
    runs: dict[str, Path], tmp_path: Path, key: str, change: dict[str, Any], message: str
) -> None:
    base, new = (frames.open_run(path) for path in (runs["base"], changed(runs["again"], tmp_path, **change)))
    with pytest.raises(UserError, match=rf"(?s)the runs are not comparable.*--allow-different KEY.*\n{message}"):
        comparability.accepted(base, new, [])
    with pytest.raises(UserError, match=message):
        comparability.accepted(base, new, ["system" if key != "system" else "cpu"])
    accepted = comparability.accepted(base, new, [key])
    assert [one.key for one in accepted] == [key]
    assert re.match(message, str(accepted[0]))


def test_every_difference_is_named_at_once(runs: dict[str, Path], tmp_path: Path) -> None:
    scenario = TINY.replace("threads = 8", "threads = 16")
    new = changed(runs["again"], tmp_path, machine(cpu="Other", python="3.14.0"), scenario)
    with pytest.raises(UserError) as refused:
        compare.compare(runs["base"], new, allow_different=["python"])
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()[1:]] == ["cpu", "plan"]


def test_what_changes_no_cell_is_no_difference(runs: dict[str, Path], tmp_path: Path) -> None:
    scenario = TINY.replace("blocks = 6", "blocks = 9\nseed = 7\nmargin = 0.1").replace("from end to end", "as before")
    scenario = scenario.replace('[{ arm = "async", over = "sync" }]', '[{ arm = "sync", over = "async" }]')
    new = changed(runs["again"], tmp_path, machine(memory_gib=3.0, load_average=[9, 9, 9]), scenario)
    assert comparability.accepted(*(frames.open_run(path) for path in (runs["base"], new)), []) == []


def test_an_accepted_difference_is_told(
    runs: dict[str, Path], tmp_path: Path, bench: Callable[..., tuple[int, str]]
) -> None:
    new = changed(runs["again"], tmp_path, machine(packages={"django": "6.0"}))
    _, text = bench("base", new, allow_different=["django"])
    assert "! accepted difference: django: 5.2 vs 6.0" in text


def test_an_unknown_key_is_refused_with_the_known_ones(runs: dict[str, Path]) -> None:
    with pytest.raises(
        UserError, match=r"expected one of cpu, .*django, plan; got 'djano' \(did you mean 'django'\?\)"
    ):
        compare.compare(runs["base"], runs["again"], allow_different=["djano"])


def test_two_kinds_of_load_are_never_compared(runs: dict[str, Path], tmp_path: Path) -> None:
    scenario = (
        TINY.replace("users = [4]", "rate = [4]").replace("users = [8]", "rate = [8]") + '\n[load]\nmode = "open"\n'
    )
    with pytest.raises(UserError, match=r"load\.mode: closed vs open: runs with different kinds of load"):
        compare.compare(runs["base"], changed(runs["again"], tmp_path, scenario=scenario), allow_different=["plan"])


@pytest.mark.parametrize(("limit", "expected"), [(None, EXIT_INVALID), ("90%", EXIT_FAILED)])
@pytest.mark.parametrize("order", [("base", "refused"), ("refused", "base")])
def test_an_invalid_cell_on_either_side_is_never_a_pass(
    bench: Callable[..., tuple[int, str]], order: tuple[str, str], limit: str | None, expected: int
) -> None:
    code, text = bench(*order, max_regression=limit)
    side = "NEW" if order[1] == "refused" else "BASE"
    assert code == expected
    assert f"✗ sync: INVALID, in {side}: not measured: verification: HTTP 500" in text
    assert "Not compared (counts as failed): sync, hello @ 4 (INVALID)." in text


@pytest.mark.parametrize(("limit", "expected"), [(None, EXIT_INVALID), ("90%", EXIT_FAILED)])
@pytest.mark.parametrize("lacking", ["BASE", "NEW"])
def test_a_cell_on_one_side_only_is_never_a_pass(
    runs: dict[str, Path],
    tmp_path: Path,
    bench: Callable[..., tuple[int, str]],
    lacking: str,
    limit: str | None,
    expected: int,
) -> None:
    without = changed(runs["again"], tmp_path, scenario=TINY.partition('[[endpoints]]\nname = "wait"')[0])
    order = (without, runs["base"]) if lacking == "BASE" else (runs["base"], without)
    code, text = bench(*order, allow_different=["plan"], max_regression=limit)
    assert code == expected
    assert f"✗ sync: missing, not in the scenario of {lacking}" in text
    assert limit is None or "✗ Regression gate failed: 3 cells missing or INVALID" in text


def test_a_figure_that_only_one_run_has_is_never_a_pass(bench: Callable[..., tuple[int, str]]) -> None:
    """Twice as slow, so that there are too few samples for a p99: the regression would hide itself."""
    code, text = bench("base", "short of samples", max_regression="900%")
    assert code == EXIT_FAILED
    assert "✗ sync: missing, p99 not available in NEW (too few samples" in text


def test_a_figure_that_neither_run_has_is_a_remark_unless_it_was_asked_for(
    bench: Callable[..., tuple[int, str]],
) -> None:
    code, text = bench("base", "again", max_regression="5%")
    assert code == 0
    assert "! p99 not compared on sync, async, async again: available in neither run" in text
    code, text = bench("base", "again", metric=["p99"], max_regression="5%")
    assert code == EXIT_FAILED
    assert "p99 not available in BASE and NEW" in text


def test_when_nothing_can_be_compared_nothing_passes(bench: Callable[..., tuple[int, str]]) -> None:
    code, text = bench("base", "again", metric=["cpu"], max_regression="5%")
    assert code == EXIT_FAILED
    assert "nothing could be compared" in text
    assert bench("base", "again", metric=["cpu"])[0] == EXIT_INVALID


def test_a_pass_takes_at_least_one_comparison(runs: dict[str, Path]) -> None:
    empty = replace(two_runs(runs["base"], runs["again"]), matched=[], lost=[])
    assert regression_gate.exit_code(empty, 0.05) == EXIT_FAILED
    assert regression_gate.exit_code(empty, None) == EXIT_INVALID


def test_fewer_than_three_blocks_on_either_side_are_inconclusive_and_no_pass(
    runs: dict[str, Path], tmp_path: Path, bench: Callable[..., tuple[int, str]]
) -> None:
    few = changed(runs["slower"], tmp_path)
    shutil.rmtree(few / "blocks" / "002")
    code, text = bench("base", few, max_regression="5%")
    assert code == EXIT_FAILED
    assert "inconclusive (at least 3 blocks in both runs are needed for an interval)" in text
    assert "with too few blocks for an interval" in text
    assert "! NEW is NOT FINISHED: finished after 2 of 3 blocks." in text
    assert bench("base", few)[0] == 0


@pytest.mark.parametrize("state", [files.INTERRUPTED, files.FAILED])
def test_an_unfinished_run_is_said_loudly(
    runs: dict[str, Path], tmp_path: Path, bench: Callable[..., tuple[int, str]], state: str
) -> None:
    _, text = bench(changed(runs["base"], tmp_path, lambda head: head | {"state": state}), "again", markdown=True)
    assert f"! BASE is NOT FINISHED: {state} after 3 of 3 blocks." in text


def test_the_margin_is_the_larger_of_both_scenarios(runs: dict[str, Path], tmp_path: Path) -> None:
    generous = changed(runs["again"], tmp_path, scenario=TINY.replace("blocks = 6", "blocks = 6\nmargin = 0.5"))
    for order in ((runs["slower"], generous), (generous, runs["slower"])):
        matched = two_runs(*order).matched
        assert {one.margin for one in matched} == {0.5}
        assert {one.verdict.word for one in matched} == {"equivalent"}


@pytest.mark.parametrize("order", [("base", "noisy control"), ("noisy control", "base")])
def test_the_floor_is_the_larger_of_both_runs_and_overrules_nothing(
    runs: dict[str, Path], order: tuple[str, str]
) -> None:
    found = two_runs(*(runs[name] for name in order), ["p50"])
    floors = {one.cell.arm: one.noise_floor for one in found.matched if one.cell.endpoint == "hello"}
    assert floors == {arm: pytest.approx(0.1, rel=0.1) for arm in ("sync", "async", "async again")}
    equal = next(one for one in found.matched if one.cell.arm == "sync")
    assert str(equal.verdict) == "equivalent (±5 %)"


def test_an_invalid_control_gives_no_floor(runs: dict[str, Path]) -> None:
    found = two_runs(runs["base"], runs["invalid control"], ["p50"])
    assert {one.cell.arm for one in found.lost} == {"async again"}
    assert all(one.noise_floor is not None and one.noise_floor < 0.03 for one in found.matched)


def test_a_flag_is_told_and_loses_nothing(bench: Callable[..., tuple[int, str]]) -> None:
    code, text = bench("base", "noisy control")
    assert code == 0
    assert "! async again in NEW: overloaded: did not drain" in text


def test_p_is_corrected_for_all_cells_and_metrics(runs: dict[str, Path]) -> None:
    found = two_runs(runs["base"], runs["slower"])
    alone = [intervals.welch(*one.logs) for one in found.matched]
    expected = moderated.holm(np.array([one[1] for one in alone if one]))
    assert [one.p for one in found.matched] == pytest.approx(list(expected))
    assert {one.family for one in found.matched} == {len(found.matched)} == {21}


def test_markdown_is_a_heading_the_result_and_whole_tables(bench: Callable[..., tuple[int, str]]) -> None:
    code, text = bench("base", "slower", max_regression="5%", markdown=True)
    lines = text.splitlines()
    assert code == EXIT_FAILED
    assert lines[0] == "# NEW vs BASE"
    assert lines[2].startswith("✗ Regression gate failed: 3 regressions beyond 5 %")
    tables = [list(group) for group in table_groups(lines)]
    assert len(tables) == 2  # one per endpoint
    for table in tables:
        assert {line.count("|") for line in table} == {8}  # arm and six metrics
        assert re.fullmatch(r"\| --- \|( ---: \|){6}", table[1])
    assert all(line == "" or line[0] in "#|-✗" for line in lines)
    for place, line in enumerate(lines):
        assert not line.startswith("#") or place == 0 or lines[place - 1] == ""


def table_groups(lines: list[str]) -> Iterator[list[str]]:
    group: list[str] = []
    for line in [*lines, ""]:
        if line.startswith("|"):
            group.append(line)
        elif group:
            yield group
            group = []


def test_of_equal_runs_one_in_twenty_at_most_has_any_difference() -> None:
    rng = np.random.default_rng(3)
    wrong, covered, trials, family = 0, 0, 300, 6
    for _ in range(trials):
        found = [intervals.welch(rng.normal(0, 0.03, 5), rng.normal(0, 0.05, 6)) for _ in range(family)]
        p = moderated.holm(np.array([one[1] for one in found if one]))
        wrong += bool(p.min() <= intervals.DOUBT)
        covered += sum(one[0].low <= 1 <= one[0].high for one in found if one)  # type: ignore[operator]
    assert wrong / trials <= 0.05 + 0.03
    assert 0.93 <= covered / (trials * family) <= 0.97


@pytest.mark.parametrize(("middle", "spreads"), [(0.15, (0.10, 0.02)), (0.0, (0.05, 0.08)), (0.02, (0.01, 0.02))])
def test_so_many_blocks_in_each_run_as_it_says_do_decide(middle: float, spreads: tuple[float, float]) -> None:
    logs = (with_(middle, spreads[0], 4), with_(0.0, spreads[1], 4))
    needed = run_comparison.blocks_needed(logs, 0.03, 1)
    assert needed is not None
    assert needed > 4
    assert decided(middle, spreads, needed)
    assert needed == 5 or not decided(middle, spreads, needed - 1)


def test_what_no_number_of_blocks_in_each_run_decides_is_told_so() -> None:
    assert run_comparison.blocks_needed((with_(1e-6, 5.0, 4), with_(0.0, 5.0, 4)), 0.03, 1) is None


def test_a_difference_within_the_margin_may_be_found_before_it_is_known_to_be_within() -> None:
    almost = with_(log(1.03) - 1e-6, 0.02, 4), with_(0.0, 0.02, 4)
    needed = run_comparison.blocks_needed(almost, 0.03, 1)
    assert needed is not None
    assert 4 < needed < 10


def decided(middle: float, spreads: tuple[float, float], n: int) -> bool:
    found = intervals.welch(with_(middle, spreads[0], n), with_(0.0, spreads[1], n))
    assert found is not None
    low, high = found[0].low, found[0].high
    assert low is not None
    assert high is not None
    return low > 1 or high <= 1.03


def with_(mean: float, spread: float, n: int) -> np.ndarray:
    """So many values with exactly this mean and standard deviation."""
    values = np.linspace(-1, 1, n)
    return mean + spread * values / values.std(ddof=1)
