"""The last lines of a run: who is ahead, by how much, how sure that is, and why, in at most 100 columns. Pure."""

import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import ceil
from typing import Final

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.formatting.tables import clipped
from harness.plan.slices import Cell
from harness.registry.metrics import CPU
from harness.report import sections
from harness.scenario.arm import Arm
from harness.statistics.decision import Outcome
from harness.statistics.estimate import Estimate
from harness.statistics.moderated import FEWEST_BLOCKS
from harness.verdicts import bottleneck, data_quality, validity, verdict
from harness.verdicts.validity import Reason

WIDTH: Final = 100

MOST_MIN: Final = 120
"""Longer than this nobody goes on measuring."""

MOST_LOST: Final = 4
"""INVALID cells that are told one by one."""

ALMOST: Final = 1.1
"""A ratio of CPU per request below this explains nothing."""

SHORT: Final = {
    bottleneck.CONCURRENCY_LIMIT: "threads busy",
    bottleneck.OFFERED_LOAD: "users are the limit",
    bottleneck.SERVICES: "services busy",
    bottleneck.CPU: "CPU-bound",
}


def lines(analysis: Analysis, reasons: Sequence[Reason]) -> list[str]:
    """The summary, nothing wider than WIDTH: per arm its comparisons, then what differs in each pair; then the quality."""
    lost = validity.invalid_cells(list(reasons))
    primary = analysis.metrics[0]
    found = [one for one in sections.valid_comparisons(analysis, lost) if one.metric is primary]
    told: list[str] = []
    for arm in dict.fromkeys(one.arm for one in found):
        own = [one for one in found if one.arm == arm]
        told += [*_block(analysis, arm, own), "", *_pairs(analysis, arm, own), ""]
    if not found:
        told += [*_cells(analysis, lost), ""]
    told += [part for line in _lost(analysis, reasons) for part in textwrap.wrap(line, WIDTH, subsequent_indent="    ")]
    told += _wrapped(data_quality.of(analysis, reasons).line)
    return [clipped(line, WIDTH) for line in told]


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
    yield from _aligned(
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


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns of words, each to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]  # of no rows there are none
    for row in rows:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _block(analysis: Analysis, arm: str, own: Sequence[Compared]) -> Iterator[str]:
    """`async · uvicorn vs …` and its comparisons, cell by cell."""
    metric, level = own[0].metric, numbers.percent(1 - own[0].doubt)
    yield f"{arm} vs …   {metric.title}, {level} CI, n = {numbers.blocks(analysis.blocks)}; ~ = no significant difference"
    short = _short([cell.endpoint for cell in analysis.cells])
    rows = [
        (
            numbers.cell(analysis.mode, short[one.endpoint], one.level),
            one.over,
            *_sized(analysis, one),
            _why(analysis, one),
        )
        for one in sorted(own, key=lambda one: analysis.cells.index(Cell(one.arm, one.endpoint, one.level)))
    ]
    yield from _aligned(rows)


def _short(labels: Iterable[str]) -> dict[str, str]:
    """Each endpoint without its query, where that tells it from all others."""
    names = {label: label if ":" in label else label.partition(" ")[0] for label in labels}
    return {label: name if list(names.values()).count(name) == 1 else label for label, name in names.items()}


def _sized(analysis: Analysis, one: Compared) -> tuple[str, str, str]:
    """(`5.3× lower`, `[4.7, 5.9]`, `p < 0.001`): the larger over the smaller where a difference is sure."""
    said = verdict.outcome(one, analysis)
    low = said is Outcome.LOWER
    ratio = _turned(one.ratio) if low else one.ratio
    size = f"{numbers.number(ratio.value)}×"
    word = {Outcome.LOWER: f"{size} lower", Outcome.HIGHER: f"{size} higher", Outcome.EQUIVALENT: f"= {size}"}
    interval = (
        ""
        if ratio.low is None or ratio.high is None
        else f"[{numbers.number(ratio.low)}, {numbers.number(ratio.high)}]"
    )
    return word.get(said, f"~ {size}"), interval, numbers.probability(one.p) if one.model is not None else ""


def _turned(ratio: Estimate) -> Estimate:
    """The other way round."""
    low, high = (None if end is None else 1 / end for end in (ratio.high, ratio.low))
    return Estimate(1 / ratio.value, low, high, ratio.n)


def _why(analysis: Analysis, one: Compared) -> str:
    """What decides it, or what would: the bottleneck of the arm that is behind, with the CPU it takes per request."""
    said = verdict.outcome(one, analysis)
    if said is Outcome.OPEN:
        return _would_tell(analysis, one)
    if said is Outcome.EQUIVALENT:
        return f"equivalent, {numbers.margin(analysis.run.scenario.margin)}"
    behind, ahead = (one.over, one.arm) if _arm_is_ahead(one, said) else (one.arm, one.over)
    whose = "" if behind == one.arm else "other: "
    found = bottleneck.find(analysis, Cell(behind, one.endpoint, one.level))
    costs = [analysis.estimate(Cell(arm, one.endpoint, one.level), CPU) for arm in (behind, ahead)]
    times = costs[0].value / costs[1].value if costs[0] and costs[1] and costs[1].value else 0.0
    costs_more = f"{numbers.number(times)}× CPU/req" if times >= ALMOST else ""
    kind = found[0] if found else ""
    cause = costs_more or SHORT[bottleneck.CPU] if kind == bottleneck.CPU else SHORT.get(kind, costs_more)
    return f"{whose}{cause}" if cause else ""


def _would_tell(analysis: Analysis, one: Compared) -> str:
    """How much more time would decide it."""
    if one.model is None:
        few = analysis.blocks < FEWEST_BLOCKS
        return verdict.unavailable(one, analysis) if few else f"known in {numbers.blocks(one.ratio.n)} only"
    needed = verdict.needed(one, analysis)
    if needed is None:
        return "not resolvable here"
    minutes = ceil((needed - analysis.blocks) * verdict.block_s(analysis) / 60)
    return f"≈ {numbers.count(minutes)} min more" if minutes <= MOST_MIN else "not resolvable here"


def _arm_is_ahead(one: Compared, said: Outcome) -> bool:
    return (said is Outcome.HIGHER) == one.metric.higher_is_better


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
        yield f"  vs {over}: {counts} ({spread}); {_differs(scenario.arm(arm), scenario.arm(over))}"


def _differs(arm: Arm, over: Arm) -> str:
    """`only the view differs`, or what else does."""
    ours, theirs = (one.model_dump(exclude={"name", "control_of"}) for one in (arm, over))
    *names, last = [name for name in ours if ours[name] != theirs[name]] or ["nothing"]
    return f"{', '.join(names)} and {last} differ" if names else f"only the {last} differs"


def _wrapped(line: str) -> list[str]:
    """On as many lines as it takes, at its middle dots."""
    first, *parts = line.split(" · ")
    told = [first]
    for part in parts:
        if len(told[-1]) + len(part) + 3 <= WIDTH:
            told[-1] += f" · {part}"
        else:
            told.append(f"    {part}")
    return told
