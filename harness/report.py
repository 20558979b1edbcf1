"""Figures in, words and tables out: terminal text, report.md, cells.csv and comparisons.csv. Pure but for `write`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from harness import checks, figures, judge, judged, mechanism, plan, precision, sections, tables, verdict, why
from harness.analysis import Analysis, cells_table
from harness.blocks import Rule
from harness.checks import Reason
from harness.claim import Claim
from harness.comparison import Compared
from harness.judged import Judged
from harness.modes import CAPACITY
from harness.plan import Cell
from harness.scenario import Comparison
from harness.store import FINISHED
from harness.tables import Table

SIGNS: Final = {judged.SUPPORTED: "✔", judged.REFUTED: "✘", judged.UNDECIDED: "~", judged.INVALID: "!"}


def text(analysis: Analysis) -> str:
    """The report for a terminal."""
    reasons = checks.check(analysis)
    question, *facts = _head(analysis)
    lines = [question, "", *_claims(analysis, reasons), *facts, ""]
    for section in sections.sections(analysis, reasons):
        lines += [section.title, ""]
        for table in section.tables:
            lines += [*tables.as_text(table), ""]
        lines += [*section.notes, ""] if section.notes else []
        lines += [*why.as_text(section.why), ""] if section.why else []
    return "\n".join([*lines, *conclusion(analysis, reasons)]) + "\n"


def markdown(analysis: Analysis, pictures: Sequence[str] = ()) -> str:
    """The report as Markdown, with its pictures."""
    reasons = checks.check(analysis)
    question, *facts = _head(analysis)
    found = [f"- {sentence}" for sentence in conclusion(analysis, reasons)]
    lines = [
        f"# {tables.unmarked(question)}",
        "",
        *_claims_markdown(analysis, reasons),
        *found,
        "",
        *(f"- {fact}" for fact in facts),
        "",
    ]
    lines += [line for name in pictures for line in (f"![{name.partition('.')[0].replace('_', ' ')}]({name})", "")]
    for section in sections.sections(analysis, reasons):
        lines += [f"## {section.title}", ""]
        for table in section.tables:
            lines += [*tables.as_markdown(table), ""]
        lines += [f"- {note}" for note in section.notes] + [""]
        lines += [*why.as_markdown(section.why), ""] if section.why else []
    return "\n".join([*lines, *commands(analysis)]) + "\n"


def conclusion(analysis: Analysis, reasons: list[Reason]) -> list[str]:
    """What was found, in sentences: one per compared pair of arms, then what cannot be believed."""
    lost = checks.invalid_cells(reasons)
    lines = []
    for pair in analysis.run.scenario.pairs:
        found = [c for c in sections.valid_comparisons(analysis, lost) if (c.arm, c.over) == (pair.arm, pair.over)]
        lines.append(_sentence(analysis, pair.arm, pair.over, [c for c in found if c.metric is analysis.metrics[0]]))
    if lost:
        arms = ", ".join(sorted({cell.arm for cell in lost}))
        lines.append(f"{len(lost)} of {len(analysis.cells)} cells are INVALID and take no part in this ({arms}).")
    return lines


def lost_comparisons(analysis: Analysis, lost: set[Cell]) -> list[Comparison]:
    """The comparisons that the scenario asked for and that an INVALID cell on either side took away."""
    levels = dict.fromkeys((cell.endpoint, cell.level) for cell in analysis.cells)
    lost = lost - judge.expected_to_fail(analysis)
    return [
        pair
        for pair in analysis.run.scenario.pairs
        for endpoint, level in levels
        if {Cell(pair.arm, endpoint, level), Cell(pair.over, endpoint, level)} & lost
    ]


def comparisons_table(analysis: Analysis, reasons: list[Reason]) -> pd.DataFrame:
    """One row per comparison, its verdict and its A/A floor: what comparisons.csv holds."""
    lost = checks.invalid_cells(reasons)
    valid = set(map(id, sections.valid_comparisons(analysis, lost)))
    return pd.DataFrame([_comparison_row(analysis, c, id(c) in valid) for c in analysis.compared])


def write(analysis: Analysis, folder: Path, pictures: Sequence[str]) -> None:
    """report.md, claims.csv, cells.csv, comparisons.csv and, where there is a probed pass, mechanism.csv into the folder."""
    reasons = checks.check(analysis)
    cells_with_reasons(analysis, reasons).to_csv(folder / "cells.csv", index=False)
    claims_table(analysis, reasons).to_csv(folder / "claims.csv", index=False)
    comparisons_table(analysis, reasons).to_csv(folder / "comparisons.csv", index=False)
    explained = mechanism.read(analysis.run.path)
    if explained is not None:
        mechanism.table(explained).to_csv(folder / "mechanism.csv", index=False)
    (folder / "report.md").write_text(markdown(analysis, pictures), encoding="utf-8")


def cells_with_reasons(analysis: Analysis, reasons: list[Reason]) -> pd.DataFrame:
    """One row per measured cell, and why it is INVALID if it is: what cells.csv holds."""
    cells = cells_table(analysis)
    told = {reason.cell: reason for reason in reversed(reasons) if reason.invalid}
    if len(cells):
        keys = [Cell(row.arm, row.endpoint, row.level) for row in cells.itertuples()]
        cells["invalid_because"] = [told[key].text if key in told else None for key in keys]
    return cells


def commands(analysis: Analysis) -> list[str]:
    """The exact command of every arm, as measured in the first block."""
    block = next(analysis.run.blocks())
    lines = ["## Exact commands", "", "Typed in `bench_project/`; ports were chosen free.", "", "```"]
    lines += [f"# {arm}\n{command}" for arm, command in block.notes["commands"].items()]
    return [*lines, "```"]


def claims_table(analysis: Analysis, reasons: list[Reason]) -> pd.DataFrame:
    """One row per claim: what claims.csv holds."""
    rows = [
        {
            "claim": one.claim.text,
            "published": one.claim.published,
            "verdict": one.word,
            "reason": "; ".join(numbers(one.conditions, part) for part in one.conditions),
        }
        for one in judge.claims(analysis, reasons)
    ]
    return pd.DataFrame(rows, columns=["claim", "published", "verdict", "reason"])


def _claims(analysis: Analysis, reasons: list[Reason]) -> list[str]:
    """Every claim with its verdict, and below it each condition with its own where there are several."""
    lines = []
    for one in judge.claims(analysis, reasons):
        lines.append(f"{SIGNS[one.word]} {one.word.upper()}  {one.claim.text}")
        lines += [f"    published: {one.claim.published}"] if one.claim.published else []
        several = len(one.conditions) > 1
        lines += [f"    {f'{part.word}: ' if several else ''}{part.reason}" for part in one.conditions]
    return [*lines, ""] if lines else []


def _claims_markdown(analysis: Analysis, reasons: list[Reason]) -> list[str]:
    verdicts = judge.claims(analysis, reasons)
    if not verdicts:
        return []
    rows = [
        [told(one.claim), f"**{one.word}**", "; ".join(numbers(one.conditions, part) for part in one.conditions)]
        for one in verdicts
    ]
    return [*tables.as_markdown(Table(["claim", "verdict", "why"], rows)), ""]


def told(claim: Claim) -> str:
    """What is claimed, and what others have published of it."""
    return f"{claim.text} (published: {claim.published})" if claim.published else claim.text


def numbers(all_of_them: Sequence[Judged], part: Judged) -> str:
    """A condition's reason, with its own word where a claim has several."""
    return f"{part.word}: {part.reason}" if len(all_of_them) > 1 else part.reason


