"""Scenarios: what is shipped loads, what is malformed is refused whole, early, and in one clear message each."""

import sys
from pathlib import Path

import pytest
from support.scenarios import TINY, tiny

from harness import cli
from harness.errors import UserError
from harness.location import ROOT, SCENARIOS
from harness.registry import endpoints
from harness.scenario import reader
from harness.scenario.endpoint import Endpoint

SHIPPED = sorted((ROOT / "scenarios").glob("*.toml"))


def edited(old: str, new: str) -> str:
    assert old in TINY
    return TINY.replace(old, new, 1)


def open_loop(rates: str, *more: str) -> str:
    """The tiny scenario in open loop."""
    levels = TINY.replace("users = [4]", f"rate = {rates}").replace("users = [8]", "rate = [9]")
    return "\n".join([levels, "[load]", 'mode = "open"', *more, ""])


def capacity(objective: str) -> str:
    """The tiny scenario as a search, with its levels left in."""
    return TINY + f'\n[load]\nmode = "capacity"\nobjective = "{objective}"\n'


def ruled(*keys: str) -> str:
    """The tiny scenario with a rule for its blocks."""
    return edited("blocks = 6", f"blocks = {{ {', '.join(keys)} }}")


MALFORMED = {
    "invalid TOML": ('question = "unclosed', "invalid TOML"),
    "empty file": ("", "question: expected this key, got nothing"),
    "no arms": (TINY.split("[[arms]]")[0] + '[[endpoints]]\nname = "hello"\nusers = [4]\n', "arms: expected this key"),
    "unknown key": (edited("blocks = 6", "block = 6"), "block: unknown key; expected one of question, blocks"),
    "unknown key, near miss": (edited("blocks = 6", "block = 6"), "did you mean 'blocks'?"),
    "unknown key in an arm": (edited("threads = 8", "thread = 8"), "arms[0].thread: unknown key"),
    "unknown table": (TINY + "\n[loads]\nvisits = 2\n", "loads: unknown key"),
    "unknown server": (edited("gunicorn-gthread", "gunicorn-gtread"), "arms[0].server: expected one of gunicorn-sync"),
    "unknown server, near miss": (edited("gunicorn-gthread", "gunicorn-gtread"), "did you mean 'gunicorn-gthread'?"),
    "unknown view": (edited('view = "sync"', 'view = "red"'), "arms[0].view: expected one of sync, async; got 'red'"),
    "unknown endpoint": (edited('name = "hello"', 'name = "helo"'), "did you mean 'hello'?"),
    "text for a number": (edited("blocks = 6", 'blocks = "six"'), "blocks: expected integer, got 'six'"),
    "fraction for a number": (edited("blocks = 6", "blocks = 1.5"), "blocks: expected integer, got 1.5"),
    "yes for a number": (edited("blocks = 6", "blocks = true"), "blocks: expected integer, got True"),
    "no blocks": (edited("blocks = 6", "blocks = 0"), "blocks: expected greater than or equal to 1, got 0"),
    "too few blocks for an interval": (
        ruled("min = 2", "max = 9", 'until = "3%"'),
        "blocks.min: expected greater than or equal to 3, got 2",
    ),
    "no room between fewest and most blocks": (
        ruled("min = 6", "max = 6", 'until = "3%"'),
        "blocks.max: expected more than min = 6, got 6",
    ),
    "more blocks than there may be": (
        ruled("min = 6", "max = 1001", 'until = "3%"'),
        "blocks.max: expected less than or equal to 1000, got 1001",
    ),
    "a rule that never ends": (ruled("min = 6", 'until = "3%"'), "blocks.max: expected this key, got nothing"),
    "a rule with a slip": (
        ruled("min = 6", "max = 9", 'untill = "3%"'),
        "blocks.untill: unknown key; expected one of min, max, until (did you mean 'until'?)",
    ),
    "yes for the fewest blocks": (
        ruled("min = true", "max = 9", 'until = "3%"'),
        "blocks.min: expected integer, got True",
    ),
    "a number for a percentage": (ruled("min = 6", "max = 9", "until = 3"), "blocks.until: expected string, got 3"),
    **{
        f"{text!r} for a percentage": (
            ruled("min = 6", "max = 9", f'until = "{text}"'),
            f"blocks.until: expected a percentage above 0 and below 100, such as '3%', got {text!r}",
        )
        for text in ("3", "%", "0%", "0.0 %", "100%", "-3%", "3  %", "3e1%", "nan%", "±3%")
    },
    "a rule with nothing to watch": (
        'question = "Is one arm enough to be compared?"\nblocks = { min = 6, max = 9, until = "3%" }\n'
        '[[arms]]\nname = "a"\nserver = "uvicorn"\nview = "async"\n[[endpoints]]\nname = "hello"\nusers = [4]\n',
        "blocks: expected a whole number where there is no comparison for `until` to watch, got a table",
    ),
    "no users": (edited("users = [4]", "users = []"), "endpoints[0].users: expected"),
    "negative users": (edited("users = [4]", "users = [-4]"), "endpoints[0].users[0]: expected greater than"),
    "a number where a list belongs": (edited("users = [4]", "users = 4"), "endpoints[0].users: expected list, got 4"),
    "falling users": (edited("users = [4]", "users = [8, 4]"), "endpoints[0].users: expected rising numbers"),
    "users above the connections": (
        edited("threads = 8", "threads = 8\nconnections = 10"),
        "endpoints[0].users: expected at most 2, the connections of arm 'sync', got 4",
    ),
    "threads where there are none": (
        edited('server = "uvicorn"', 'server = "uvicorn"\nthreads = 4'),
        "arms[1].threads: expected only with gunicorn-gthread, granian-wsgi",
    ),
    "no threads where they are needed": (edited("threads = 8\n", ""), "arms[0].threads: expected a number of threads"),
    "an event loop on WSGI": (
        edited("threads = 8", 'threads = 8\nloop = "uvloop"'),
        "arms[0].loop: expected only with gunicorn-asgi",
    ),
    "workers for daphne": (
        TINY + '\n[[arms]]\nname = "d"\nserver = "daphne"\nview = "sync"\nworkers = 2\n',
        "arms[3].workers: expected 1, because daphne has one process",
    ),
    "users missing": (
        edited("users = [4]\n", ""),
        "endpoints[0].users: expected at least one with load.mode = 'closed'",
    ),
    "a rate in closed loop": (
        edited("users = [4]", "users = [4]\nrate = [10]"),
        "endpoints[0].rate: expected only with load.mode = 'open', got it with 'closed'",
    ),
    "users in open loop": (
        TINY + '\n[load]\nmode = "open"\n',
        "endpoints[0].users: expected only with load.mode = 'closed', got it with 'open'",
    ),
    "no rate in open loop": (
        TINY + '\n[load]\nmode = "open"\n',
        "endpoints[0].rate: expected at least one with load.mode = 'open', got nothing",
    ),
    "a rate of nothing": (open_loop("[0]"), "endpoints[0].rate[0]: expected greater than or equal to 0.1, got 0"),
    "falling rates": (open_loop("[20, 10]"), "endpoints[0].rate: expected rising numbers, each once, got [20, 10]"),
    "an unknown mode": (
        TINY + '\n[load]\nmode = "opne"\n',
        "load.mode: expected one of closed, open, capacity; got 'opne'",
    ),
    "unknown arrivals": (open_loop("[9]", 'arrivals = "poison"'), "did you mean 'poisson'?"),
    "arrivals in closed loop": (TINY + '\n[load]\narrivals = "burst"\n', "load.arrivals: expected only with mode"),
    "no processes": (open_loop("[9]", "processes = 0"), "load.processes: expected greater than or equal to 1, got 0"),
    "a capacity without an objective": (
        TINY + '\n[load]\nmode = "capacity"\n',
        "load.objective: expected an objective such as 'p99 <= 250ms'",
    ),
    "an objective that is none": (
        capacity("p98 < 250"),
        "load.objective: expected an objective such as 'p99 <= 250ms' (p50, p95, p99 or p99.9; ms or s), got 'p98 < 250'",
    ),
    "an objective of nothing": (capacity("p99 <= 0ms"), "load.objective: expected a limit above 0 and up to 60 s"),
    "an objective in open loop": (
        open_loop("[9]", 'objective = "p99 <= 1s"'),
        "load.objective: expected only with mode",
    ),
    "levels in a capacity": (
        capacity("p99 <= 250ms"),
        "endpoints[0].users: expected only with load.mode = 'closed', got it with 'capacity'",
    ),
    "the same arm twice": (edited('name = "async"', 'name = "sync"'), "arms[1].name: expected a name used once"),
    "the same endpoint twice": (
        TINY + '\n[[endpoints]]\nname = "hello"\nusers = [8, 4]\n',
        "endpoints[2]: expected each endpoint and query once per level, got 'hello' at 4 again",
    ),
    "a control of nobody": (edited('control_of = "async"', 'control_of = "asinc"'), "(did you mean 'async'?)"),
    "a control that differs": (edited('control_of = "async"', 'control_of = "sync"'), "expected the same deployment"),
    "a comparison with nobody": (
        edited('over = "sync" }', 'over = "synch" }'),
        "comparisons[0].over: expected the name",
    ),
    "a comparison with itself": (edited('arm = "async", over', 'arm = "sync", over'), "expected two different arms"),
    "an unknown query": (
        edited("{ ms = 10 }", "{ sm = 10 }"),
        "endpoints[1].query.sm: expected one of ms, spread for wait",
    ),
    "a query where there is none": (
        edited('name = "hello"\n', 'name = "hello"\nquery = { ms = 1 }\n'),
        "expected no query for hello",
    ),
    "a wait above the limit": (edited("ms = 10", "ms = 60001"), "expected a whole number from 0 to 60000, got 60001"),
    "a slice shorter than its wait": (
        edited("ms = 10", "ms = 10000"),
        "load.slice_max_s: expected at least 7 × the 10 s that wait ms=10000 takes, got 60",
    ),
    "slices that cannot be": (TINY + "\n[load]\nslice_s = 90\n", "load.slice_max_s: expected at least slice_s"),
    "a load mode that is not there": (TINY + '\n[load]\nmode = "opne"\n', "load.mode: expected one of closed"),
    "a setting the harness makes itself": (
        edited("threads = 8", 'threads = 8\nenvironment = { DJBENCH_NONCE = "x" }'),
        "arms[0].environment.DJBENCH_NONCE: expected a variable that the harness does not set itself",
    ),
    "a variable that cannot be": (
        edited("threads = 8", 'threads = 8\nenvironment = { "A=B" = "x" }'),
        "arms[0].environment.A=B",
    ),
    "a control of a control": (
        TINY + '\n[[arms]]\nname = "third"\nserver = "uvicorn"\nview = "async"\ncontrol_of = "async again"\n',
        "arms[3].control_of: expected an arm that is not a control itself",
    ),
    "a blank name": (edited('name = "sync"', 'name = "  "'), "arms[0].name: expected"),
    "fewer connections than threads": (
        edited("threads = 8", "threads = 8\nconnections = 8"),
        "arms[0].connections: expected more than its threads = 8, got 8",
    ),
    "a table where a list belongs": (edited('[[arms]]\nname = "sync"', '[arms]\nname = "sync"'), "invalid TOML"),
    "a margin that is no number": (edited("blocks = 6", "margin = nan"), "margin: expected a finite number, got nan"),
    "too short a question": (edited("Does the pipeline carry a figure from end to end?", "why?"), "question: expected"),
}


