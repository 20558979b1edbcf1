"""cells.csv, comparisons.csv, claims.csv: every figure of a report as a row, for other tools."""

from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.plan.slices import Cell
from harness.report import sections
from harness.report.conclusion import figures_of
from harness.verdicts import claim_verdicts, validity, verdict
from harness.verdicts.validity import Reason


def cells_table(analysis: Analysis) -> pd.DataFrame:
    """One row per measured cell with every metric, its interval and its counts: what cells.csv holds."""
    return pd.DataFrame([_cell_summary(analysis, cell) for cell in analysis.cells if len(analysis.rows(cell))])


def _cell_summary(analysis: Analysis, cell: Cell) -> dict[str, Any]:
    rows = analysis.rows(cell)
    summary: dict[str, Any] = {"arm": cell.arm, "endpoint": cell.endpoint, "level": cell.level, "blocks": len(rows)}
    for metric in analysis.metrics:
        estimate = analysis.estimate(cell, metric)
        summary[metric.column] = estimate.value if estimate else None
        summary[f"{metric.column}_low"] = estimate.low if estimate else None
        summary[f"{metric.column}_high"] = estimate.high if estimate else None
    for count in ("requests", "dropped", "ok", "failures", "samples"):
        summary[count] = int(rows.sum(count))
    return summary


def comparisons_table(analysis: Analysis, reasons: list[Reason]) -> pd.DataFrame:
    """One row per comparison, its verdict and its A/A noise floor: what comparisons.csv holds."""
    lost = validity.invalid_cells(reasons)
    valid = set(map(id, sections.valid_comparisons(analysis, lost)))
    return pd.DataFrame([_comparison_row(analysis, c, id(c) in valid) for c in analysis.compared])


def cells_with_reasons(analysis: Analysis, reasons: list[Reason]) -> pd.DataFrame:
    """One row per measured cell, and why it is INVALID if it is: what cells.csv holds."""
    cells = cells_table(analysis)
    told = {reason.cell: reason for reason in reversed(reasons) if reason.invalid}
    if len(cells):
        keys = [Cell(row.arm, row.endpoint, row.level) for row in cells.itertuples()]
        cells["invalid_because"] = [told[key].text if key in told else None for key in keys]
    return cells


def claims_table(analysis: Analysis, reasons: list[Reason]) -> pd.DataFrame:
    """One row per claim: what claims.csv holds."""
    rows = [
        {
            "claim": one.claim.text,
            "published": one.claim.published,
            "verdict": one.word,
            "reason": "; ".join(figures_of(one.conditions, part) for part in one.conditions),
        }
        for one in claim_verdicts.claims(analysis, reasons)
    ]
    return pd.DataFrame(rows, columns=["claim", "published", "verdict", "reason"])


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
        "duets": c.duets.told.duets if c.duets is not None and c.by_duets else 0,
        "p_corrected": c.p,
        "noise_floor": analysis.noise_floor(c.endpoint, c.level, c.metric),
        "margin": analysis.run.scenario.margin,
        "verdict": found.word if valid else "invalid",
    }
