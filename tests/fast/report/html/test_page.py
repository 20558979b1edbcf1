"""The page without a browser: what it says, that it says what the CSV files say, and that nothing said to it can become code."""

import json
import random
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.fakes import FakeLoad, FakeStage, Quiet
from support.page import slower_when_sync
from support.report import only_page
from support.runs import FACTS, fake_run, read_json
from support.scenarios import TINY
from support.searches import TEXT as CAPACITY

from harness.analysis import analysis, frames, timeline
from harness.commands import publishing
from harness.formatting import numbers
from harness.measure import runner
from harness.plan.slices import Cell, Slice
from harness.registry import endpoints, metrics
from harness.report import causes, run_report, sections
from harness.report.causes import Because
from harness.report.chart_style import COLOURS
from harness.report.html import facts, line_chart, page, pair_sentences, svg
from harness.report.html.line_chart import Chart, Line, Style
from harness.report.html.pair_sentences import Answer
from harness.samples import COLUMNS, Outcome
from harness.scenario import reader
from harness.statistics.estimate import Estimate
from harness.storage import files, writer
from harness.verdicts import bottleneck, validity
from harness.verdicts.validity import Reason

HOSTILE = "<script>alert(1)<!--\"'{{ 7777*7 }}&lt;"


ENDING = "</script><img src=x onerror=alert(1)>{{ 7777*7 }}{% raw %}"


THREE = TINY.replace("blocks = 6", "blocks = 3")
"""As few blocks as can show a difference."""


VOID = {"meta", "br", "input", "img", "link", "hr"}


