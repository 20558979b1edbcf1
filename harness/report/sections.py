"""One endpoint at one level: a table of cells, a table of ratios, and what has to be said of them. Pure; for report.py."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.formatting.tables import Table
from harness.plan.capacity_search import CONFIRMATIONS
from harness.plan.slices import Cell, Level
from harness.registry import metrics
from harness.registry.metrics import QUANTILES, Metric
from harness.report import mechanism_text
from harness.samples import SAMPLES_NEEDED
from harness.verdicts import bottleneck, mechanism, validity, verdict
from harness.verdicts.mechanism import Explained
from harness.verdicts.validity import Reason


@dataclass(frozen=True)
class Section:
    """One endpoint at one level."""

    title: str
    tables: Sequence[Table]
    notes: Sequence[str]
    why: Sequence[tuple[str, Sequence[str]]] = ()  # arm and what a probed pass says of it


def sections(analysis: Analysis, reasons: list[Reason]) -> list[Section]:
    """One section per endpoint and level, in the scenario's order."""
    groups: dict[tuple[str, Level], list[Cell]] = {}
    for cell in analysis.cells:
        groups.setdefault((cell.endpoint, cell.level), []).append(cell)
    found = mechanism.read(analysis.run.path)
    told = [_section(analysis, cells, reasons) for cells in groups.values()]
    if found is None:
        return told
    return [replace(one, why=_why(analysis, cells, found)) for one, cells in zip(told, groups.values(), strict=True)]


def _why(analysis: Analysis, cells: list[Cell], found: Explained) -> list[tuple[str, Sequence[str]]]:
    """Beside the numbers of these cells, what makes them; the CPU per request is that of the timed run."""
    spent = {cell: analysis.estimate(cell, metrics.CPU) for cell in cells}
    told = [
        (cell, mechanism_text.lines(found, cell, estimate.value if estimate else None))
        for cell, estimate in spent.items()
    ]
    return [(cell.arm, lines) for cell, lines in told if lines]


def valid_comparisons(analysis: Analysis, lost: set[Cell]) -> list[Compared]:
    """The comparisons of which neither side is INVALID."""
    return [
        c for c in analysis.compared if not {Cell(c.arm, c.endpoint, c.level), Cell(c.over, c.endpoint, c.level)} & lost
    ]


def _section(analysis: Analysis, cells: list[Cell], reasons: list[Reason]) -> Section:
    first, lost = cells[0], validity.invalid_cells(reasons)
    tables = [_cells(analysis, cells, lost)]
    compared = [c for c in valid_comparisons(analysis, lost) if (c.endpoint, c.level) == (first.endpoint, first.level)]
    if compared:
        tables.append(_ratios(analysis, compared, first))
    notes = [
        *_invalid_notes(cells, reasons),
        *_limit_notes(analysis, cells, lost),
        *_found_notes(analysis, cells),
        *_missing_notes(analysis, cells, lost),
    ]
    pushed = f"{analysis.run.scenario.load.in_words}, {numbers.level(analysis.mode, first.level)}"
    return Section(f"{first.endpoint} · {pushed}{_measured(analysis, cells)}", tables, notes)


def _measured(analysis: Analysis, cells: list[Cell]) -> str:
    """How long the arms' windows are, all blocks together."""
    lengths = [float(analysis.rows(cell).window_s.sum()) for cell in cells if len(analysis.rows(cell))]
    if not lengths:
        return ""
    return f" · windows of {numbers.number(min(lengths))} to {numbers.number(max(lengths))} s in all"


def _cells(analysis: Analysis, cells: list[Cell], lost: set[Cell]) -> Table:
    told = [metric for metric in analysis.metrics if _is_told(analysis, cells, lost, metric)]
    columns = ["", *(f"{metric.title} {metric.unit and f'[{metric.unit}]'}".strip() for metric in told)]
    rows = []
    for cell in cells:
        if cell in lost:
            rows.append([cell.arm, "INVALID", *[""] * (len(told) - 1)])
        else:
            rows.append([cell.arm, *(_figure(analysis, cell, metric) for metric in told)])
    return Table(columns, rows)


