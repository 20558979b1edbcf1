"""A run folder in; report, tables and charts out, text to the terminal, and the exit code."""

import shutil
from pathlib import Path
from typing import Final

from harness.analysis.analysis import Analysis
from harness.errors import EXIT_FAILED, EXIT_INVALID, UserError
from harness.formatting import numbers
from harness.report import conclusion, effects_catalogue, mechanism_text, next_steps, run_report, sections, summary
from harness.report.html import page
from harness.report.plots import charts
from harness.scenario import claims
from harness.verdicts import claim_verdicts, mechanism, regression_gate, validity
from harness.verdicts.claim_conditions import SUPPORTED
from harness.verdicts.regression_gate import Gate
from harness.verdicts.validity import Reason, read

NARROWEST: Final = 60
"""Columns: in a terminal with fewer, lines are broken by it."""

GATE_SIGNS: Final = {Gate.PASSED: "✓", Gate.FAILED: "✗", Gate.OPEN: "?"}


def publish(path: Path, gated: bool = False, verbose: bool = False) -> int:
    """Report and pictures into RUN/report/, a summary (or every table) to the terminal; the exit code.

    With a gate: EXIT_FAILED unless every claim is supported. EXIT_INVALID if a requested comparison is invalid.
    """
    analysed, reasons = read(path)
    if gated:
        claims.refuse_none(analysed.run.scenario.claims, str(path))
    target = path / "report"
    pictures = write(analysed, reasons, target)
    width = min(summary.WIDTH, max(NARROWEST, shutil.get_terminal_size((summary.WIDTH, 0)).columns))
    print(run_report.text(analysed) if verbose else run_report.brief(analysed, reasons, width))
    print(f"open: {target / page.NAME}")
    print(f"report: {target / 'report.md'}, {len(pictures)} charts and the tables as CSV in the same folder")
    print("\n".join(next_steps.lines(analysed, reasons, mechanism.read(path) is not None)))
    if gated and any(one.word != SUPPORTED for one in claim_verdicts.claims(analysed, reasons)):
        return EXIT_FAILED
    return EXIT_INVALID if conclusion.lost_comparisons(analysed, validity.invalid_cells(reasons)) else 0


def write(analysed: Analysis, reasons: list[Reason], target: Path) -> list[str]:
    """Page, report, tables and pictures into this folder; the pictures' names."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        pictures = charts.save_all(analysed, target, "png")
        run_report.write(analysed, target, pictures)
        page.write(analysed, reasons, target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error}") from None
    return pictures


def publish_collection(path: Path) -> int:
    """One page over all runs of a folder."""
    effects = []
    for name, run, wrong in effects_catalogue.newest(path):
        print(f"… {name}", flush=True)
        effects.append(
            effects_catalogue.Effect(name, run.name, "", missing=str(wrong))
            if wrong
            else effects_catalogue.read(name, run)
        )
    for effect in effects:
        print(f"\n{effect.question or effect.scenario}")
        print(f"  ! {effect.missing}" if effect.missing else "\n".join(_claims(effect)))
    print(f"\n{effects_catalogue.tally(effects)}\npage: {effects_catalogue.write(effects, path)}")
    return 0


def _claims(effect: effects_catalogue.Effect) -> list[str]:
    return [f"  {conclusion.SIGNS[one.word]} {one.word}: {one.claim.text}" for one in effect.verdicts]


def publish_why(path: Path) -> None:
    """The mechanism of each cell and the overhead of the probe; every figure into report/mechanism.csv."""
    found = mechanism.read(path)
    if found is None:
        raise UserError(f"{path}: no finished block in this instrumented run")
    mode = found.run.scenario.load.mode
    for cell in [*found.cells, *found.unexplained]:
        cpu_ms = found.cells[cell].cpu_ms if cell in found.cells else None
        title = f"{numbers.pushed(mode, cell.endpoint, cell.level)}, {cell.arm}"
        print("\n".join([title, *(f"    {line}" for line in mechanism_text.lines(found, cell, cpu_ms)), ""]))
    print("\n".join(mechanism_text.cost(found)))
    (path / "report").mkdir(exist_ok=True)
    mechanism.table(found).to_csv(path / "report" / "mechanism.csv", index=False)
    print(f"full table: {path / 'report' / 'mechanism.csv'}")


def publish_change(path: Path, limit: float | None) -> int:
    """The report of a change, and whether it regressed beyond the limit; the exit code."""
    lost = publish(path)
    if limit is None:
        return lost
    analysed, reasons = read(path)
    compared = sections.valid_comparisons(analysed, validity.invalid_cells(reasons))
    judged = regression_gate.of_change(analysed, compared, limit, bool(lost))
    still_open = judged.reaching if judged.gate is Gate.OPEN else []
    for sign, some in (("✗", judged.regressed), ("?", still_open)):
        for one in some:
            where = numbers.pushed(analysed.mode, one.endpoint, one.level)
            print(f"{sign} {one.metric.title} on {where}, {one.arm} / {one.over}: {numbers.ratio(one.ratio)}")
    said = f"{len(judged.regressed)} of {len(compared)} comparisons regressed by more than {numbers.percent(limit)}"
    if lost:
        said += "; not all could be judged: see what is INVALID above"
    if still_open:
        minutes = regression_gate.minutes_until_told(analysed, still_open, limit)
        more = "not resolvable here" if minutes is None else f"≈ {minutes} min more would tell"
        said += f", {len(still_open)} may have; {more}"
    print(f"{GATE_SIGNS[judged.gate]} regression gate: {judged.gate.value}: {said}")
    return judged.gate.exit_code