@pytest.mark.parametrize(("text", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_scenario_is_refused_in_words(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        reader.parse(text, "bad.toml")
    said = str(caught.value)
    assert message in said
    assert all(line.startswith("bad.toml: ") for line in said.splitlines())
    assert "pydantic" not in said


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_the_command_refuses_with_exit_1_one_message_and_no_traceback(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(edited("gunicorn-gthread", "gunicorn-gtread"))
    results = ["--results", str(tmp_path / "results")] if verb == "run" else []
    monkeypatch.setattr(sys, "argv", ["djbench", verb, str(bad), *results])
    monkeypatch.setattr(cli, "unwind_on_signals", lambda: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_a_missing_file_is_named_with_its_near_miss() -> None:
    with pytest.raises(UserError, match=r"no such scenario file; did you mean .*default\.toml\?"):
        reader.load(ROOT / "scenarios" / "defualt.toml")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_scenario_loads_and_names_its_schema_on_line_1(path: Path) -> None:
    reader.load(path)
    assert path.read_text().splitlines()[0] == "#:schema ./scenario.schema.json"


@pytest.mark.parametrize(("text", "within"), [("3%", 0.03), ("0.5%", 0.005), ("3 %", 0.03), ("99.9%", 0.999)])
def test_a_rule_for_the_blocks_is_read(text: str, within: float) -> None:
    asked = reader.parse(ruled("min = 6", "max = 20", f'until = "{text}"'), "tiny.toml")
    assert asked.rule is not None
    assert asked.rule.within == pytest.approx(within)
    assert (asked.fewest_blocks, asked.most_blocks, str(asked.blocks)) == (6, 20, "6 to 20")


def test_a_fixed_number_of_blocks_is_both_the_fewest_and_the_most() -> None:
    asked = tiny(blocks=4)
    assert (asked.rule, asked.fewest_blocks, asked.most_blocks, str(asked.blocks)) == (None, 4, 4, "4")


def test_without_declared_comparisons_every_arm_is_held_against_the_first() -> None:
    assert [(pair.arm, pair.over) for pair in tiny(comparisons=[]).pairs] == [("async", "sync")]


@pytest.mark.parametrize(
    ("name", "query", "least_ms"),
    [
        ("hello", {}, 0),
        ("wait", {}, 1000),
        ("wait", {"ms": 100}, 100),
        ("wait", {"ms": 100, "spread": 50}, 50),
        ("upstream", {"spread": 100}, 0),
        ("greeting", {}, 2000),
        ("fanout", {"k": 5, "ms": 20}, 20),
        ("fanout", {"k": 5, "ms": 20, "mode": "sequential"}, 100),
    ],
)
def test_the_least_time_of_an_endpoint_follows_its_query(
    name: str, query: dict[str, int | str], least_ms: float
) -> None:
    assert endpoints.ENDPOINTS[name].least_ms(query) == least_ms


def test_what_a_spread_wait_takes_on_average_is_what_it_would_without() -> None:
    mix = {"wait ms=100 spread=50": 0.75, "wait ms=200": 0.25}
    asked = Endpoint.model_validate({"name": "neighbours", "mix": mix, "users": [4]})
    assert [part.mean_ms for part in asked.parts] == [100, 200]
    assert (asked.least_ms, asked.mean_ms, asked.longest_ms) == (50, 125, 200)


def test_a_shipped_scenario_is_asked_for_by_its_name_wherever_one_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reader.load(Path("default")) == reader.load(SCENARIOS / "default.toml")
    assert reader.load(Path("effects/memory")) == reader.load(SCENARIOS / "effects" / "memory.toml")
    assert set(map(str, SHIPPED)) < set(map(str, reader.shipped().values()))


def test_a_file_and_not_a_folder_goes_before_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("smoke").mkdir()
    assert reader.load(Path("smoke")).question != tiny().question
    Path("default").write_text(TINY)
    assert reader.load(Path("default")) == tiny()


def test_a_mistyped_name_is_answered_with_the_near_one_and_the_list() -> None:
    with pytest.raises(UserError, match="defalt: no such scenario; did you mean default\\?") as told:
        reader.load(Path("defalt"))
    assert all(name in str(told.value) for name in reader.shipped())
    with pytest.raises(UserError, match="did you mean effects/memory\\?"):
        reader.load(Path("memroy"))


def test_the_path_of_a_checkout_leads_to_the_name_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"scenarios/default.toml: no such scenario file; did you mean default\?"):
        reader.load(Path("scenarios/default.toml"))


def test_another_level_of_an_endpoint_may_be_asked_of_other_arms() -> None:
    scenario = reader.parse(TINY + '\n[[endpoints]]\nname = "hello"\nusers = [8]\narms = ["async"]\n', "tiny.toml")
    assert scenario.levels["hello"] == [4, 8]
    claim = '\n[[claims]]\ntext = "it is fast"\nendpoint = "hello"\nbetter = "async"\nthan = "sync"\nby = ">= 1.2"\n'
    with pytest.raises(UserError, match=r"expected arms that hello is asked of \(async\), got 'sync'"):
        reader.parse(
            TINY + '\n[[endpoints]]\nname = "hello"\nusers = [8]\narms = ["async"]\n' + f"{claim}level = 8\n",
            "tiny.toml",
        )
    reader.parse(
        TINY + '\n[[endpoints]]\nname = "hello"\nusers = [8]\narms = ["async"]\n' + f"{claim}level = 4\n", "tiny.toml"
    )