class Read(HTMLParser):
    """A page as a browser sees it: elements with their attributes, the cells of tables, and the data."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.rows: list[tuple[dict[str, str | None], list[str]]] = []
        self.words: list[str] = []
        self.data: Any = None
        self.source = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append((dict(attrs), []))
        if tag in ("td", "th") and self.rows:
            self.rows[-1][1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.open, f"</{tag}> of nothing"
        while self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside == "script" and self.elements[-1][1].get("type") == "application/json":
            self.source, self.data = data, json.loads(data)
        elif inside not in ("script", "style"):
            self.words.append(data)
            if {"td", "th"} & set(self.open) and self.rows and self.rows[-1][1]:
                self.rows[-1][1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def run_of(folder: Path, text: str = TINY, load: FakeLoad | None = None, stage: FakeStage | None = None) -> Path:
    """A run of this scenario."""
    run = fake_run(folder, reader.parse(text, "tiny.toml"), load or FakeLoad(slower_when_sync), stage)
    (run / "scenario.toml").write_text(text)
    return run


def made(folder: Path, text: str = TINY, load: FakeLoad | None = None, stage: FakeStage | None = None) -> Path:
    """The same with its page."""
    run = run_of(folder, text, load, stage)
    only_page(run)
    return run


def read(run: Path) -> Read:
    return Read((run / "report" / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which async is twice as fast, on two levels and with a claim."""
    claim = '[[claims]]\ntext = "twice as fast"\nendpoint = "hello"\nbetter = "async"\nthan = "sync"\nby = ">= 1.5"\n'
    text = TINY.replace("users = [8]", "users = [8, 16]") + claim
    run = made(tmp_path_factory.mktemp("page"), text.replace("level = ", ""))
    run_report.write(validity.read(run)[0], run / "report", [])
    return run


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures of other modules are not what is tested here."""
    monkeypatch.setattr(publishing.charts, "save_all", lambda *_: [])


def test_the_path_of_the_page_is_the_first_thing_to_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run_of(tmp_path, TINY.replace("blocks = 6", "blocks = 1"))
    publishing.publish(path)
    told = capsys.readouterr().out.splitlines()
    opened = told.index(f"open: {path / 'report' / 'report.html'}")
    assert told[opened + 1].startswith("report: ")


def test_it_begins_with_question_quality_results_by_endpoint_and_ratios(run: Path) -> None:
    text = read(run).text
    order = [
        "Does the pipeline carry a figure from end to end?",
        "data quality: A steady 9/9",
        "Results by endpoint",
        "hello @ 4 users returns immediately ▲",
        "Ratios with confidence intervals",
        "async has higher throughput than sync in 3 of 3 comparisons",
        "✔ supported twice as fast",
        "Metrics by arm",
        "Scaling with load",
        "Latency percentiles",
        "Latency over time",
        "Full tables",
        "Resource usage",
        "Mechanism",
        "Data quality",
        "Fairness",
        "Reproduce",
        "serve async",
        "Glossary",
    ]
    place = text.index("sync and async Django views compared")
    for words in order:  # each after the one before: the contents name the sections too
        assert words in text[place:], words
        place = text.index(words, place) + len(words)


def test_the_answer_turns_round_when_the_other_arm_wins(tmp_path: Path) -> None:
    other = made(tmp_path, THREE, FakeLoad(lambda slice_, rng: 30.0 - slower_when_sync(slice_, rng)))
    assert "sync has higher throughput than async in " in read(other).text


def test_the_bars_say_what_cells_csv_says(run: Path) -> None:
    found = read(run)
    table = pd.read_csv(run / "report" / "cells.csv")
    names = [one["name"] for one in found.data["arms"]]
    rows = [(int(attrs["data-arm"] or 0), cells) for attrs, cells in found.rows if "data-arm" in attrs]
    told = [(names[arm], cells[-1]) for arm, cells in rows]
    assert len(told) >= 9 * 4
    for one in table.to_dict("records"):
        value, low, high = (one[f"throughput_rps{end}"] for end in ("", "_low", "_high"))
        written = f"{numbers.number(value)} [{numbers.number(low)}, {numbers.number(high)}]"
        assert (one["arm"], written) in told


def test_the_summary_and_the_ratios_say_what_comparisons_csv_says(run: Path) -> None:
    cells = [cell for _, row in read(run).rows for cell in row]
    table = pd.read_csv(run / "report" / "comparisons.csv")
    for one in table[table.metric == "throughput_rps"].to_dict("records"):
        ratio, interval = (
            f"{numbers.number(one['ratio'])}×",
            f"[{numbers.number(one['low'])}, {numbers.number(one['high'])}]",
        )
        assert any(cell.startswith(f"▲ {ratio} {one['verdict']} {interval}") for cell in cells)
        assert any(cell.startswith(f"{ratio} {interval} {one['verdict']}") for cell in cells)


def test_the_charts_hold_what_the_samples_and_the_csv_say(run: Path) -> None:
    data, table = read(run).data, pd.read_csv(run / "report" / "cells.csv").set_index(["arm", "endpoint", "level"])
    by_level = next(one for one in data["plots"]["levels"] if one["what"] == "throughput")
    line = by_level["lines"][1]
    assert by_level["x"] == [8, 16]
    expected = [table.throughput_rps["async", "wait ms=10", level] for level in (8, 16)]
    assert line["y"] == pytest.approx(expected, rel=1e-4)
    result = analysis.analyse(frames.open_run(run))
    curve = next(one for one in data["plots"]["percentiles"] if one["group"] == "hello @ 4 users")
    at = 10
    sample = result.latencies[Cell("async", "hello", 4)]
    assert curve["lines"][1]["y"][at] == pytest.approx(np.quantile(sample, 1 - 10 ** -curve["x"][at]), rel=1e-3)


def test_names_questions_claims_and_causes_cannot_become_code(tmp_path: Path) -> None:
    text = TINY.replace("Does the pipeline carry a figure from end to end?", "QUESTION")
    text = text.replace('name = "async"', f"name = {json.dumps(HOSTILE)}").replace(
        'arm = "async"', f"arm = {json.dumps(HOSTILE)}"
    )
    text = text.replace('control_of = "async"', f"control_of = {json.dumps(HOSTILE)}").replace(
        '"QUESTION"', json.dumps(ENDING)
    )
    text += f"[[claims]]\ntext = {json.dumps(ENDING)}\npublished = {json.dumps(ENDING)}\nendpoint = 'hello'\n"
    text += f"better = {json.dumps(HOSTILE)}\nthan = 'sync'\nby = '>= 1.5'\n"

    def failing(slice_: Slice, rows: np.ndarray) -> np.ndarray:
        if slice_.cell.arm == "sync":
            rows[:, COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
        return rows

    stage = FakeStage(refused={(HOSTILE, "hello"): f"HTTP 500: {ENDING}"}, log=f"ValueError: {ENDING}\n" * 3)
    found = read(made(tmp_path, text.replace("blocks = 6", "blocks = 2"), FakeLoad(spoil=failing), stage))
    scripts = [attrs for tag, attrs in found.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {}]
    assert not [tag for tag, attrs in found.elements if tag == "img" or any(name.startswith("on") for name in attrs)]
    assert "54439" not in found.text
    assert found.data["arms"][1]["name"] == HOSTILE
    assert not {"<", ">", "&"} & set(found.source)  # `<!--<script>` in a name would swallow the end of the element
    assert (
        found.text.count("<img src=x onerror=alert(1)>{{ 7777*7 }}{% raw %}") >= 4
    )  # question, claim, its source, causes
    assert not found.open


def test_it_asks_for_nothing_and_lets_only_its_own_script_and_style_run(run: Path) -> None:
    found = read(run)
    asked = [attrs for _, attrs in found.elements if {"src", "srcset", "data", "action"} & set(attrs)]
    assert asked == []
    assert {str(attrs["href"])[0] for _, attrs in found.elements if "href" in attrs} == {"#"}
    assert not any("style" in attrs for _, attrs in found.elements)  # the policy would refuse it
    policy = next(attrs["content"] for tag, attrs in found.elements if attrs.get("http-equiv"))
    assert str(policy).startswith("default-src 'none'; script-src 'sha256-")
    text = (run / "report" / "report.html").read_text()
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    assert page._hash(style[1]) in str(policy)
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_an_invalid_cell_is_hollow_and_told_with_its_reason(tmp_path: Path) -> None:
    refused = {("sync", "hello"): "verification: HTTP 500"}
    found = read(made(tmp_path, THREE, stage=FakeStage(refused)))
    assert "1 INVALID" in found.text
    assert "sync, hello @ 4 users : not measured: verification: HTTP 500" in found.text
    assert "async has higher throughput than sync in 1 of 1 comparison (" in found.text
    assert "; 1 INVALID." in found.text
    assert any("! INVALID sync: see Data quality" in " ".join(cell.split()) for _, row in found.rows for cell in row)


def test_a_run_of_one_block_says_that_no_difference_is_certain_and_what_was_measured(tmp_path: Path) -> None:
    text = read(made(tmp_path, TINY.replace("blocks = 6", "blocks = 1"))).text
    assert "At least 3 blocks are needed to detect a difference; this run has 1." in text
    seen = r"too few blocks to detect a difference \(1 of 3\); throughput ratio [\d.]+(–[\d.]+)?× in 2 comparisons\."
    assert re.search(f"async vs sync: {seen}", text)
    assert "no significant difference" not in text
    assert "1 blocks" not in text
    assert "1 block;" in text
    top = text[: text.index("Ratio of throughput, first arm")]
    assert "95 % confidence" not in top  # one block has no interval


def test_what_leans_leads_and_is_not_significant(run: Path) -> None:
    result, told = validity.read(run)
    compared = [replace(one, p=0.2) for one in result.compared]  # as if corrected for many more
    text = Read(page.html(replace(result, compared=compared), told)).text
    assert "async leads sync in throughput in 3 of 3 comparisons (up to" in text
    assert ", not significant" in text
    assert "async has higher" not in text
    assert re.search(r"△ [\d.]+× inconclusive", text)
    assert "95 % confidence" in text


def sentences(told: Sequence[tuple[str, float]], run: Path, dearer: float | None = None, kind: str = "") -> Answer:
    """What is said of async over sync in this run, had its comparisons these tones and ratios."""
    result = validity.read(run)[0]
    pair = result.run.scenario.pairs[0]
    found = {
        (pair.arm, pair.over, "hello", float(level)): (
            replace(result.compared[0], arm=pair.arm, over=pair.over, ratio=Estimate(ratio, None, None, 6)),
            how,
            Because("sync", kind or None, dearer, ""),
        )
        for level, (how, ratio) in enumerate(told)
    }
    return pair_sentences.answers(result, found, set())[0]


def test_the_confirmed_lead_the_leaning_follow(run: Path) -> None:
    mixed = [
        ("better", 2.0),
        ("better", 2.6),
        ("leans-better", 3.0),
        ("leans-worse", 0.5),
        ("open", 1.0),
        ("same", 1.0),
    ]
    assert sentences(mixed, run).sentence == (
        "async has higher throughput than sync in 2 of 6 comparisons (up to 2.60×); leads in 1, trails in 1 (not significant);"
        " 1 equivalent, 1 inconclusive."
    )
    turned = [("leans-better", 3.0), ("worse", 0.5)]
    assert sentences(turned, run).sentence == (
        "sync has higher throughput than async in 1 of 2 comparisons (2.00×); trails in 1 (not significant)."
    )
    leaning = [("leans-better", 3.0), ("leans-worse", 0.25)]
    assert sentences(leaning, run).sentence == (
        "async leads sync in throughput in 1 of 2 comparisons (3.00×), trails in 1 (0.250×), not significant."
    )


def test_a_reason_is_given_for_what_is_significant_or_called_not_significant(run: Path) -> None:
    assert sentences([("better", 2.0)], run, 2.0).why == "Where async leads: sync uses 2.00× the CPU time per request."
    measured = sentences([("leans-better", 2.0)], run, 2.0).why
    assert measured == "Where async leads (not significant): sync uses 2.00× the CPU time per request."
    free = sentences([("better", 2.0)], run, 2.0, bottleneck.NO_SINGLE_ONE).why
    assert free.endswith("2.00× the CPU time per request; CPU is not its bottleneck in 1 of 1.")


@pytest.mark.parametrize(("busy", "beside"), [(0.8, True), (0.97, False)])
def test_cpu_is_the_reason_only_where_it_binds(run: Path, busy: float, beside: bool) -> None:
    opened, _ = validity.read(run)
    slower = opened.per_block.throughput_rps * 0.5  # neither users nor the concurrency limit
    result = replace(opened, per_block=opened.per_block.assign(server_busy=busy, throughput_rps=slower))
    valid = sections.valid_comparisons(result, set())
    told = causes.grounds(result, valid, {})
    key = next(c for c in valid if c.metric is result.metrics[0] and c.endpoint != "hello")
    costs = {(key.arm, key.over, key.endpoint, key.level): 0.4}
    text = replace(told, costs=costs).of(key, "better").text
    assert ("2.50× the CPU time per request; CPU is not the bottleneck" in text) == beside
    assert ("CPU-bound" in text) != beside


def test_a_disturbed_run_says_so_beside_the_answer(run: Path) -> None:
    result, _ = validity.read(run)
    first, second = result.cells[:2]
    told = [Reason(first, True, "lost"), Reason(second, False, "odd"), Reason(second, False, "odder")]
    floors = [replace(one, ratio=Estimate(1.3, 1.2, 1.4, 6), p=0.01) for one in result.noise_floors]
    found = Read(page.html(replace(result, noise_floors=floors), told))
    top = found.text[: found.text.index("Ratio of throughput, first arm")]
    assert (
        f"Caution: 1 of {len(result.cells)} cells INVALID and 1 flagged"
        " ; A/A pair differs in throughput: hello @ 4 users 1.30× [1.20, 1.40]" in top
    )
    assert "; concurrency limits differ (async: none, sync: 8)." in top
    assert "! INVALID : excluded from the comparison" in found.text
    quiet = Read(page.html(result, [])).text
    assert "INVALID : excluded from the comparison" not in quiet
    assert "A/A pair differs" not in quiet
    assert "⚑" not in quiet


def test_a_scenario_that_was_edited_after_the_run_is_told_beside_the_answer(tmp_path: Path) -> None:
    run = made(tmp_path, TINY.replace("blocks = 6", "blocks = 1"))
    assert "differs from the plan that was measured" not in read(run).text
    head = read_json(run / "run.json")
    files.write_json(run / "run.json", head | {"plan": {"hash": "0123456789abcdef"}})
    only_page(run)
    top = read(run).text.partition("Ratio of throughput, first arm")[0]
    assert "scenario.toml differs from the plan that was measured" in top


def test_a_flagged_cell_is_marked_where_it_won(run: Path) -> None:
    result, _ = validity.read(run)
    cell = next(one for one in result.cells if one.arm == "sync")
    found = Read(page.html(result, [Reason(cell, False, "odd")]))
    marked = [row for _, row in found.rows if any("⚑ flagged: sync" in " ".join(one.split()) for one in row)]
    assert len(marked) == 1
    assert marked[0][0].startswith(cell.endpoint)
    assert "⚑ one of its cells is flagged" in found.text


def test_a_ratio_of_fewer_blocks_or_none_says_so(run: Path) -> None:
    result, reasons = validity.read(run)
    p95 = metrics.BY_KEY["p95"]
    found = [replace(c, ratio=replace(c.ratio, n=3)) if c.metric is p95 else c for c in result.compared]
    few = Read(page.html(replace(result, compared=found), reasons))
    rows = [row for attrs, row in few.rows if "data-pair" in attrs]
    assert sum("n = 3 of 6 blocks" in row[-1] for row in rows) == len([c for c in found if c.metric is p95])
    one = next(c for c in found if c.metric is p95)
    without = Read(page.html(replace(result, compared=[c for c in found if c is not one]), reasons))
    assert sum(row[-1] == "too few samples" for attrs, row in without.rows if "data-pair" in attrs) == 1


COMMANDS = {
    "a": ("gunicorn --http-parser python --worker-class gthread --threads 8 config.wsgi", "python", "not set"),
    "b": ("uvicorn --loop uvloop --http httptools config.asgi:application", "httptools", "uvloop"),
    "c": ("granian --http 1 --interface asgi --loop asyncio config.asgi:application", "not set", "asyncio"),
    "d": ("hypercorn -k uvloop config.asgi:application", "not set", "uvloop"),
    "e": ("gunicorn --http-parser python --worker-class config.own.Worker x", "set by Worker", "set by Worker"),
}


@pytest.mark.parametrize("key", COMMANDS)
def test_parser_and_loop_are_those_of_the_stored_command(key: str) -> None:
    command, parser, loop = COMMANDS[key]
    assert [facts._by_flag(command, what) for what in ("HTTP parser", "event loop")] == [parser, loop]


def test_what_differed_has_parser_and_loop(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = validity.read(run)
    monkeypatch.setattr(facts, "commands", lambda _: [("sync", COMMANDS["a"][0]), ("async", COMMANDS["b"][0])])
    found = facts.differed(result)
    assert {"HTTP parser", "event loop"} <= set(found.columns)


def test_the_commands_name_the_run_where_it_is(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = validity.read(run)
    told = [command for command, _ in facts.reproduce(result, explained=False)]
    assert f"djbench report {run}" in told
    assert f"djbench explain {run}" in told
    assert not any("explain" in command for command, _ in facts.reproduce(result, explained=True))
    monkeypatch.chdir(run.parent)
    assert f"djbench report {run.name}" in [command for command, _ in facts.reproduce(result, explained=True)]


def test_a_bar_that_is_invalid_has_no_number(run: Path) -> None:
    result, _ = validity.read(run)
    found = Read(page.html(result, [Reason(result.cells[0], True, "lost")]))
    told = {row[-1] for attrs, row in found.rows if "invalid" in (attrs.get("class") or "")}
    assert told == {"INVALID"}


def test_a_run_without_control_claims_or_comparisons(tmp_path: Path) -> None:
    arm = TINY.split("[[arms]]")[1]
    head, tail = TINY.split("[[arms]]")[0], TINY.split("[[endpoints]]", 1)[1]
    text = f"{head.split('comparisons')[0]}\n[[arms]]{arm}[[endpoints]]{tail}"
    found = read(made(tmp_path, text.replace("blocks = 6", "blocks = 2")))
    assert "No comparison" in found.text
    assert not [tag for tag, attrs in found.elements if attrs.get("id") in ("claims", "results", "ratios")]
    assert found.data["plots"]["percentiles"]


def test_a_control_is_there_but_not_shown(tmp_path: Path) -> None:
    """Its boxes are empty, its rows hidden, and the pictures that need no script are without it."""
    found = read(made(tmp_path, THREE))
    boxes = {
        attrs["data-arm"]: "checked" in attrs for tag, attrs in found.elements if tag == "input" and "data-arm" in attrs
    }
    assert boxes == {"0": True, "1": True, "2": False}
    rows = [attrs for attrs, _ in found.rows if attrs.get("data-arm") == "2"]
    assert rows
    assert all("hidden" in attrs for attrs in rows)
    assert {line["arm"] for line in found.data["plots"]["percentiles"][0]["lines"]} == {0, 1, 2}
    drawn = [data for data in found.words if "against" in data]  # what a picture tells a screen reader
    assert drawn
    assert not [one for one in drawn if "async again" in one]


def test_an_open_loop_compares_waiting_and_has_rates(tmp_path: Path) -> None:
    text = THREE.replace("users = [4]", "rate = [800, 900]").replace("users = [8]", "rate = [800]")
    text = text.replace("[[arms]]", '[load]\nmode = "open"\n\n[[arms]]', 1)
    found = read(made(tmp_path, text))
    assert "async has a lower p99 latency than sync" in found.text
    assert {one["x_label"] for one in found.data["plots"]["levels"]} == {"offered rate [1/s]"}


def test_a_search_for_capacity_has_its_hockey_stick(tmp_path: Path) -> None:
    text = CAPACITY.replace("blocks = 3", "blocks = 2").replace("p99 <= 250ms", "p50 <= 15ms")
    asked = reader.parse(text, "capacity.toml")
    folder = writer.RunFolder.create(tmp_path, "capacity", text, FACTS | {"overrides": asked.overrides})

    def up_to(slice_: Slice, rng: random.Random) -> float:
        return 12.0 if slice_.cell.level <= (100 if slice_.cell.arm == "sync" else 400) else 40.0

    runner.run(asked, folder, FakeStage(), FakeLoad(up_to), Quiet())
    folder.mark(files.FINISHED)
    only_page(folder.path)
    found = read(folder.path)
    stick = found.data["plots"]["sticks"][0]
    assert {mark["hollow"] for line in stick["lines"] for mark in line["marks"]} == {True, False}
    assert any(one["label"].startswith("objective: p50 <= 15") for one in stick["references"])
    assert "wait ms=10 @" not in found.text
    assert found.data["plots"]["time"]


def test_the_timeline_is_made_of_the_samples_of_its_stretch(run: Path) -> None:
    opened = frames.open_run(run)
    block = next(opened.blocks())
    rows = timeline.of_block(block, "closed", 4)
    one = rows[(rows.arm == "async") & (rows.endpoint == "hello") & (rows.visit == 1) & (rows.stretch == 2)].iloc[0]
    slices = block.slices[
        (block.slices.arm == "async") & (block.slices.endpoint == "hello") & (block.slices.purpose == "measure")
    ]
    own = slices.iloc[1]
    requests = block.requests[block.requests.slice == own["index"]]
    share = (requests.intended_ns - own.cut_ns) / (own.end_ns - own.cut_ns)
    latency = ((requests.done_ns - requests.intended_ns) / 1e6)[(share >= 0.5) & (share < 0.75)]
    expected = [latency.median(), latency.quantile(0.95), latency.max()]
    assert [one.p50_ms, one.p95_ms, one.max_ms] == pytest.approx(expected)


def test_the_number_of_stretches_falls_as_slices_grow() -> None:
    asked = reader.parse(TINY, "tiny.toml")
    many = asked.model_copy(update={"blocks": 1_000})
    assert timeline.stretches(asked) == timeline.MOST_STRETCHES
    assert timeline.stretches(many) == 1


def test_numbers_in_the_data_are_finite_and_short() -> None:
    assert line_chart.plain({"a": [1.23456789, float("nan"), float("inf"), None, 3, 12_345_678.0]}) == {
        "a": [1.2346, None, None, None, 3, 12_346_000]
    }


def test_the_picture_of_a_chart_has_a_name_a_description_and_escaped_text() -> None:
    drawn = Chart("<b>", "p95", "users", "ms", [1, 2], [Line(0, [1.0, None])], y_log=True)
    picture = str(svg.draw(drawn, [Style("<i>&", 0, 0, True)], "x"))
    assert 'role="img" aria-labelledby="tx dx"><title id="tx">&lt;b&gt;: p95</title>' in picture
    assert "&lt;i&gt;&amp;" in picture
    assert "<b>" not in picture


def test_the_views_are_those_of_the_pictures_and_every_arm_has_its_own_mark() -> None:
    style = (page.HERE / "page.css").read_text().lower()
    own = re.findall(r"--c\d: (#\w+)", style[: style.index("@media")])
    short = {"#000000": "#000"}
    assert own == [short.get(colour.lower(), colour.lower()) for colour in COLOURS]
    assert len(set(svg.MARKS)) == len(COLOURS)


def test_every_endpoint_has_plain_words() -> None:
    assert all(facts.words for facts in endpoints.ENDPOINTS.values())
    assert endpoints.in_words("neighbours: wait ms=10") == endpoints.in_words("wait")
    assert endpoints.in_words("neighbours") == ""


def test_the_bottleneck_of_a_saturated_arm_is_its_thread_pool(tmp_path: Path) -> None:
    """24 users for 8 threads that each take 10 ms: 800 requests per second, and no more."""

    def queued(slice_: Slice, rng: random.Random) -> float:
        return 30.0 if slice_.cell.arm == "sync" and slice_.cell.endpoint != "hello" else 10.0 + rng.random()

    result, reasons = validity.read(made(tmp_path, THREE.replace("users = [8]", "users = [24]"), FakeLoad(queued)))
    result.per_block["server_busy"] = 0.3
    result = analysis.Analysis(**{name: getattr(result, name) for name in analysis.Analysis.__dataclass_fields__})
    text = Read(page.html(result, reasons)).text
    assert "thread pool of sync saturated (8 / 0.01 s = 800 req/s max)" in text


def test_the_page_of_a_long_run_is_small_and_quick(tmp_path: Path, run: Path) -> None:
    """As many slices as a run of a thousand blocks has: the page does not grow with requests or blocks."""
    copied = tmp_path / "run"
    shutil.copytree(run, copied)
    result, reasons = validity.read(copied)
    many = pd.concat([result.timeline.assign(block=result.timeline.block + 6 * turn) for turn in range(150)])
    longer = analysis.Analysis(
        **{**{n: getattr(result, n) for n in analysis.Analysis.__dataclass_fields__}, "timeline": many}
    )
    start = time.perf_counter()
    text = page.html(longer, reasons)
    assert time.perf_counter() - start < 4
    assert len(text) < 800_000


def test_every_cell_of_the_results_names_its_pair_for_narrow_screens(tmp_path: Path) -> None:
    """Also one that is not compared, because one of the two is not asked for the endpoint."""
    third = '[[arms]]\nname = "other"\nserver = "uvicorn"\nview = "sync"\n\n[[endpoints]]'
    text = THREE.replace("[[endpoints]]", third, 1).replace(
        '{ arm = "async", over = "sync" }', '{ arm = "async", over = "sync" }, { arm = "other", over = "sync" }'
    )
    text = text.replace("users = [4]", 'users = [4]\narms = ["sync", "async"]')
    page = (made(tmp_path, text) / "report" / "report.html").read_text(encoding="utf-8")
    results = page.partition('class="results"')[2].partition("</table>")[0]
    assert '<td data-pair="other vs sync">not compared</td>' in results
    assert "<td>" not in results
