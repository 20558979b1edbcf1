"""The last lines of a run: who is ahead, by how much, how sure that is, and why, in at most 100 columns. Pure."""

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.formatting.tables import as_lines, clipped
from harness.plan.slices import Cell
from harness.report import causes, sections
from harness.report.causes import Grounds
from harness.scenario.arm import Arm
from harness.scenario.model import Scenario
from harness.statistics.decision import Outcome
from harness.statistics.moderated import FEWEST_BLOCKS
from harness.verdicts import bottleneck, data_quality, validity, verdict
from harness.verdicts.validity import Reason

WIDTH: Final = 100

QUERY: Final = re.compile(r" \w+=")
"""Where a label's query begins."""

P_PLACE: Final = 4
"""The column of p, which is left out where a terminal is narrow: the words say what it decides."""

OTHER: Final = "other: "
"""Before a bottleneck that is the other arm's; left out there as well, because it is always the slower one's."""

MOST_LOST: Final = 4
"""INVALID cells that are told one by one."""

SHORT: Final = {
    bottleneck.CONCURRENCY_LIMIT: "threads busy",
    bottleneck.OFFERED_LOAD: "users are the limit",
    bottleneck.SERVICES: "services busy",
    bottleneck.CPU: "CPU-bound",
}


def lines(analysis: Analysis, reasons: Sequence[Reason], width: int = WIDTH) -> list[str]:
    """The summary, nothing wider than `width`: per arm its comparisons, then what differs in each pair; then the quality."""
    lost = validity.invalid_cells(list(reasons))
    valid = sections.valid_comparisons(analysis, lost)
    grounds = causes.grounds(analysis, valid, {})
    found = [one for one in valid if one.metric is analysis.metrics[0]]
    told: list[str] = []
    for arm in dict.fromkeys(one.arm for one in found):
        own = [one for one in found if one.arm == arm]
        pairs = [part for line in _pairs(analysis, arm, own) for part in wrapped(line, width)]
        told += [*_block(analysis, arm, own, grounds, width), "", *pairs, ""]
    if not found:
        told += [*_cells(analysis, lost), ""]
    told += [part for line in _lost(analysis, reasons) for part in wrapped(line, width)]
    told += _at_dots(data_quality.of(analysis, reasons).line, width)
    return [clipped(line, width) for line in told]


def wrapped(line: str, width: int) -> list[str]:
    """On as many lines as it takes, further ones further in; an empty one is a line too."""
    return textwrap.wrap(line, width, subsequent_indent="    ", break_on_hyphens=False) or [""]


def _lost(analysis: Analysis, reasons: Sequence[Reason]) -> Iterator[str]:
    """The first cells that are INVALID and left out, each with its first reason."""
    first = {reason.cell: reason.text for reason in reversed(reasons) if reason.invalid}
    for cell, text in list(first.items())[-MOST_LOST:][::-1]:
        yield f"✗ {cell.arm} on {numbers.cell(analysis.mode, cell.endpoint, cell.level)}: INVALID, {text}"
    if len(first) > MOST_LOST:
        yield f"✗ and {len(first) - MOST_LOST} more cells are INVALID: see the report, or add -v"


def _cells(analysis: Analysis, lost: Collection[Cell]) -> Iterator[str]:
    """Where nothing is compared: every cell's own figure."""
    metric = analysis.metrics[0]
    yield f"{metric.title} [{metric.unit}], n = {numbers.blocks(analysis.blocks)}"
    short = _short([cell.endpoint for cell in analysis.cells])
    yield from _indented(
        [
            (
                numbers.cell(analysis.mode, short[cell.endpoint], cell.level),
                cell.arm,
                numbers.estimate(analysis.estimate(cell, metric)),
            )
            for cell in analysis.cells
            if cell not in lost
        ]
    )