def _is_told(analysis: Analysis, cells: list[Cell], lost: set[Cell], metric: Metric) -> bool:
    """A column that no arm has a figure for is left out; but for percentiles, whose dash has a note that says why."""
    valid = [cell for cell in cells if cell not in lost]
    always = metric is analysis.metrics[0] or metric.quantile is not None
    return always or any(analysis.estimate(cell, metric) is not None for cell in valid)


def _figure(analysis: Analysis, cell: Cell, metric: Metric) -> str:
    """A cell's figure; counts go without their interval."""
    found = analysis.estimate(cell, metric)
    if found is None:
        return numbers.MISSING
    if metric in metrics.compared(analysis.metrics):
        return numbers.estimate(found)
    return numbers.count(found.value) if metric.whole else numbers.number(found.value)


def _ratios(analysis: Analysis, compared: list[Compared], cell: Cell) -> Table:
    pairs = list(dict.fromkeys((c.arm, c.over) for c in compared))
    rows = []
    for arm, over in pairs:
        found = {c.metric: c for c in compared if (c.arm, c.over) == (arm, over)}
        rows.append([f"{arm} / {over}", *(_ratio_cell(analysis, found.get(metric)) for metric in _named(analysis))])
    floors = [analysis.noise_floor(cell.endpoint, cell.level, metric) for metric in _named(analysis)]
    if any(floor is not None for floor in floors):
        rows.append(["noise floor (A/A)", *(numbers.margin(floor) for floor in floors)])
    return Table(["ratio", *(metric.title for metric in _named(analysis))], rows)


def _named(analysis: Analysis) -> list[Metric]:
    """The ratios that fit beside each other."""
    return [metric for metric in metrics.compared(analysis.metrics) if metric.column not in ("p99_ms", "rss_mib")]


def _ratio_cell(analysis: Analysis, compared: Compared | None) -> str:
    if compared is None:
        return numbers.MISSING
    found = verdict.of(compared, analysis)
    return f"{numbers.ratio(compared.ratio)} {found}"


def _invalid_notes(cells: list[Cell], reasons: list[Reason]) -> list[str]:
    return [
        f"{'✗' if reason.invalid else '!'} {reason.cell.arm}: {'INVALID, ' if reason.invalid else ''}{reason.text}"
        for reason in reasons
        if reason.cell in cells
    ]


def _limit_notes(analysis: Analysis, cells: list[Cell], lost: set[Cell]) -> list[str]:
    told = [(cell, bottleneck.limit(analysis, cell)) for cell in cells if cell not in lost]
    return [f"{cell.arm} {limit}" for cell, limit in told if limit]


def _found_notes(analysis: Analysis, cells: list[Cell]) -> list[str]:
    """In a search for capacity: what each block found, and how many of its confirming slices kept the promise."""
    notes, promise = [], analysis.run.scenario.load.objective
    for cell in cells:
        found = [one for one in analysis.found if (one["arm"], one["endpoint"]) == (cell.arm, cell.endpoint)]
        if not found:
            continue
        rates = ", ".join(
            f"{one['rate']:g}/s ({one['kept']} of {CONFIRMATIONS})" if one["rate"] else "none" for one in found
        )
        bounded = any(one["bounded"] for one in found)
        more = "; the load generator's limit ended the search: it may hold more" if bounded else ""
        notes.append(f"{cell.arm} keeps {promise} up to, block by block (confirming slices): {rates}{more}")
    return notes


def _missing_notes(analysis: Analysis, cells: list[Cell], lost: set[Cell]) -> list[str]:
    """Which percentiles are not shown, because there were too few samples."""
    notes = []
    for column, quantile in QUANTILES.items():
        short = []
        for cell in cells:
            count = len(analysis.latencies.get(cell, ()))
            if cell not in lost and count < SAMPLES_NEEDED[quantile]:
                short.append(f"{cell.arm} {numbers.count(count)}")
        if short:
            needed = numbers.count(SAMPLES_NEEDED[quantile])
            notes.append(
                f"! {column.removesuffix('_ms')} not shown where there are fewer than {needed} samples: {', '.join(short)}"
            )
    return notes
