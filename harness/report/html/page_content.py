"""Everything that the page's template shows, from an analysed run and its reasons."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.formatting.tables import Table
from harness.plan.slices import Cell
from harness.report import causes, chart_style, conclusion, mechanism_text, sections, setting
from harness.report.html import (
    answer_table,
    bar_rows,
    caveats,
    facts,
    glossary,
    line_charts,
    pair_sentences,
    plot_groups,
    svg,
)
from harness.report.html.line_chart import as_json, styles
from harness.report.sections import Section
from harness.statistics.moderated import FEWEST_BLOCKS
from harness.storage.files import FINISHED
from harness.verdicts import claim_verdicts, data_quality, mechanism, validity
from harness.verdicts.claim_verdicts import Verdict
from harness.verdicts.mechanism import Explained
from harness.verdicts.validity import Reason

MANY: Final = 8  # warnings shown unfolded at most


def content(analysis: Analysis, reasons: list[Reason]) -> dict[str, Any]:
    """All that the template shows, from top to bottom."""
    found = mechanism.read(analysis.run.path)
    return {
        "subject": setting.subject(analysis),
        "question": analysis.run.scenario.question,
        "state": _state(analysis),
        "quality": data_quality.of(analysis, reasons).line,
        "setting": setting.setting(analysis),
        **_answer(analysis, reasons, found),
        **_charts(analysis, reasons),
        **_validity(analysis, reasons, found),
        **_fairness(analysis),
        "reproduce": facts.reproduce(analysis, found is not None),
        "glossary": glossary.terms("project" in analysis.run.head),
    }


def _answer(analysis: Analysis, reasons: list[Reason], found: Explained | None) -> dict[str, Any]:
    """Sentences, claims, and the table of results by endpoint."""
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
        "duets": chart_style.DUETS if analysis.has_duets else "",
    }


def _charts(analysis: Analysis, reasons: list[Reason]) -> dict[str, Any]:
    """Charts with their pictures, and the same as data."""
    lost, shown = validity.invalid_cells(reasons), styles(analysis)
    plots = plot_groups.plots(analysis, lost)
    return {
        "styles": shown,
        "marks": svg.MARKS,
        "ratios": bar_rows.ratio_charts(analysis, sections.valid_comparisons(analysis, lost), lost),
        "bars": list(bar_rows.bar_charts(analysis, shown, lost)),
        "plots": plots,
        "data": {
            "arms": [asdict(one) for one in shown],
            "marks": svg.MARKS,
            "plots": {one.key: as_json(one.charts) for one in plots},
        },
    }


def _validity(analysis: Analysis, reasons: list[Reason], found: Explained | None) -> dict[str, Any]:
    """Resources and mechanism of each cell, and what is wrong with which cell."""
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
    """What differed between arms and what did not, the environment, and the commands."""
    return {
        "differed": facts.differed(analysis),
        "unequal": facts.unequal_limits(analysis),
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
    """The warning shown for an incomplete run."""
    asked = analysis.run.scenario
    planned = numbers.blocks(asked.blocks) if isinstance(asked.blocks, int) else f"{asked.blocks} blocks"
    said = []
    if analysis.run.state != FINISHED or not asked.fewest_blocks <= analysis.blocks <= asked.most_blocks:
        said.append(f"Incomplete run: {analysis.run.state} after {analysis.blocks} of {planned}.")
    if analysis.blocks < FEWEST_BLOCKS and asked.pairs:
        said.append(
            f"At least {FEWEST_BLOCKS} blocks are needed to detect a difference; this run has {analysis.blocks}."
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


def _mechanism(analysis: Analysis, found: Explained, told: Sequence[Section]) -> dict[str, Any]:
    """What the instrumented run counted per request, as a table and in words."""
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
        "table": Table(["endpoint", "arm", *columns.values()], rows),
        "told": [(one.title, one.why) for one in told if one.why],
    }
