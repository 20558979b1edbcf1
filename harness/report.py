"""Figures in, words and tables out: terminal text, report.md, cells.csv and comparisons.csv. Pure but for `write`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness import checks, figures, limits, metrics, precision, tables, verdict
from harness.analysis import Analysis, cells_table
from harness.capacity import CONFIRMATIONS
from harness.checks import Reason
from harness.comparison import Compared
from harness.metrics import QUANTILES, Metric
from harness.modes import CAPACITY
from harness.plan import Cell, Level
from harness.samples import SAMPLES_NEEDED
from harness.scenario import Comparison, Rule
from harness.store import FINISHED
from harness.tables import Table


@dataclass(frozen=True)
class Section:
    """One endpoint at one level."""

    title: str
    tables: Sequence[Table]
    notes: Sequence[str]


def text(analysis: Analysis) -> str:
    """The report for a terminal."""
    reasons = checks.check(analysis)
    lines = [*_head(analysis), ""]
    for section in sections(analysis, reasons):
        lines += [section.title, ""]
        for table in section.tables:
            lines += [*tables.as_text(table), ""]
        lines += [*section.notes, ""] if section.notes else []
    return "\n".join([*lines, *conclusion(analysis, reasons)]) + "\n"


def markdown(analysis: Analysis, pictures: Sequence[str] = ()) -> str:
    """The report as Markdown, with its pictures."""
    reasons = checks.check(analysis)
    question, *facts = _head(analysis)
    found = [f"- {sentence}" for sentence in conclusion(analysis, reasons)]
    lines = [f"# {question}", "", *found, "", *(f"- {fact}" for fact in facts), ""]
    lines += [line for name in pictures for line in (f"![{name.partition('.')[0].replace('_', ' ')}]({name})", "")]
    for section in sections(analysis, reasons):
        lines += [f"## {section.title}", ""]
        for table in section.tables:
            lines += [*tables.as_markdown(table), ""]
        lines += [f"- {note}" for note in section.notes] + [""]
    return "\n".join([*lines, *commands(analysis)]) + "\n"


def sections(analysis: Analysis, reasons: list[Reason]) -> list[Section]:
    """One section per endpoint and level, in the scenario's order."""
    groups: dict[tuple[str, Level], list[Cell]] = {}
    for cell in analysis.cells:
        groups.setdefault((cell.endpoint, cell.level), []).append(cell)
    return [_section(analysis, cells, reasons) for cells in groups.values()]


def conclusion(analysis: Analysis, reasons: list[Reason]) -> list[str]:
    """What was found, in sentences: one per compared pair of arms, then what cannot be believed."""
    lost = checks.invalid_cells(reasons)
    lines = []
    for pair in analysis.run.scenario.pairs:
        found = [c for c in valid_comparisons(analysis, lost) if (c.arm, c.over) == (pair.arm, pair.over)]
        lines.append(_sentence(analysis, pair.arm, pair.over, [c for c in found if c.metric is analysis.metrics[0]]))
    if lost:
        arms = ", ".join(sorted({cell.arm for cell in lost}))
        lines.append(f"{len(lost)} of {len(analysis.cells)} cells are INVALID and take no part in this ({arms}).")
    return lines


def valid_comparisons(analysis: Analysis, lost: set[Cell]) -> list[Compared]:
    """The comparisons of which neither side is INVALID."""
    return [
        c for c in analysis.compared if not {Cell(c.arm, c.endpoint, c.level), Cell(c.over, c.endpoint, c.level)} & lost
    ]


def lost_comparisons(analysis: Analysis, lost: set[Cell]) -> list[Comparison]:
    """The comparisons that the scenario asked for and that an INVALID cell on either side took away."""
    levels = dict.fromkeys((cell.endpoint, cell.level) for cell in analysis.cells)
    return [
        pair
        for pair in analysis.run.scenario.pairs
        for endpoint, level in levels
        if {Cell(pair.arm, endpoint, level), Cell(pair.over, endpoint, level)} & lost
    ]


