"""Frames in, figures out: one row per block and cell, one per cell, one per comparison. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import arm_comparison, cell_blocks, cells, gathering, side_by_side
from harness.analysis.arm_comparison import Compared, Comparisons
from harness.analysis.cell_blocks import CellBlocks
from harness.analysis.frames import Run
from harness.plan import layout
from harness.plan.slices import Cell, Level
from harness.registry import metrics
from harness.registry.load_modes import CLOSED
from harness.registry.metrics import Metric
from harness.scenario.endpoint import Endpoint
from harness.statistics import decision, intervals
from harness.statistics.decision import Outcome
from harness.statistics.estimate import Estimate
from harness.statistics.variance_prior import Prior

Latencies = dict[Cell, NDArray[np.float64]]

MEDIAN: Final = 0.50


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything the later stages need; no raw requests but the merged latencies. Equal only to itself."""

    run: Run
    blocks: int
    per_block: pd.DataFrame  # one row per block × cell
    latencies: Latencies  # ms, sorted, merged over blocks
    percentiles: Mapping[tuple[Cell, float], Estimate | None]  # of those, by quantile
    compared: list[Compared]
    noise_floors: list[Compared]  # each control over the arm it repeats
    duets: Mapping[side_by_side.Place, side_by_side.SideBySide]  # of arms that were also loaded side by side
    priors: Mapping[Metric, Prior]  # what the comparisons of a metric together say of their variances
    causes: dict[str, str]  # arm → the exception its logs name most often
    refused: dict[tuple[str, str], str]  # (arm, endpoint) → why it was not loaded
    restarts: dict[Cell, int]  # how often a cell left its arm with unfinished requests
    found: list[dict[str, Any]]  # per block and search: capacity.Found
    strange: dict[
        tuple[str, str], tuple[int, str]
    ]  # (arm, endpoint) → how many answers under load were others, and how
    curve: pd.DataFrame  # one row per slice of a search: cells.curve; otherwise empty
    timeline: pd.DataFrame  # latency over time: timeline.of_block, all blocks

    @property
    def mode(self) -> str:
        """closed, open or capacity."""
        return str(self.run.scenario.load.mode)

    @property
    def metrics(self) -> Sequence[Metric]:
        """Metrics of a cell; the first is the primary one."""
        return metrics.of(self.mode)

    @property
    def doubt(self) -> float:
        """The error rate of intervals and tests of this run."""
        return _doubt(self.run)

    @property
    def doubt_later(self) -> float:
        """… and of this run with blocks added, which is one look more."""
        return _doubt(self.run, further=1)

    @property
    def has_duets(self) -> bool:
        """Whether ratios of this run come from arms that were loaded side by side; its cells are of arms by themselves."""
        return any(one.by_duets for one in self.compared)

    @property
    def uneven(self) -> list[Compared]:
        """The A/A pairs that differ by the first metric: one arm twice, told apart as two arms are."""
        margin, differ = self.run.scenario.margin, (Outcome.HIGHER, Outcome.LOWER)
        told = [one for one in self.noise_floors if one.metric is self.metrics[0]]
        return [one for one in told if decision.decide(one.ratio, one.p, margin, one.doubt) in differ]

    @property
    def cells(self) -> list[Cell]:
        """All planned cells in the scenario's order, measured or not."""
        return layout.reported(self.run.scenario)

    def whole(self, cell: Cell) -> Cell:
        """The cell that was loaded: itself, or the mix of which it is a part."""
        return Cell(cell.arm, self._endpoints[cell.endpoint].label, cell.level)

    def refusal(self, cell: Cell) -> str | None:
        """Why this cell was not loaded; None if it was."""
        parts = self._endpoints[cell.endpoint].parts
        found = ((part.listed, self.refused.get((cell.arm, part.label))) for part in parts)
        return next((f"{path}: {why}" if path else why for path, why in found if why), None)

    @cached_property
    def _endpoints(self) -> dict[str, Endpoint]:
        """By every label under which something is reported."""
        return {label: endpoint for endpoint in self.run.scenario.endpoints for label in endpoint.labels}

    def rows(self, cell: Cell) -> CellBlocks:
        """The cell's figures in each block in which it was measured."""
        return self._rows.get((cell.arm, cell.endpoint, cell.level), self._never)

    @cached_property
    def _rows(self) -> dict[tuple[Any, ...], CellBlocks]:
        return cell_blocks.by_cell(self.per_block)

    @cached_property
    def _never(self) -> CellBlocks:
        """Of a cell that was not measured."""
        return CellBlocks({str(name): np.empty(0) for name in self.per_block})

    @cached_property
    def _estimates(self) -> dict[tuple[Cell, Metric], Estimate | None]:
        """Those that were asked for: a percentile of ten million latencies is not looked up twice."""
        return {}

    def estimate(self, cell: Cell, metric: Metric) -> Estimate | None:
        """The cell's figure: median over blocks; a percentile is that of the merged samples, where there are enough. The highest
        rate is that of the lowest block: one that only half of the blocks could hold cannot be relied on.

        The interval of p50 is that of the blocks' own medians: blocks that are slow now and then shift it less than a tail, and
        order statistics cover it in 95 % of cases where a jackknife does in 92 %.
        """
        if (cell, metric) not in self._estimates:
            found = self._estimate(cell, metric)
            self._estimates[cell, metric] = found and self._possible(cell, metric, found)
        return self._estimates[cell, metric]

    def typical(self, cell: Cell, metric: Metric) -> Estimate | None:
        """The same with an interval, for the highest rate too: the geometric mean over blocks."""
        if metric is metrics.HIGHEST_RATE:
            return intervals.geometric_mean(self.rows(cell)[metric.column])
        return self.estimate(cell, metric)

    def _possible(self, cell: Cell, metric: Metric, found: Estimate) -> Estimate:
        """Without the part of its interval that cannot be: a tail below the median, a rate beyond Little's law."""
        low, high = found.low, found.high
        if low is None or high is None:
            return found
        if metric.quantile is not None and metric.quantile > MEDIAN:
            median = self.percentiles.get((cell, MEDIAN))
            low = max(low, min(median.value, found.value)) if median else low
        if metric is metrics.THROUGHPUT:
            high = min(high, max(self.most_rps(cell), found.value))
        return replace(found, low=low, high=high)

    def most_rps(self, cell: Cell) -> float:
        """No more can be answered, by Little's law, of so many users and by an arm with such a concurrency limit."""
        least_ms = self.mean_ms(cell)
        of_users = 1000 * cell.level / least_ms if self.mode == CLOSED and least_ms else inf
        return min(of_users, self.run.scenario.arm(cell.arm).most_rps(least_ms))

    def _estimate(self, cell: Cell, metric: Metric) -> Estimate | None:
        values = self.rows(cell)[metric.column]
        if metric is metrics.HIGHEST_RATE:
            return intervals.least(values)
        over_blocks = intervals.median(values)
        if metric.quantile is None:
            return over_blocks
        merged = self.percentiles.get((cell, metric.quantile))
        if merged is None or over_blocks is None or metric.quantile != MEDIAN or over_blocks.n < merged.n:
            return merged
        return replace(merged, low=over_blocks.low, high=over_blocks.high)

    def least_ms(self, cell: Cell) -> float:
        """The least time a correct answer takes there, in ms."""
        endpoint = self._endpoints[cell.endpoint]
        parts = {part.reported: part.least_ms for part in endpoint.parts}
        return float(parts.get(cell.endpoint, endpoint.least_ms))

    def usual_ms(self, cell: Cell) -> float:
        """The least that correct answers take there on average, in ms: more than `least_ms` where waits are spread."""
        by_label = {part.reported: part.mean_ms for part in self._endpoints[cell.endpoint].parts}
        return float(by_label.get(cell.endpoint, min(by_label.values())))

    def mean_ms(self, cell: Cell) -> float:
        """The least time a correct answer takes there on average, in ms: of a mix, weighed by shares."""
        return float(self._endpoints[cell.endpoint].mean_ms)

    def noise_floor(self, endpoint: str, level: Level, metric: Metric) -> float | None:
        """The A/A noise floor: how far from 1 a ratio of two equal arms can be, as a fraction; None without a control."""
        ends = [
            abs(np.log(end))
            for floor in self.noise_floors
            if (floor.endpoint, floor.level, floor.metric) == (endpoint, level, metric)
            for end in (floor.ratio.low, floor.ratio.high)
            if end is not None
        ]
        return float(np.expm1(max(ends))) if ends else None