def _indented(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from (f"  {line}" for line in as_lines(rows))


def _block(analysis: Analysis, arm: str, own: Sequence[Compared], grounds: Grounds, width: int) -> Iterator[str]:
    """`async · uvicorn vs …` and its comparisons, cell by cell."""
    metric, level = own[0].metric, numbers.percent(1 - own[0].doubt)
    heading = (
        f"{arm} vs …   {metric.title}, {level} CI, n = {numbers.blocks(analysis.blocks)}; ~ = no significant difference"
    )
    yield from wrapped(heading, width)
    short = _short([cell.endpoint for cell in analysis.cells])
    rows = [
        (
            numbers.cell(analysis.mode, short[one.endpoint], one.level),
            one.over,
            *_sized(analysis, one),
            _why(analysis, one, grounds),
        )
        for one in sorted(own, key=lambda one: analysis.cells.index(Cell(one.arm, one.endpoint, one.level)))
    ]
    told = list(_indented(rows))
    if max(map(len, told)) > width:
        told = list(_indented([(*row[:P_PLACE], row[-1].removeprefix(OTHER)) for row in rows]))
    yield from told


def _short(labels: Iterable[str]) -> dict[str, str]:
    """Each endpoint without its query, where that tells it from all others."""
    names = {label: label if ":" in label else QUERY.split(label)[0] for label in labels}
    return {label: name if list(names.values()).count(name) == 1 else label for label, name in names.items()}


def _sized(analysis: Analysis, one: Compared) -> tuple[str, str, str]:
    """(`5.3× lower`, `[4.7, 5.9]`, `p < 0.001`): the larger over the smaller where a difference is sure."""
    said = verdict.outcome(one, analysis)
    ratio = one.ratio.inverse if said is Outcome.LOWER else one.ratio
    size = f"{numbers.number(ratio.value)}×"
    words = {
        Outcome.LOWER: f"{size} lower",
        Outcome.HIGHER: f"{size} higher",
        Outcome.EQUIVALENT: f"= {size}",
        Outcome.OPEN: f"~ {size}",
    }
    return words[said], numbers.interval(ratio), numbers.probability(one.p) if one.model is not None else ""


def _why(analysis: Analysis, one: Compared, grounds: Grounds) -> str:
    """What decides it, or what would: the bottleneck of the arm that is behind, with the CPU it takes per request."""
    said = verdict.outcome(one, analysis)
    if said is Outcome.OPEN:
        return _would_tell(analysis, one)
    if said is Outcome.EQUIVALENT:
        return f"within {numbers.margin(analysis.run.scenario.margin)}"
    better = (said is Outcome.HIGHER) == one.metric.higher_is_better
    because = grounds.of(one, "better" if better else "worse")
    cost = f"{numbers.number(because.dearer)}× CPU/req" if because.dearer else ""
    named = SHORT.get(because.kind or "", "")
    cause = cost or named if because.kind == bottleneck.CPU else named or cost
    return f"{OTHER}{cause}" if better and cause else cause


def _would_tell(analysis: Analysis, one: Compared) -> str:
    """How much more time would decide it."""
    if one.model is None:
        few = analysis.blocks < FEWEST_BLOCKS
        return verdict.unavailable(one, analysis) if few else f"known in {numbers.blocks(one.ratio.n)} only"
    needed = verdict.needed(one, analysis)
    minutes = verdict.minutes(None if needed is None else needed - analysis.blocks, verdict.block_s(analysis))
    return "not resolvable here" if minutes is None else f"≈ {minutes} min more"


def _pairs(analysis: Analysis, arm: str, own: Sequence[Compared]) -> Iterator[str]:
    """Per pair what differs between its arms, how many cells are decided which way, and how far they spread."""
    for over in dict.fromkeys(one.over for one in own):
        cells = [one for one in own if one.over == over]
        said = [verdict.outcome(one, analysis) for one in cells]
        words = {Outcome.HIGHER: "higher", Outcome.LOWER: "lower", Outcome.EQUIVALENT: "equivalent", Outcome.OPEN: "~"}
        counts = " · ".join(f"{said.count(kind)} {word}" for kind, word in words.items() if said.count(kind))
        ends = sorted(one.ratio.value for one in cells)
        spread = (
            f"{numbers.number(ends[0])}× to {numbers.number(ends[-1])}×"
            if len(ends) > 1
            else f"{numbers.number(ends[0])}×"
        )
        scenario = analysis.run.scenario
        yield f"  vs {over}: {counts} ({spread}); {_differs(scenario, arm, over)}"


def _differs(scenario: Scenario, name: str, other: str) -> str:
    """`only the view differs`, or what else does."""
    arm, over = scenario.arm(name), scenario.arm(other)
    keys = [key for key in Arm.model_fields if key not in ("name", "control_of")]
    found = [key for key in keys if getattr(arm, key) != getattr(over, key)]
    if scenario.base is not None and scenario.base.python is not None:
        found.append("packages")
    *names, last = found or ["nothing"]
    return f"{', '.join(names)} and {last} differ" if names else f"only the {last} differs"


def _at_dots(line: str, width: int) -> list[str]:
    """On as many lines as it takes, at its middle dots."""
    first, *parts = line.split(" · ")
    told = [first]
    for part in parts:
        if len(told[-1]) + len(part) + 3 <= width:
            told[-1] += f" · {part}"
        else:
            told.append(f"    {part}")
    return told