def comparisons_table(analysis: Analysis, reasons: list[Reason]) -> pd.DataFrame:
    """One row per comparison, its verdict and its A/A floor: what comparisons.csv holds."""
    lost = checks.invalid_cells(reasons)
    valid = set(map(id, valid_comparisons(analysis, lost)))
    return pd.DataFrame([_comparison_row(analysis, c, id(c) in valid) for c in analysis.compared])


def write(analysis: Analysis, folder: Path, pictures: Sequence[str]) -> None:
    """report.md, cells.csv and comparisons.csv into the folder."""
    reasons = checks.check(analysis)
    cells = cells_table(analysis)
    told = {reason.cell: reason for reason in reversed(reasons) if reason.invalid}
    if len(cells):
        keys = [Cell(row.arm, row.endpoint, row.level) for row in cells.itertuples()]
        cells["invalid_because"] = [told[key].text if key in told else None for key in keys]
    cells.to_csv(folder / "cells.csv", index=False)
    comparisons_table(analysis, reasons).to_csv(folder / "comparisons.csv", index=False)
    (folder / "report.md").write_text(markdown(analysis, pictures), encoding="utf-8")


def commands(analysis: Analysis) -> list[str]:
    """The exact command of every arm, as measured in the first block."""
    block = next(analysis.run.blocks())
    lines = ["## Exact commands", "", "Typed in `bench_project/`; ports were chosen free.", "", "```"]
    lines += [f"# {arm}\n{command}" for arm, command in block.notes["commands"].items()]
    return [*lines, "```"]


def _head(analysis: Analysis) -> list[str]:
    head, scenario = analysis.run.head, analysis.run.scenario
    machine, cores = head["machine"], head["cores"]
    split = (
        f"server on core {_list(cores['server'])}, load and services on core {_list(cores['load'])}"
        if cores["server"]
        else cores["note"]
    )
    state = analysis.run.state
    lines = [
        scenario.question,
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; {split}",
        f"Python {machine['python']}, Django {machine['packages']['django']}; database {head['database']}",
        f"{figures.loop(scenario.load)}; {analysis.blocks} blocks",
        _method(analysis),
    ]
    lines += [f"{arm.name}: {arm.summary}" for arm in scenario.arms]
    lines += _calibration(analysis)
    if state != FINISHED or not scenario.fewest_blocks <= analysis.blocks <= scenario.most_blocks:
        lines.append(f"! {state} after {analysis.blocks} of {scenario.blocks} blocks: a smaller run")
    elif scenario.rule is not None:
        lines.append(precision.outcome(analysis, scenario.rule))
    return [*lines, *_extensions(head["plan"].get("extended", []))]


def _extensions(before: Sequence[dict[str, Any]]) -> list[str]:
    """That blocks were added, and when: whoever looks at a result before measuring on has to say so."""
    after = [f"{one['measured']} blocks{_rule(one['blocks'])}" for one in before]
    return [f"extended by `bench extend` after {', then after '.join(after)}"] if after else []


def _rule(planned: int | dict[str, Any]) -> str:
    """` (6 to 20, until ±3 %)` where the number was to follow from the interval."""
    if isinstance(planned, int):
        return ""
    rule = Rule.model_validate(planned)
    return f" ({rule}, until {figures.margin(rule.within)})"


def _method(analysis: Analysis) -> str:
    """How figures and intervals are made."""
    family = analysis.compared[0].family if analysis.compared else 0
    ratios = f"ratios: geometric means with 95 % intervals, verdicts corrected for {family} comparisons"
    if analysis.mode == CAPACITY:
        return f"highest rates: geometric means over blocks with 95 % t-intervals; {ratios}"
    return f"medians over blocks with order-statistic 95 % intervals (6 blocks or more); {ratios}"


