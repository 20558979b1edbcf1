"""Rows with a small chart each: a ratio with its interval on a log scale, or a bar. As wide as the page allows.

Places are percentages of the row's width, so that one chart fits a wide screen, a phone and paper.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import Final, Generic, TypeVar

from markupsafe import Markup

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.metrics import CPU, METRICS, Metric
from harness.report.html.line_chart import Style, Tick
from harness.report.html.line_charts import groups, where
from harness.report.html.svg import MARKS, ticks
from harness.statistics.estimate import Estimate
from harness.verdicts import verdict

BARS: Final = ("offered_rps", "throughput_rps", "p50_ms", "p95_ms", "p99_ms", "cpu_ms_per_request", "rss_mib")

LEAST_SPAN: Final = 1.5  # a ratio chart reaches at least from 1 / 1.5 to 1.5

TICKS_ACROSS: Final = 6

SHAPES: Final = {
    "better": MARKS[3],
    "leans-better": MARKS[3],
    "worse": MARKS[4],
    "leans-worse": MARKS[4],
    "same": MARKS[1],
    "open": MARKS[0],
}
"""A ratio's mark says its verdict by shape as well as by colour."""


@dataclass(frozen=True)
class RatioRow:
    """One comparison."""

    arm: str
    over: str
    pair: int  # place among the compared pairs
    tone: str  # see `tone`
    word: str
    note: str  # what would decide it
    text: str  # the ratio with its interval
    blocks: str  # on how many blocks it rests, if not on all
    picture: Markup


@dataclass(frozen=True)
class Bar:
    """One cell's figure."""

    arm: int
    text: str
    picture: Markup
    invalid: bool


Row = TypeVar("Row", RatioRow, Bar)

NOTHING: Final = Markup("")


@dataclass(frozen=True)
class Group(Generic[Row]):
    """One metric on one endpoint and level."""

    label: str
    place: int
    rows: Sequence[Row]


@dataclass(frozen=True)
class RowChart(Generic[Row]):
    """One metric."""

    metric: Metric
    groups: Sequence[Group[Row]]
    axis: Markup = NOTHING


def tone(analysis: Analysis, compared: Compared) -> str:
    """What a comparison says about its arm: better, worse, same or open; leans-… where only the interval says so.

    That is where the interval excludes 1, but the test, corrected for all comparisons by the metric, is not significant yet. The
    verdict stays `inconclusive`.
    """
    ratio, metric, word = compared.ratio, compared.metric, verdict.of(compared, analysis).word
    if word == verdict.EQUIVALENT:
        return "same"
    direction = "better" if (ratio.value > 1) == metric.higher_is_better else "worse"
    if word != verdict.INCONCLUSIVE:
        return direction
    excludes_one = ratio.low is not None and ratio.high is not None and (ratio.low > 1 or ratio.high < 1)
    return f"leans-{direction}" if excludes_one else "open"


def ratio_charts(analysis: Analysis, valid: Sequence[Compared], lost: set[Cell]) -> list[RowChart[RatioRow]]:
    """The metrics whose ratios are worth a picture, the one a comparison is about first."""
    told = [analysis.metrics[0], *(one for one in (*METRICS[1:3], CPU) if one is not analysis.metrics[0])]
    found = [_ratio_chart(analysis, metric, [c for c in valid if c.metric is metric], lost) for metric in told]
    return [chart for chart in found if any(row.tone != "none" for group in chart.groups for row in group.rows)]


def _ratio_chart(
    analysis: Analysis, metric: Metric, compared: Sequence[Compared], lost: set[Cell]
) -> RowChart[RatioRow]:
    floors = {key: analysis.noise_floor(*key, metric) for key in groups(analysis)}
    scale = _log_scale(compared, [one for one in floors.values() if one is not None])
    pairs = [(pair.arm, pair.over) for pair in analysis.run.scenario.pairs]
    drawn = []
    for place, key in enumerate(groups(analysis)):
        found = {(one.arm, one.over): one for one in compared if (one.endpoint, one.level) == key}
        rows = []
        for number, pair in enumerate(pairs):
            if one := found.get(pair):
                picture = _ratio_row(one.ratio, floors[key], scale, tone(analysis, one))
                rows.append(_told(analysis, one, number, picture))
            elif _short(analysis, metric, [Cell(arm, *key) for arm in pair], lost):
                rows.append(RatioRow(*pair, number, "none", "", "", "too few samples", "", Markup("")))
        if rows:
            drawn.append(Group(where(analysis, *key), place, rows))
    return RowChart(metric, drawn, _ratio_axis(scale))


def _told(analysis: Analysis, one: Compared, pair: int, picture: Markup) -> RatioRow:
    found, how, n = verdict.of(one, analysis), tone(analysis, one), one.ratio.n
    rests = f"n = {n} of {numbers.blocks(analysis.blocks)}" if n < analysis.blocks else ""
    return RatioRow(one.arm, one.over, pair, how, found.word, found.note, numbers.ratio(one.ratio), rests, picture)


