"""Cautions beside the summary: INVALID and flagged cells, A/A pairs that differ, unequal concurrency limits. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.analysis import Analysis
from harness.formatting import numbers
from harness.report.html.facts import limit
from harness.verdicts.validity import Reason


@dataclass(frozen=True)
class Caution:
    """Nothing to say is an empty string."""

    cells: str
    uneven: str
    limits: str


def caution(analysis: Analysis, reasons: Sequence[Reason]) -> Caution | None:
    """The cautions of this run; None without any."""
    found = Caution(_cells(analysis, reasons), _uneven(analysis), _limits(analysis))
    return found if found.cells or found.uneven or found.limits else None


def _cells(analysis: Analysis, reasons: Sequence[Reason]) -> str:
    lost = {reason.cell for reason in reasons if reason.invalid}
    flagged = {reason.cell for reason in reasons} - lost
    total = f"of {len(analysis.cells)} {'cell' if len(analysis.cells) == 1 else 'cells'} "
    told = [(len(some), word) for some, word in ((lost, "INVALID"), (flagged, "flagged")) if some]
    return " and ".join(f"{count} {'' if place else total}{word}" for place, (count, word) in enumerate(told))


def _uneven(analysis: Analysis) -> str:
    """The A/A pairs that differ significantly."""
    told = [
        f"{numbers.pushed(analysis.mode, one.endpoint, one.level)} {numbers.ratio(one.ratio)}"
        for one in analysis.uneven
    ]
    return f"A/A pair differs in {analysis.metrics[0].title}: {'; '.join(told)}" if told else ""


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