def _calibration(analysis: Analysis) -> list[str]:
    """The load maker before the run: its ceiling, and what of it did not pass."""
    stored = analysis.run.head["calibration"]
    lines = []
    if stored.get("ceiling_rps"):
        lines.append(f"load maker: up to {figures.number(stored['ceiling_rps'])} req/s here, calibrated before the run")
    failed = [line for line in stored.get("lines", []) if line["passed"] is False]
    lines += [
        f"! calibration: {line['name']} {line['figure']} (limit {line['limit']}): {line['advice']}" for line in failed
    ]
    return lines


def _section(analysis: Analysis, cells: list[Cell], reasons: list[Reason]) -> Section:
    first, lost = cells[0], checks.invalid_cells(reasons)
    tables = [_cells(analysis, cells, lost)]
    compared = [c for c in valid_comparisons(analysis, lost) if (c.endpoint, c.level) == (first.endpoint, first.level)]
    if compared:
        tables.append(_ratios(analysis, compared, first))
    notes = [
        *_invalid_notes(cells, reasons),
        *_limit_notes(analysis, cells, lost),
        *_found_notes(analysis, cells),
        *_missing_notes(analysis, cells, lost),
    ]
    pushed = f"{figures.loop(analysis.run.scenario.load)}, {figures.level(analysis.mode, first.level)}"
    return Section(f"{first.endpoint} · {pushed}{_measured(analysis, cells)}", tables, notes)


def _measured(analysis: Analysis, cells: list[Cell]) -> str:
    """How long the arms' windows are, all blocks together."""
    lengths = [float(analysis.rows(cell).window_s.sum()) for cell in cells if len(analysis.rows(cell))]
    if not lengths:
        return ""
    return f" · windows of {figures.number(min(lengths))} to {figures.number(max(lengths))} s in all"


def _cells(analysis: Analysis, cells: list[Cell], lost: set[Cell]) -> Table:
    columns = ["", *(f"{metric.title} {metric.unit and f'[{metric.unit}]'}".strip() for metric in analysis.metrics)]
    rows = []
    for cell in cells:
        if cell in lost:
            rows.append([cell.arm, "INVALID", *[""] * (len(analysis.metrics) - 1)])
        else:
            rows.append([cell.arm, *(_figure(analysis, cell, metric) for metric in analysis.metrics)])
    return Table(columns, rows)


def _figure(analysis: Analysis, cell: Cell, metric: Metric) -> str:
    """A cell's figure; counts go without their interval."""
    found = analysis.estimate(cell, metric)
    if found is None:
        return figures.MISSING
    if metric in metrics.compared(analysis.metrics):
        return figures.estimate(found)
    return figures.count(found.value) if metric.whole else figures.number(found.value)


def _ratios(analysis: Analysis, compared: list[Compared], cell: Cell) -> Table:
    pairs = list(dict.fromkeys((c.arm, c.over) for c in compared))
    rows = []
    for arm, over in pairs:
        found = {c.metric: c for c in compared if (c.arm, c.over) == (arm, over)}
        rows.append([f"{arm} / {over}", *(_ratio_cell(analysis, found.get(metric)) for metric in _named(analysis))])
    floors = [analysis.floor(cell.endpoint, cell.level, metric) for metric in _named(analysis)]
    if any(floor is not None for floor in floors):
        rows.append(["A/A floor", *(figures.margin(floor) for floor in floors)])
    return Table(["ratio", *(metric.title for metric in _named(analysis))], rows)


def _named(analysis: Analysis) -> list[Metric]:
    """The ratios that fit beside each other."""
    return [metric for metric in metrics.compared(analysis.metrics) if metric.column not in ("p99_ms", "rss_mib")]


def _ratio_cell(analysis: Analysis, compared: Compared | None) -> str:
    if compared is None:
        return figures.MISSING
    found = verdict.of(compared, analysis)
    return f"{figures.ratio(compared.ratio)} {found}"


