"""What a reader of the answer has to know of the run: disturbed cells, how far equal arms differed, unequal caps. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.report.html.line_charts import groups
from harness.verdicts.validity import Reason


@dataclass(frozen=True)
class Caution:
    """Nothing to say is an empty string."""

    cells: str
    floor: str
    caps: str


def caution(analysis: Analysis, reasons: Sequence[Reason]) -> Caution | None:
    """What stands beside the answer; None if there is nothing to say."""
    found = Caution(_cells(analysis, reasons), _floor(analysis), _caps(analysis))
    return found if found.cells or found.floor or found.caps else None


def _cells(analysis: Analysis, reasons: Sequence[Reason]) -> str:
    lost = {reason.cell for reason in reasons if reason.invalid}
    flagged = {reason.cell for reason in reasons} - lost
    told = [f"{len(some)} {word}" for some, word in ((lost, "INVALID"), (flagged, "flagged")) if some]
    total = len(analysis.cells)
    return f"of {total} {'cell' if total == 1 else 'cells'}, {' and '.join(told)}" if told else ""


def _floor(analysis: Analysis) -> str:
    """The largest A/A floor of what comparisons are about, where it is more than what counts as equal anyway."""
    metric = analysis.metrics[0]
    floors = [floor for key in groups(analysis) if (floor := analysis.noise_floor(*key, metric)) is not None]
    if max(floors, default=0.0) <= analysis.run.scenario.margin:
        return ""
    return f"two equal arms differed in {metric.title} by up to {numbers.margin(max(floors))} in this run"


def _caps(analysis: Analysis) -> str:
    """The arms that are compared with one that has room for more or fewer requests."""
    scenario = analysis.run.scenario
    unequal = [
        name
        for pair in scenario.pairs
        if scenario.arm(pair.arm).room != scenario.arm(pair.over).room
        for name in (pair.arm, pair.over)
    ]
    rooms = [f"{name}: {scenario.arm(name).room}" for name in dict.fromkeys(unequal)]
    return f"Unequal caps: {'; '.join(rooms)}" if rooms else ""
