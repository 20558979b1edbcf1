"""Why one arm is slower than another, in a few words: its bottleneck and its CPU time per request. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.plan.slices import Cell
from harness.registry.metrics import CPU
from harness.report.mechanism_text import NOTHING
from harness.verdicts import bottleneck
from harness.verdicts.mechanism import Mechanism

BESIDE: Final = (bottleneck.NO_SINGLE_ONE, bottleneck.OFFERED_LOAD)
"""With these bottlenecks an arm has CPU left: the CPU time per request is a fact, but not the cause."""

DEARER: Final = 1.1  # times the CPU time per request; less is no explanation


@dataclass(frozen=True)
class Because:
    """The reasons for one comparison."""

    loser: str | None  # None: neither is behind
    kind: str | None  # the loser's bottleneck: a kind of verdicts/bottleneck.py
    dearer: float | None  # CPU time per request, times the other arm's, if that is more
    text: str

    @property
    def beside(self) -> bool:
        """CPU time per request does not explain it: CPU is not the loser's bottleneck."""
        return bool(self.dearer) and self.kind in BESIDE


@dataclass(frozen=True)
class Grounds:
    """The data that reasons are derived from."""

    analysis: Analysis
    costs: Mapping[tuple[str, str, str, float], float]  # (arm, over, endpoint, level) → ratio of CPU per request
    mechanism: Mapping[Cell, Mechanism]

    def of(self, compared: Compared, how: str) -> Because:
        """Why this comparison came out as it did; `how`: see bar_rows.tone."""
        sides = (
            Cell(compared.arm, compared.endpoint, compared.level),
            Cell(compared.over, compared.endpoint, compared.level),
        )
        ahead = how.endswith("better")
        if not ahead and not how.endswith("worse"):
            return Because(None, None, None, self._neither(sides))
        loser = sides[1] if ahead else sides[0]
        found = bottleneck.find(self.analysis, loser)
        dearer = self._dearer(compared, ahead)
        kind = found[0] if found else None
        return Because(loser.arm, kind, dearer, self._text(loser, found, dearer))

    def _dearer(self, compared: Compared, ahead: bool) -> float | None:
        ratio = self.costs.get((compared.arm, compared.over, compared.endpoint, compared.level))
        if ratio is None:
            return None
        times = 1 / ratio if ahead else ratio
        return times if times >= DEARER else None

    def _text(self, loser: Cell, found: tuple[str, str] | None, dearer: float | None) -> str:
        kind = found[0] if found else None
        if kind == bottleneck.CONCURRENCY_LIMIT:
            return self._saturated(loser)
        if kind == bottleneck.SERVICES:
            return f"services of {loser.arm} (database, cache, slow API) saturated"
        bound = "CPU-bound" if kind == bottleneck.CPU else ""
        cost = f"{numbers.number(dearer)}× the CPU time per request" if dearer else ""
        said = "; ".join(one for one in (bound, cost) if one)
        if said:
            beside = "; CPU is not the bottleneck" if kind in BESIDE else ""
            return f"{loser.arm}: {said}{beside}{self._switches(loser)}"
        return f"{loser.arm}: {found[1]}" if found else ""

    def _saturated(self, cell: Cell) -> str:
        arm, least_s = self.analysis.run.scenario.arm(cell.arm), self.analysis.mean_ms(cell) / 1000
        what = f"thread pool of {cell.arm} saturated" if arm.threads else f"concurrency limit of {cell.arm} reached"
        most = numbers.number(arm.most_rps(1000 * least_s))
        return f"{what} ({arm.concurrency_limit} / {least_s:g} s = {most} req/s max)"

    def _switches(self, cell: Cell) -> str:
        one = self.mechanism.get(cell)
        if one is None or one.switches < NOTHING:
            return ""
        return f"; {numbers.number(one.switches)} thread switches per request"

    def _neither(self, sides: Sequence[Cell]) -> str:
        kinds = {found[0] if (found := bottleneck.find(self.analysis, cell)) else None for cell in sides}
        if kinds == {bottleneck.OFFERED_LOAD}:
            return "both complete nearly all of the offered load"
        return "both CPU-bound" if kinds == {bottleneck.CPU} else ""


def grounds(analysis: Analysis, valid: Sequence[Compared], mechanism: Mapping[Cell, Mechanism]) -> Grounds:
    """The data that reasons are derived from in this run."""
    costs = {(c.arm, c.over, c.endpoint, c.level): c.ratio.value for c in valid if c.metric is CPU}
    return Grounds(analysis, costs, mechanism)