def _short(analysis: Analysis, metric: Metric, sides: Sequence[Cell], lost: set[Cell]) -> bool:
    """Whether both sides were measured, and had too few samples for this percentile."""
    return metric.quantile is not None and not lost & set(sides) and all(len(analysis.rows(cell)) for cell in sides)


@dataclass(frozen=True)
class _Log:
    """From a ratio to a percentage of the width."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        at = 100 * (log(value) - log(self.low)) / (log(self.high) - log(self.low))
        return round(min(max(at, 0.0), 100.0), 2)

    @property
    def ticks(self) -> list[Tick]:
        """Round ratios, few enough for a phone."""
        found = ticks(self.low, self.high, True)
        every = -(-len(found) // TICKS_ACROSS)
        one = next((place for place, (at, _) in enumerate(found) if at == 1), 0)
        return found[one % every :: every]


def _log_scale(compared: Sequence[Compared], floors: Sequence[float]) -> _Log:
    ends = [end for c in compared for end in (c.ratio.value, c.ratio.low, c.ratio.high) if end]
    ends += [end for floor in floors for end in (1 + floor, 1 / (1 + floor))]
    low, high = min([1 / LEAST_SPAN, *ends]), max([LEAST_SPAN, *ends])
    return _Log(low / 1.08, high * 1.08)


def _ratio_row(ratio: Estimate, floor: float | None, scale: _Log, how: str) -> Markup:
    parts = [Markup('<svg class="row" aria-hidden="true">')]
    parts += [Markup('<line class="grid" x1="{0}%" x2="{0}%" y2="100%"/>').format(scale(at)) for at, _ in scale.ticks]
    if floor is not None:
        low, high = scale(1 / (1 + floor)), scale(1 + floor)
        parts.append(Markup('<rect class="floor" x="{}%" width="{:.2f}%" height="100%"/>').format(low, high - low))
    parts.append(Markup('<line class="one" x1="{0}%" x2="{0}%" y2="100%"/>').format(scale(1)))
    if ratio.low is not None and ratio.high is not None:
        parts.append(
            Markup('<line class="ci" x1="{}%" x2="{}%" y1="50%" y2="50%"/>').format(scale(ratio.low), scale(ratio.high))
        )
    mark = '<svg x="{}%" y="50%" overflow="visible"><path class="full" d="{}"/></svg></svg>'
    return Markup("").join([*parts, Markup(mark).format(scale(ratio.value), SHAPES[how])])


def _ratio_axis(scale: _Log) -> Markup:
    parts = [Markup('<text x="{}%" y="14">{}×</text>').format(scale(at), label) for at, label in scale.ticks]
    return Markup('<svg class="row axis" aria-hidden="true">{}</svg>').format(Markup("").join(parts))


def bar_charts(analysis: Analysis, styles: Sequence[Style], lost: set[Cell]) -> Iterator[RowChart[Bar]]:
    """Every figure worth a bar, endpoint by endpoint; each group has a scale of its own that begins at 0."""
    for metric in sorted(
        (one for one in analysis.metrics if one.column in BARS), key=lambda one: BARS.index(one.column)
    ):
        found = [
            group
            for place, key in enumerate(groups(analysis))
            if (group := _bar_group(analysis, metric, place, key, styles, lost))
        ]
        if found:
            yield RowChart(metric, found)


def _bar_group(
    analysis: Analysis, metric: Metric, place: int, key: tuple[str, float], styles: Sequence[Style], lost: set[Cell]
) -> Group[Bar] | None:
    cells = [cell for cell in analysis.cells if (cell.endpoint, cell.level) == key]
    found = {cell: analysis.estimate(cell, metric) for cell in cells}
    ends = [one.high or one.value for one in found.values() if one is not None]
    if not ends:
        return None
    names = [style.name for style in styles]
    bars = [
        Bar(
            names.index(cell.arm), _bar_text(one, cell in lost), _bar(one, max(ends) or 1.0, cell in lost), cell in lost
        )
        for cell, one in found.items()
    ]
    return Group(where(analysis, *key), place, bars)


def _bar_text(found: Estimate | None, invalid: bool) -> str:
    if found is None:
        return "INVALID" if invalid else "too few samples"
    return "INVALID" if invalid else numbers.estimate(found)


def _bar(found: Estimate | None, end: float, invalid: bool) -> Markup:
    if found is None:
        return Markup("")
    across = 100 / end
    kind = Markup("hollow") if invalid else Markup("bar")
    parts = [
        Markup('<svg class="row" aria-hidden="true"><rect class="{}" width="{:.2f}%" y="15%" height="70%"/>').format(
            kind, found.value * across
        )
    ]
    if found.low is not None and found.high is not None and not invalid:
        parts.append(
            Markup('<line class="ci" x1="{:.2f}%" x2="{:.2f}%" y1="50%" y2="50%"/>').format(
                found.low * across, found.high * across
            )
        )
    return Markup("").join([*parts, Markup("</svg>")])
