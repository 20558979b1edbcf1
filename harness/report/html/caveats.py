"""Cautions beside the summary: INVALID and flagged cells, a large noise floor, unequal concurrency limits. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.report.html.facts import limit
from harness.report.html.line_charts import groups
from harness.verdicts.validity import Reason


@dataclass(frozen=True)
class Caution:
    """Nothing to say is an empty string."""

    cells: str
    noise_floor: str
    limits: str


def caution(analysis: Analysis, reasons: Sequence[Reason]) -> Caution | None:
    """The cautions of this run; None without any."""
    found = Caution(_cells(analysis, reasons), _noise_floor(analysis), _limits(analysis))
    return found if found.cells or found.noise_floor or found.limits else None


def _cells(analysis: Analysis, reasons: Sequence[Reason]) -> str:
    lost = {reason.cell for reason in reasons if reason.invalid}
    flagged = {reason.cell for reason in reasons} - lost
    total = f"of {len(analysis.cells)} {'cell' if len(analysis.cells) == 1 else 'cells'} "
    told = [(len(some), word) for some, word in ((lost, "INVALID"), (flagged, "flagged")) if some]
    return " and ".join(f"{count} {'' if place else total}{word}" for place, (count, word) in enumerate(told))


def _noise_floor(analysis: Analysis) -> str:
    """The largest noise floor (A/A) of the run's first metric, if it exceeds the equivalence margin."""
    metric = analysis.metrics[0]
    floors = [floor for key in groups(analysis) if (floor := analysis.noise_floor(*key, metric)) is not None]
    if max(floors, default=0.0) <= analysis.run.scenario.margin:
        return ""
    return f"noise floor (A/A) of {metric.title}: up to ×÷ {numbers.number(1 + max(floors))}"


def _limits(analysis: Analysis) -> str:
    """The arms that are compared with an arm of another concurrency limit."""
    scenario = analysis.run.scenario
    unequal = [
        name
        for pair in scenario.pairs
        if scenario.arm(pair.arm).concurrency_limit != scenario.arm(pair.over).concurrency_limit
        for name in (pair.arm, pair.over)
    ]
    limits = [f"{name}: {limit(scenario.arm(name))}" for name in dict.fromkeys(unequal)]
    return f"concurrency limits differ ({', '.join(limits)})" if limits else ""
