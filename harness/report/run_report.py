"""The report: terminal text, report.md, cells.csv and comparisons.csv. Pure but for `write`."""

from collections.abc import Sequence
from pathlib import Path

from harness.analysis.analysis import Analysis
from harness.formatting import tables
from harness.formatting.tables import Table
from harness.report import mechanism_text, sections, summary
from harness.report.conclusion import SIGNS, conclusion, figures_of, told
from harness.report.csv_tables import cells_with_reasons, claims_table, comparisons_table
from harness.report.setting import head
from harness.verdicts import claim_verdicts, data_quality, mechanism, validity
from harness.verdicts.validity import Reason


def text(analysis: Analysis) -> str:
    """The report for a terminal."""
    reasons = validity.check(analysis)
    question, *facts = head(analysis)
    lines = [question, "", *_claims(analysis, reasons), *facts, ""]
    for section in sections.sections(analysis, reasons):
        lines += [section.title, ""]
        for table in section.tables:
            lines += [*tables.as_text(table), ""]
        lines += [*section.notes, ""] if section.notes else []
        lines += [*mechanism_text.as_text(section.why), ""] if section.why else []
    return "\n".join([*lines, *conclusion(analysis, reasons)]) + "\n"


def brief(analysis: Analysis, reasons: list[Reason], width: int = summary.WIDTH) -> str:
    """For the end of a run, in so many columns: the question, its claims, what went otherwise than planned, and the summary."""
    question, *facts = head(analysis)
    told = [question, "", *_claims(analysis, reasons), *(fact for fact in facts if fact.startswith("!")), ""]
    lines = [line for one in told for line in summary.wrapped(one, width)]
    return "\n".join([*lines, *summary.lines(analysis, reasons, width)]) + "\n"


def markdown(analysis: Analysis, pictures: Sequence[str] = ()) -> str:
    """The report as Markdown, with its pictures."""
    reasons = validity.check(analysis)
    question, *facts = head(analysis)
    found = [f"- {sentence}" for sentence in conclusion(analysis, reasons)]
    lines = [
        f"# {tables.unmarked(question)}",
        "",
        f"- {data_quality.of(analysis, reasons).line}",
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
        lines += [*mechanism_text.as_markdown(section.why), ""] if section.why else []
    return "\n".join([*lines, *commands(analysis)]) + "\n"


def write(analysis: Analysis, folder: Path, pictures: Sequence[str]) -> None:
    """report.md, claims.csv, cells.csv, comparisons.csv and, after an instrumented run, mechanism.csv into the folder."""
    reasons = validity.check(analysis)
    cells_with_reasons(analysis, reasons).to_csv(folder / "cells.csv", index=False)
    claims_table(analysis, reasons).to_csv(folder / "claims.csv", index=False)
    comparisons_table(analysis, reasons).to_csv(folder / "comparisons.csv", index=False)
    explained = mechanism.read(analysis.run.path)
    if explained is not None:
        mechanism.table(explained).to_csv(folder / "mechanism.csv", index=False)
    (folder / "report.md").write_text(markdown(analysis, pictures), encoding="utf-8")


def commands(analysis: Analysis) -> list[str]:
    """The exact command of every arm, as measured in the first block."""
    block = next(analysis.run.blocks())
    project = analysis.run.head.get("project")
    where = "Run in `bench_project/`; ports are picked at run time."
    if project:
        where = "Run in the project's folder, by its Python, with the variables that djbench sets; ports are picked at run time."
    lines = ["## Exact commands", "", where, "", "```"]
    lines += [f"# {arm}\n{command}" for arm, command in block.notes["commands"].items()]
    return [*lines, "```"]


def _claims(analysis: Analysis, reasons: list[Reason]) -> list[str]:
    """Every claim with its verdict, and below it each condition with its own where there are several."""
    lines = []
    for one in claim_verdicts.claims(analysis, reasons):
        lines.append(f"{SIGNS[one.word]} {one.word.upper()}  {one.claim.text}")
        lines += [f"    published: {one.claim.published}"] if one.claim.published else []
        several = len(one.conditions) > 1
        lines += [f"    {f'{part.word}: ' if several else ''}{part.reason}" for part in one.conditions]
    return [*lines, ""] if lines else []


def _claims_markdown(analysis: Analysis, reasons: list[Reason]) -> list[str]:
    verdicts = claim_verdicts.claims(analysis, reasons)
    if not verdicts:
        return []
    rows = [
        [told(one.claim), f"**{one.word}**", "; ".join(figures_of(one.conditions, part) for part in one.conditions)]
        for one in verdicts
    ]
    return [*tables.as_markdown(Table(["claim", "verdict", "measured"], rows)), ""]
