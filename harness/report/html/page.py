"""An analysed run and its reasons in, report.html's text out: what the template is given, and how it is put into one file.

Style and script stand in the file itself and are allowed by their hashes alone: nothing else may run, nothing may be loaded.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.formatting.tables import Table
from harness.plan.slices import Cell
from harness.report import conclusion, mechanism_text, sections, setting
from harness.report.html import answer_table, bar_rows, causes, caveats, facts, line_charts, pair_sentences, svg
from harness.report.html.line_chart import Chart, as_json, styles
from harness.report.sections import Section
from harness.statistics.significance import FEWEST_BLOCKS
from harness.storage.files import FINISHED
from harness.verdicts import claim_verdicts, mechanism, validity
from harness.verdicts.claim_verdicts import Verdict
from harness.verdicts.mechanism import Explained
from harness.verdicts.validity import Reason

HERE: Final = Path(__file__).parent

NAME: Final = "report.html"

MANY: Final = 8  # flags, of which the rest is folded away


@dataclass(frozen=True)
class Plot:
    """One interactive chart with its pictures."""

    key: str
    title: str
    reading: str  # what to look for
    charts: Sequence[Chart]
    pictures: Sequence[Markup]

    @property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(chart.group for chart in self.charts))

    @property
    def whats(self) -> list[str]:
        return list(dict.fromkeys(chart.what for chart in self.charts))


def write(analysis: Analysis, reasons: list[Reason], folder: Path) -> Path:
    """The page into this folder; its path."""
    target = folder / NAME
    target.write_text(html(analysis, reasons), encoding="utf-8")
    return target


def html(analysis: Analysis, reasons: list[Reason]) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html").render(view(analysis, reasons))


def view(analysis: Analysis, reasons: list[Reason]) -> dict[str, Any]:
    """All that the template shows, from top to bottom."""
    found = mechanism.read(analysis.run.path)
    return {
        "question": analysis.run.scenario.question,
        "state": _state(analysis),
        "setting": setting.setting(analysis),
        **_answer(analysis, reasons, found),
        **_charts(analysis, reasons),
        **_validity(analysis, reasons, found),
        **_fairness(analysis),
        "again": facts.again(analysis, found is not None),
    }


def _answer(analysis: Analysis, reasons: list[Reason], found: Explained | None) -> dict[str, Any]:
    """Sentences, claims, who won where and why."""
    lost = validity.invalid_cells(reasons)
    valid = sections.valid_comparisons(analysis, lost)
    told = answer_table.told(analysis, valid, causes.grounds(analysis, valid, found.cells if found else {}))
    places = answer_table.table(analysis, told, lost, _flagged(reasons))
    return {
        "answers": pair_sentences.answers(analysis, told, lost),
        "edited": setting.edited(analysis),
        "caution": caveats.caution(analysis, reasons),
        "places": places,
        "intervals": any(one and one.interval for place in places for one in place.found),
        "marked": any(one and one.flagged for place in places for one in place.found),
        "pairs": analysis.run.scenario.pairs,
        "claims": _claims(claim_verdicts.claims(analysis, reasons)),
        "arms": [(arm.name, arm.summary) for arm in analysis.run.scenario.arms],
        "controlled": bool(analysis.noise_floors),
    }


def _charts(analysis: Analysis, reasons: list[Reason]) -> dict[str, Any]:
    """Charts with their pictures, and the same as data; style and script, which alone are allowed to run."""
    lost, shown = validity.invalid_cells(reasons), styles(analysis)
    plots = _plots(analysis, lost)
    style, script = _read("vendor/uPlot.min.css", "page.css"), _read("vendor/uPlot.iife.min.js", "page.js")
    data = {
        "arms": [asdict(one) for one in shown],
        "marks": svg.MARKS,
        "plots": {one.key: as_json(one.charts) for one in plots},
    }
    return {
        "styles": shown,
        "marks": svg.MARKS,
        "ratios": bar_rows.ratio_charts(analysis, sections.valid_comparisons(analysis, lost), lost),
        "bars": list(bar_rows.bar_charts(analysis, shown, lost)),
        "plots": plots,
        "style": Markup(style),
        "script": Markup(script),
        "allowed": f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'",
        "data": _data(data),
    }


def _validity(analysis: Analysis, reasons: list[Reason], found: Explained | None) -> dict[str, Any]:
    """What each request took, why, and what is wrong with which cell."""
    lost, told_of = validity.invalid_cells(reasons), sections.sections(analysis, reasons)
    return {
        "named": facts.named,
        "resources": facts.resources(analysis, lost),
        "mechanism": found and _mechanism(analysis, found, told_of),
        "cost": mechanism_text.cost(found) if found else [],
        "explain": f"djbench explain {facts.path(analysis)}",
        "sections": told_of,
        "invalid": [reason for reason in reasons if reason.invalid],
        "flagged": [reason for reason in reasons if not reason.invalid],
        "many": MANY,
        "where": lambda cell: line_charts.where(analysis, cell.endpoint, cell.level),
        "cells": len(analysis.cells),
        "lost": len(lost),
    }


def _fairness(analysis: Analysis) -> dict[str, Any]:
    """What was equal and what was not, on what it was measured, and by which commands."""
    return {
        "differed": facts.differed(analysis),
        "unequal": facts.unequal_caps(analysis),
        "equal": facts.equal(analysis),
        "machine": facts.machine(analysis),
        "calibration": facts.calibration(analysis),
        "commands": facts.commands(analysis),
        "digest": facts.digest(analysis),
        "scenario": facts.scenario_text(analysis),
    }


def _flagged(reasons: Sequence[Reason]) -> set[Cell]:
    return {reason.cell for reason in reasons if not reason.invalid}


def _state(analysis: Analysis) -> str:
    """What has to be said of a run that is not whole."""
    asked = analysis.run.scenario
    planned = numbers.blocks(asked.blocks) if isinstance(asked.blocks, int) else f"{asked.blocks} blocks"
    said = []
    if analysis.run.state != FINISHED or not asked.fewest_blocks <= analysis.blocks <= asked.most_blocks:
        said.append(f"{analysis.run.state} after {analysis.blocks} of {planned}: a smaller run.")
    if analysis.blocks < FEWEST_BLOCKS and asked.pairs:
        said.append(
            f"{analysis.blocks} of the {FEWEST_BLOCKS} blocks that a difference takes: no difference can be certain yet."
        )
    return " ".join(said)


def _claims(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [
        {
            "sign": conclusion.SIGNS[one.word],
            "word": one.word,
            "text": one.claim.text,
            "published": one.claim.published,
            "reasons": [conclusion.figures_of(one.conditions, part) for part in one.conditions],
        }
        for one in verdicts
    ]


def _plots(analysis: Analysis, lost: set[Any]) -> list[Plot]:
    """The interactive charts that this run has something for."""
    promise = analysis.run.scenario.load.objective
    told = [
        (
            "sticks",
            "How hard can it be pushed?",
            f"Each mark is a slice at one rate; hollow: {promise} was not kept. A line that turns upwards has found its"
            " limit, and the dotted upright is the highest rate that was confirmed.",
            line_charts.hockey_sticks(analysis, lost),
        ),
        (
            "levels",
            "What happens as the load grows?",
            "A line that stays flat has reached its limit: more users only wait longer. Whiskers are 95 % intervals over blocks.",
            line_charts.by_level(analysis, lost),
        ),
        (
            "percentiles",
            "Where is the tail?",
            "Of every hundred users, so many waited at most so long. The axis gives the slowest 1 % as much room as the"
            " rest; lower is better, and a line that rises on the right keeps a few users waiting.",
            line_charts.percentile_curves(analysis, lost),
        ),
        (
            "time",
            "Did it hold over time?",
            "Latency while each arm was loaded, block after block, its slices in turn. Level is good; steps from block to"
            " block are the machine's moods or a fresh start's, and slopes within a block say that it had not settled.",
            line_charts.over_time(analysis, lost),
        ),
    ]
    made = [(key, title, reading, list(some)) for key, title, reading, some in told]
    return [
        Plot(key, title, reading, some, _pictures(analysis, key, some)) for key, title, reading, some in made if some
    ]


def _pictures(analysis: Analysis, key: str, some: Sequence[Chart]) -> list[Markup]:
    shown = styles(analysis)
    return [svg.draw(chart, shown, f"{key}{place}") for place, chart in enumerate(some) if chart.drawn]


def _mechanism(analysis: Analysis, found: Explained, told: Sequence[Section]) -> dict[str, Any]:
    """What a probed pass counted per request, as a table, and in words."""
    columns = {
        name: title for name, title in facts.COUNTED.items() if any(getattr(one, name) for one in found.cells.values())
    }
    rows = [
        [
            line_charts.where(analysis, cell.endpoint, cell.level),
            cell.arm,
            *(numbers.number(getattr(one, name)) for name in columns),
        ]
        for cell, one in found.cells.items()
    ]
    return {
        "table": Table(["where", "arm", *columns.values()], rows),
        "told": [(one.title, one.why) for one in told if one.why],
    }


def _read(*names: str) -> str:
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    """As a Content-Security-Policy names what may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _data(content: Any) -> Markup:
    """JSON that cannot end its script element, whatever a name holds."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