def _invalid_notes(cells: list[Cell], reasons: list[Reason]) -> list[str]:
    return [
        f"{'✗' if reason.invalid else '!'} {reason.cell.arm}: {'INVALID, ' if reason.invalid else ''}{reason.text}"
        for reason in reasons
        if reason.cell in cells
    ]


def _limit_notes(analysis: Analysis, cells: list[Cell], lost: set[Cell]) -> list[str]:
    told = [(cell, limits.limit(analysis, cell)) for cell in cells if cell not in lost]
    return [f"{cell.arm} {limit}" for cell, limit in told if limit]


def _found_notes(analysis: Analysis, cells: list[Cell]) -> list[str]:
    """In a search for capacity: what each block found, and how many of its confirming slices kept the promise."""
    notes, promise = [], analysis.run.scenario.load.objective
    for cell in cells:
        found = [one for one in analysis.found if (one["arm"], one["endpoint"]) == (cell.arm, cell.endpoint)]
        if not found:
            continue
        rates = ", ".join(
            f"{one['rate']:g}/s ({one['kept']} of {CONFIRMATIONS})" if one["rate"] else "none" for one in found
        )
        bounded = any(one["bounded"] for one in found)
        more = "; the load maker's limit ended the search: it may hold more" if bounded else ""
        notes.append(f"{cell.arm} keeps {promise} up to, block by block (confirming slices): {rates}{more}")
    return notes


def _missing_notes(analysis: Analysis, cells: list[Cell], lost: set[Cell]) -> list[str]:
    """Which percentiles are not shown, because there were too few samples."""
    notes = []
    for column, quantile in QUANTILES.items():
        short = []
        for cell in cells:
            count = len(analysis.latencies.get(cell, ()))
            if cell not in lost and count < SAMPLES_NEEDED[quantile]:
                short.append(f"{cell.arm} {figures.count(count)}")
        if short:
            needed = figures.count(SAMPLES_NEEDED[quantile])
            notes.append(
                f"! {column.removesuffix('_ms')} not shown where there are fewer than {needed} samples: {', '.join(short)}"
            )
    return notes


def _sentence(analysis: Analysis, arm: str, over: str, compared: Iterable[Compared]) -> str:
    told = analysis.metrics[0]
    groups: dict[str, list[str]] = {told.better: [], told.worse: [], "equivalent": [], "undecided": []}
    for c in compared:
        found = verdict.of(c, analysis)
        word = found.word
        factor = (
            f" ({figures.number(c.ratio.value)}×)" if word in (told.better, told.worse) else f" {found.note}".rstrip()
        )
        groups[word].append(f"{figures.cell(analysis.mode, c.endpoint, c.level)}{factor}")
    said = "; ".join(f"{word} on {', '.join(cells)}" for word, cells in groups.items() if cells)
    if not said:
        return f"{arm} against {over}: no valid cell to compare."
    rooms = [analysis.run.scenario.arm(name).room for name in (arm, over)]
    unequal = "" if rooms[0] == rooms[1] else f" Unequal caps: {rooms[0]} against {rooms[1]}."
    return f"{arm} against {over}, by {told.title}: {said}.{unequal}"


def _comparison_row(analysis: Analysis, c: Compared, valid: bool) -> dict[str, Any]:
    found = verdict.of(c, analysis)
    return {
        "arm": c.arm,
        "over": c.over,
        "endpoint": c.endpoint,
        "level": c.level,
        "metric": c.metric.column,
        "ratio": c.ratio.value,
        "low": c.ratio.low,
        "high": c.ratio.high,
        "blocks": c.ratio.n,
        "p_corrected": c.p,
        "floor": analysis.floor(c.endpoint, c.level, c.metric),
        "margin": max(analysis.run.scenario.margin, analysis.floor(c.endpoint, c.level, c.metric) or 0.0),
        "verdict": found.word if valid else "invalid",
    }


def _list(cores: Sequence[int]) -> str:
    return ", ".join(map(str, cores))
