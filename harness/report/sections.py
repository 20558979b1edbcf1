"""One endpoint at one level: a table of cells, a table of ratios, and what has to be said of them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.formatting.tables import Table
from harness.plan.confirmation import CONFIRMATIONS
from harness.plan.slices import Cell, Level
from harness.registry import metrics
from harness.registry.metrics import QUANTILES, Metric
from harness.report import mechanism_text
from harness.samples import SAMPLES_NEEDED
from harness.statistics import intervals
from harness.verdicts import bottleneck, mechanism, validity, verdict
from harness.verdicts.mechanism import Explained
from harness.verdicts.validity import Reason


@dataclass(frozen=True)
class Section:
    """One endpoint at one level."""

    title: str
    tables: Sequence[Table]
    notes: Sequence[str]
    why: Sequence[tuple[str, Sequence[str]]] = ()  # arm and its mechanism, after an instrumented run


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
        *_duet_notes(compared),
        *_found_notes(analysis, cells),
        *_missing_notes(analysis, cells, lost),
    ]
    pushed = f"{analysis.run.scenario.load.in_words}, {numbers.level(analysis.mode, first.level)}"
    return Section(f"{first.endpoint} · {pushed}{_measured(analysis, cells)}", tables, notes)


def _measured(analysis: Analysis, cells: list[Cell]) -> str:
    """How long each arm was measured, all blocks together."""
    lengths = [analysis.rows(cell).sum("window_s") for cell in cells if len(analysis.rows(cell))]
    if not lengths:
        return ""
    low, high = (numbers.number(end) for end in (min(lengths), max(lengths)))
    return f" · {low if low == high else f'{low}–{high}'} s measured per arm"


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
    """Columns without any figure are left out, except percentiles, whose dash has an explaining note."""
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
    repeated = [one for one in analysis.noise_floors if (one.endpoint, one.level) == (cell.endpoint, cell.level)]
    for arm, over in dict.fromkeys((one.arm, one.over) for one in repeated):
        ratios = {one.metric: numbers.ratio(one.ratio) for one in repeated if (one.arm, one.over) == (arm, over)}
        rows.append(
            [
                f"noise floor (A/A): {arm} / {over}",
                *(ratios.get(metric, numbers.MISSING) for metric in _named(analysis)),
            ]
        )
    return Table(["ratio", *(metric.title for metric in _named(analysis))], rows)


def _named(analysis: Analysis) -> list[Metric]:
    """The ratios that fit beside each other."""
    told = metrics.compared(analysis.metrics)
    return [one for one in told if one is told[0] or one.column not in ("p99_ms", "rss_mib")]


def _ratio_cell(analysis: Analysis, compared: Compared | None) -> str:
    if compared is None:
        return numbers.MISSING
    found = verdict.of(compared, analysis)
    tested = f" {numbers.probability(compared.p)}" if compared.model else ""
    return f"{numbers.ratio(compared.ratio)}{tested} {found}"


def _invalid_notes(cells: list[Cell], reasons: list[Reason]) -> list[str]:
    return [
        f"{'✗' if reason.invalid else '!'} {reason.cell.arm}: {'INVALID, ' if reason.invalid else ''}{reason.text}"
        for reason in reasons
        if reason.cell in cells
    ]


def _limit_notes(analysis: Analysis, cells: list[Cell], lost: set[Cell]) -> list[str]:
    told = [(cell, bottleneck.describe(analysis, cell)) for cell in cells if cell not in lost]
    return [f"{cell.arm}: {text}" for cell, text in told if text]


def _duet_notes(compared: Sequence[Compared]) -> Iterator[str]:
    """Which throughput ratios come from arms loaded side by side, and what the same arms showed one after the other."""
    for one in compared:
        if one.duets is None or one.metric is not metrics.THROUGHPUT or one.duets.few:
            continue
        told, pair = one.duets.told, f"{one.arm} / {one.over}"
        solo = intervals.of_logs(one.duets.solo)
        apart = f"one after the other {numbers.ratio(solo)}" if solo else "not measured one after the other"
        if one.by_duets:
            yield f"{pair}: {told.duets} duets, {numbers.percent(told.share)} of the core for the first; {apart}"
        else:
            why = f"{told.duets} duets not used ({one.duets.objection})"
            yield f"! {pair}: {why}: the ratio is that of the arms one after the other"


def _found_notes(analysis: Analysis, cells: list[Cell]) -> list[str]:
    """In a capacity search: the rate found in each block, and how many of its confirming slices met the objective."""
    notes, objective = [], analysis.run.scenario.load.objective
    for cell in cells:
        found = [one for one in analysis.found if (one["arm"], one["endpoint"]) == (cell.arm, cell.endpoint)]
        if not found:
            continue
        rates = ", ".join(
            f"{one['rate']:g}/s ({one['met']} of {CONFIRMATIONS})" if one["rate"] else "none" for one in found
        )
        bounded = any(one["bounded"] for one in found)
        more = "; search ended at the load generator's ceiling, the arm may sustain more" if bounded else ""
        notes.append(f"{cell.arm}: highest rate that met {objective}, per block (confirming slices): {rates}{more}")
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
            notes.append(f"! {column.removesuffix('_ms')} needs {needed} samples, too few on: {', '.join(short)}")
    return notes
