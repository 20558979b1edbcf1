"""What the judging of claims is told in: words, the cells that a condition is about, and where they are. Pure."""

from dataclasses import dataclass

from harness import figures
from harness.analysis import Analysis
from harness.claim import Condition
from harness.metrics import Metric
from harness.plan import Cell

SUPPORTED, REFUTED, UNDECIDED, INVALID = "supported", "refuted", "undecided", "invalid"


@dataclass(frozen=True)
class Judged:
    """One condition, or a whole claim."""

    word: str
    reason: str


def unsound(analysis: Analysis, condition: Condition, lost: dict[Cell, str]) -> str | None:
    """Why one of its cells cannot be used, if so."""
    for cell in cells_of(analysis, condition):
        name = f"{cell.arm} on {figures.pushed(analysis.mode, cell.endpoint, cell.level)}"
        if cell in lost:
            return f"{name} is INVALID: {lost[cell]}"
        if not len(analysis.rows(cell)):
            return f"{name} was not measured"
    return None


def cells_of(analysis: Analysis, condition: Condition) -> list[Cell]:
    level = condition.level_in(analysis.run.scenario)
    return [Cell(arm, endpoint, level) for arm, endpoint in condition.asked]


def where(analysis: Analysis, condition: Condition, metric: Metric) -> str:
    return f"{place(analysis, condition, metric)}, {' over '.join(condition.sides)}"


def place(analysis: Analysis, condition: Condition, metric: Metric) -> str:
    level = condition.level_in(analysis.run.scenario)
    return f"{metric.title} of {figures.pushed(analysis.mode, str(condition.endpoint), level)}"


def unit(metric: Metric) -> str:
    return f" {metric.unit}" if metric.unit else ""