def _doubt(run: Run, further: int = 0) -> float:
    """An extension is another look at the same run, and a rule for the number of blocks depends on what was seen."""
    before = run.head["plan"].get("extended", [])
    stopped = run.scenario.rule is not None or any(isinstance(one["blocks"], dict) for one in before)
    stopped |= "ended_by" in run.head
    return intervals.doubt_of(1 + len(before) + further, stopped)


def analyse(run: Run) -> Analysis:
    """All figures of a run."""
    gathered = gathering.gather(run)
    per_block = pd.DataFrame(gathered.rows, columns=cells.COLUMNS)
    merged, percentiles = _merged(gathered.latencies)
    duets = side_by_side.over_blocks(gathered.duets, sorted(set(per_block.block)))
    ratios = _ratios(run, per_block, duets)
    return Analysis(
        run=run,
        blocks=len(run.block_folders),
        per_block=per_block,
        latencies=merged,
        percentiles=percentiles,
        compared=ratios.compared,
        noise_floors=ratios.controls,
        duets=duets,
        priors=ratios.priors,
        causes=gathered.causes,
        refused=gathered.refused,
        restarts=gathered.restarts,
        found=gathered.found,
        strange=gathered.strange,
        curve=pd.concat(gathered.curves) if gathered.curves else pd.DataFrame(),
        timeline=pd.concat(gathered.times),
    )


def _ratios(
    run: Run, per_block: pd.DataFrame, duets: Mapping[side_by_side.Place, side_by_side.SideBySide]
) -> Comparisons:
    """Every comparison that the scenario asks for, and its controls over the arms they repeat."""
    scenario = run.scenario
    levels = list(dict.fromkeys((cell.endpoint, cell.level) for cell in layout.reported(scenario)))
    pairs = [(pair.arm, pair.over) for pair in scenario.pairs]
    controls = [(arm.name, arm.control_of) for arm in scenario.arms if arm.control_of is not None]
    told = metrics.compared(metrics.of(scenario.load.mode))
    return arm_comparison.compare(per_block, levels, pairs, controls, told, duets, _doubt(run))


def _merged(
    latencies: dict[Cell, list[NDArray[np.float64]]],
) -> tuple[Latencies, dict[tuple[Cell, float], Estimate | None]]:
    """Each cell's blocks put together, in rising order, and their percentiles. Takes the blocks out, to hold no sample twice."""
    merged: Latencies = {}
    percentiles: dict[tuple[Cell, float], Estimate | None] = {}
    for cell in list(latencies):
        blocks = [np.sort(sample) for sample in latencies.pop(cell)]
        merged[cell] = np.sort(np.concatenate(blocks), kind="stable")
        for quantile in metrics.QUANTILES.values():
            percentiles[cell, quantile] = intervals.merged_percentile(merged[cell], blocks, quantile)
    return merged, percentiles
