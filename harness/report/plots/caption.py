"""The text around a chart: its question, the conditions of the run, and what the chart leaves out. Pure.

A picture is shared without its report, so machine, versions, date, n and every omission are written on it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from harness.analysis.analysis import Analysis
from harness.analysis.frames import Run
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.endpoints import DATABASE
from harness.scenario.arm import Arm
from harness.storage.files import FINISHED
from harness.verdicts.validity import Reason

LONGEST_QUESTION: Final = 140  # characters; a longer one does not fit as a title

LONGEST_REASON: Final = 90

NAMED: Final = 3  # groups of cells with the same fault that are listed; the rest is counted


def question(analysis: Analysis, mode: str, otherwise: str) -> str:
    """The scenario's own question if this chart answers it in this load mode; otherwise the chart's."""
    asked = analysis.run.scenario.question
    return asked if analysis.mode == mode and len(asked) <= LONGEST_QUESTION else otherwise


def facts(analysis: Analysis, arms: Sequence[Arm]) -> str:
    """Date, machine, versions, load and n: the line below the question."""
    return " · ".join(", ".join(group) for group in groups(analysis, arms))


def groups(analysis: Analysis, arms: Sequence[Arm]) -> list[list[str]]:
    """The same as groups of facts: date, machine, versions, database, load, n, scenario."""
    run = analysis.run
    told = [[str(run.head.get("started", ""))[:10]], machine(run), versions(run, arms)]
    told += [[database(run)]] if DATABASE in run.scenario.needs else []
    told += [[run.scenario.load.in_words], [f"n = {blocks(analysis)}"], [f"scenario “{run.head['scenario']}”"]]
    return [group for group in told if group != [""]]


def machine(run: Run) -> list[str]:
    """Processor, cores and who had which, system."""
    known, cores = run.head["machine"], run.head["cores"]
    split = ""
    if cores["server"]:
        split = f" (server on {_cores(cores['server'])}, load generator on {_cores(cores['load'])})"
    release = str(known["system"]).split("-")[0]
    return [str(known["cpu"]), f"{numbers.count(known['cores'])} cores{split}", release]


def versions(run: Run, arms: Sequence[Arm]) -> list[str]:
    """Python, Django, and every server that is drawn."""
    packages: dict[str, Any] = run.head["machine"]["packages"]
    own = sorted({arm.django for arm in arms if arm.django})
    django = f"Django {packages['django']}" + (f" (some arms: {', '.join(own)})" if own else "")
    words = dict.fromkeys(word for arm in arms for word in arm.server.split("-"))
    servers = [f"{word} {packages[word]}" for word in words if packages.get(word)]
    return [f"Python {run.head['machine']['python']}", django, *servers]


def database(run: Run) -> str:
    """Its name and version, without its settings."""
    return str(run.head["database"]).partition(" (")[0].partition(";")[0]


def blocks(analysis: Analysis) -> str:
    """The sample size; for an incomplete run, of how many planned."""
    run = analysis.run
    told = "1 block" if analysis.blocks == 1 else f"{numbers.count(analysis.blocks)} blocks"
    if run.state == FINISHED:
        return told
    return f"{told} of {numbers.count(run.scenario.most_blocks)}: {run.state}"


def missing(
    analysis: Analysis, reasons: Iterable[Reason], cells: Sequence[Cell], invalid: str = "INVALID, drawn hollow"
) -> list[str]:
    """Which of these cells are INVALID and why, and which combinations the scenario leaves out."""
    lost = _invalid(analysis, reasons, cells)
    return [*(f"{invalid}: {told}" for told in lost), *_not_asked(analysis, cells)]


def _invalid(analysis: Analysis, reasons: Iterable[Reason], cells: Sequence[Cell]) -> Iterator[str]:
    first = {one.cell: one.text for one in reversed(list(reasons)) if one.invalid and one.cell in cells}
    same: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell in first:
            same.setdefault(_short(first[cell]), []).append(cell)
    told = [f"{_cells(analysis, some)} ({why})" for why, some in same.items()]
    if told:
        more = f"; and {numbers.count(len(told) - NAMED)} more, see the report" if len(told) > NAMED else ""
        yield f"{'; '.join(told[:NAMED])}{more}."


def _not_asked(analysis: Analysis, cells: Sequence[Cell]) -> Iterator[str]:
    drawn = {cell.endpoint for cell in cells}
    told = []
    for endpoint in analysis.run.scenario.endpoints:
        asked = {arm.name for arm in analysis.run.scenario.arms_of(endpoint)}
        left = [arm.name for arm in analysis.run.scenario.arms if arm.name not in asked and arm.control_of is None]
        if left and drawn & set(endpoint.labels):
            several = len(analysis.run.scenario.levels[endpoint.labels[0]]) > len(endpoint.levels)
            levels = ", ".join(numbers.level(analysis.mode, level) for level in endpoint.levels)
            told.append(f"{endpoint.label}{f' @ {levels}' if several else ''} on {_names(left)}")
    if told:
        more = f"; {numbers.count(len(told) - NAMED)} more" if len(told) > NAMED else ""
        yield f"Not part of this scenario: {'; '.join(told[:NAMED])}{more}."


def _cells(analysis: Analysis, cells: Sequence[Cell]) -> str:
    return _names([f"{cell.arm} on {numbers.cell(analysis.mode, cell.endpoint, cell.level)}" for cell in cells])


def _names(names: Sequence[str]) -> str:
    more = f" and {numbers.count(len(names) - NAMED)} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _short(reason: str) -> str:
    """A reason without its advice."""
    return shortened(reason.split(";")[0])


def shortened(told: str) -> str:
    """A line's worth of it."""
    if len(told) <= LONGEST_REASON:
        return told
    return told[:LONGEST_REASON].rpartition(" ")[0] + " …"


def _cores(cores: Sequence[int]) -> str:
    word = "core" if len(cores) == 1 else "cores"
    return f"{word} {', '.join(map(str, cores))}"