def _head(analysis: Analysis) -> list[str]:
    head, scenario = analysis.run.head, analysis.run.scenario
    cores = head["cores"]
    split = (
        f"server on core {_list(cores['server'])}, load and services on core {_list(cores['load'])}"
        if cores["server"]
        else cores["note"]
    )
    state = analysis.run.state
    lines = [
        scenario.question,
        f"{_machine(analysis)}; {split}",
        _versions(analysis),
        f"{figures.loop(scenario.load)}; {figures.blocks(analysis.blocks)}",
        _method(analysis),
    ]
    lines += [f"{arm.name}: {arm.summary}" for arm in scenario.arms]
    lines += [*_calibration(analysis), *edited(analysis)]
    if state != FINISHED or not scenario.fewest_blocks <= analysis.blocks <= scenario.most_blocks:
        lines.append(f"! {state} after {analysis.blocks} of {scenario.blocks} blocks: a smaller run")
    elif scenario.rule is not None:
        lines.append(precision.outcome(analysis, scenario.rule))
    explained = mechanism.read(analysis.run.path)
    lines += why.cost(explained) if explained else []
    return [*lines, *_extensions(head["plan"].get("extended", []))]


def setting(analysis: Analysis) -> str:
    """On what it was measured, on one line."""
    cut = "" if analysis.run.state == FINISHED else f", {analysis.run.state}: a smaller run"
    return f"{_machine(analysis)}; {_versions(analysis)}; {figures.blocks(analysis.blocks)}{cut}"


def _machine(analysis: Analysis) -> str:
    machine = analysis.run.head["machine"]
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"


def _versions(analysis: Analysis) -> str:
    head = analysis.run.head
    machine = head["machine"]
    return f"Python {machine['python']}, Django {machine['packages']['django']}; database {head['database']}"


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
    percentiles = "percentiles of all samples together, intervals of p95 and p99 by a jackknife over blocks"
    return f"medians over blocks with order-statistic 95 % intervals (6 blocks or more); {percentiles}; {ratios}"


def edited(analysis: Analysis) -> list[str]:
    """Whether the scenario is still the one that was stored with the plan's hash before the first block."""
    stored = analysis.run.head["plan"].get("hash")
    if stored in (None, plan.digest(analysis.run.scenario, plan.expand(analysis.run.scenario))):
        return []
    return [
        "! scenario.toml is not what was measured (plan hash): it was edited after the run, claims too perhaps, or by another"
        " version of bench"
    ]


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
