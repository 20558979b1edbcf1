"""Duets: what two arms cost that were loaded at the same time on the same core, block by block. Pure.

A full garbage collection takes as long as twenty requests and comes every few hundred: whether one falls into a duet is chance.
So what requests cost without them is the median of a block's duets, and they are charged to slices by what these allocated.
Each arm has half of the core, so the ratio of their CPU per request is that of their throughput at equal shares; that of their
throughput by themselves is as much more as they keep the core busier. It stands for the comparison where the core was full, the
shares were even, nothing failed, and the arms one after the other agree.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import expm1, log, log1p, pi
from typing import Any, Final

import numpy as np

from harness.analysis.frames import BlockFrames
from harness.plan.duets import FEWEST, served_ns
from harness.plan.slices import Level
from harness.registry.metrics import CPU, THROUGHPUT, Metric
from harness.samples import OTHERS_MOST, Outcome
from harness.statistics import intervals, robust
from harness.statistics.intervals import Values

EVEN, EVEN_IN_BLOCK = (0.42, 0.58), (0.40, 0.60)
"""An arm's share of the CPU that both used: over the run, and in a block. Evenly scheduled, a slow arm beside a fast one has up
to 58 %, because it works off a longer queue when both have ended."""

FULL_TOGETHER: Final = 0.75
"""Of the core: a short duet begins and ends with a moment in which one arm has nothing to do."""

FEW: Final = "too few"
"""Of a pair that was CPU-bound in some blocks only, or had no time for more: nobody expected more of it."""

MOST_FAILED: Final = 0.001

AGREES, DISAGREE = 0.05, 0.01
"""Both ways agree within this, or within what chance does in all but this share of cases."""

MOST_BLOCKS: Final = 0.75
"""So many of a comparison's blocks have to have duets that stand."""

OF_MEDIAN: Final = pi / 2
"""Of normal values: the variance of a median, by that of a mean."""

Place = tuple[str, str, str, Level]
"""(arm, over, endpoint, level)."""


@dataclass(frozen=True)
class Duets:
    """Of two arms on one endpoint and level: the duets of one block."""

    count: int
    cost: float  # log of the first arm's CPU per correct response over the second's: median over duets
    spread: float  # log of the variance of this median, by how the duets differ; NaN: too few
    share: float  # of the CPU that both used, the first arm's
    busy: float  # log of how busy the core was with the first arm alone over how busy with the second alone
    why_not: str  # why they stand for nothing; empty: they do


@dataclass(frozen=True)
class SideBySide:
    """What the duets of a run say of one comparison, beside what its arms showed one after the other."""

    costs: Values  # log ratio of CPU per request, one per block; NaN where there is none that stands
    busy: Values  # log ratio of how busy the arms keep the core one after the other, likewise
    spread: float  # log of the variance within blocks; NaN: unknown
    duets: int
    share: float  # the first arm's, over all of them
    why_not: Sequence[str]  # of the blocks where they do not stand

    @property
    def inverse(self) -> "SideBySide":
        """The same with the second arm first."""
        return replace(self, costs=-self.costs, busy=-self.busy, share=1 - self.share)

    def ratios(self, metric: Metric) -> Values | None:
        """Log ratios of this metric, one per block; None of one that duets say nothing of."""
        return {THROUGHPUT: self.busy - self.costs, CPU: self.costs}.get(metric)

    def objection(self, ratios: Values, solo: Values) -> str:
        """Why these ratios do not stand for those of the same arms one after the other (`solo`); empty: they do."""
        if not EVEN[0] <= self.share <= EVEN[1]:
            return f"the first arm had {self.share:.0%} of the core"
        blocks, known = int(np.isfinite(solo).sum()), np.isfinite(ratios)
        if known.sum() < MOST_BLOCKS * blocks:
            return Counter(self.why_not).most_common(1)[0][0] if self.why_not else FEW
        difference = (ratios - solo)[known & np.isfinite(solo)]
        if len(difference) < 2:
            return ""
        chance = float(intervals.half_width(float(difference.std(ddof=1)), np.array(len(difference)), DISAGREE))
        if abs(difference.mean()) <= max(log1p(AGREES), chance):
            return ""
        return f"{abs(expm1(difference.mean())):.0%} away from what the arms show one after the other"


def of_block(block: BlockFrames, cores: int) -> dict[Place, Duets]:
    """By what is compared: the arms of each duet in the order in which they were planned."""
    slices = block.slices[block.slices.purpose == "duet"]
    if slices.empty:
        return {}
    count = int(block.slices["index"].max()) + 1
    ok = np.bincount(block.requests["slice"][block.requests.outcome == Outcome.OK], minlength=count)
    around = block.conditions.set_index("slice")
    seen, others_ns = around["seen"].to_dict(), around["others_ns"].fillna(0).to_dict()
    rows = {
        int(row["index"]): row | {"ok": int(ok[int(row["index"])]), "others_ns": others_ns.get(row["index"], 0)}
        for row in slices.to_dict("records")
    }
    alone, collecting, duets = _alone(block, cores), _collecting(block), dict[Place, list[tuple[Any, Any]]]()
    for index, row in rows.items():
        other = rows.get(int(row["beside"]))
        if other is not None and index < row["beside"]:
            duets.setdefault((row["arm"], other["arm"], row["endpoint"], row["level"]), []).append((row, other))
    found = {}
    for place, some in duets.items():
        arm, over, *where = place
        busy = log(alone.get((arm, *where), np.nan) / alone.get((over, *where), np.nan))
        told = _pooled(some, seen, cores, busy)
        charged = [collecting.get((one, *where)) for one in (arm, over)]
        if charged[0] is not None and charged[1] is not None:
            found[place] = replace(told, cost=told.cost + log(charged[0] / charged[1]))
        else:
            found[place] = replace(told, why_not=told.why_not or "an arm does not count its garbage collections")
    return found


def _collecting(block: BlockFrames) -> dict[tuple[Any, ...], float]:
    """How many times the CPU of each arm's requests on an endpoint they take with their share of its full collections.

    A full collection is due to all that was allocated since the last one, whichever slice it falls into: an arm's are charged to
    its slices by how often these collected the young, among those with as many users: what is in flight survives young
    collections, so with more users there are more full ones.
    """
    played = block.slices[block.slices.purpose != "warm-up"]
    names = ["server_cpu_ns", "server_gc_ns", "server_gc_young"]
    by_arm = played.groupby(["arm", "level"])[names].sum()
    found = {}
    for key, cpu_ns, gc_ns, young in played.groupby(["arm", "endpoint", "level"])[names].sum().itertuples():
        arm = by_arm.loc[(key[0], key[2])]
        if arm.server_gc_young and cpu_ns > gc_ns:
            found[key] = 1 + arm.server_gc_ns * young / arm.server_gc_young / (cpu_ns - gc_ns)
    return found


def _alone(block: BlockFrames, cores: int) -> dict[tuple[Any, ...], float]:
    """How busy each arm keeps the servers' cores by itself: of one that is full, all of them. Not where something else had a part
    of the machine: it may have been of that core."""
    around = block.conditions.set_index("slice")
    shared = around.index[around.others_ns.fillna(0) > OTHERS_MOST * around.wall_ns]
    solo = block.slices[(block.slices.purpose == "measure") & ~block.slices["index"].isin(shared)]
    busy = (solo.server_cpu_ns / served_ns(solo.start_ns, solo.drained_ns, solo.least_s)).clip(upper=max(1, cores))
    medians = busy.groupby([solo.arm, solo.endpoint, solo.level]).median()
    return {key: float(value) for key, value in medians.items() if value > 0}


def _pooled(duets: Sequence[tuple[Any, Any]], seen: Mapping[int, float], cores: int, busy: float) -> Duets:
    """Duets of one pair; one in which an arm ended, or answered nothing, tells nothing."""
    cpu, gc, ok = (
        np.array([[one[name] for one in both] for both in duets], dtype=float)
        for name in ("server_cpu_ns", "server_gc_ns", "ok")
    )
    whole = np.isfinite(cpu).all(axis=1) & (ok > 0).all(axis=1) & (cpu > gc).all(axis=1)
    told = [both for both, one in zip(duets, whole, strict=True) if one]
    if not told:
        return Duets(len(duets), np.nan, np.nan, np.nan, np.nan, "an arm answered nothing")
    logs = np.log((cpu - gc)[whole] / ok[whole]) @ np.array([1.0, -1.0])
    middle = float(np.median(logs))
    variance = OF_MEDIAN * robust.spread(np.abs(logs - middle).tolist()) ** 2 / len(logs)
    used = cpu[whole].sum(axis=0)
    served = [
        served_ns(both[0]["start_ns"], max(one["drained_ns"] for one in both), both[0]["least_s"]) for both in told
    ]
    others = sum(both[0]["others_ns"] for both in told)
    share, full = float(used[0] / used.sum()), float((used.sum() + others) / max(1.0, sum(served) * cores))
    return Duets(
        count=len(duets),
        cost=middle,
        spread=log(variance) if variance > 0 else np.nan,
        share=share,
        busy=busy,
        why_not=next(_objections(told, seen, share, full), ""),
    )


def _objections(
    duets: Sequence[tuple[Any, Any]], seen: Mapping[int, float], share: float, full: float
) -> Iterator[str]:
    """Why duets of a block stand for nothing."""
    slices = [one for both in duets for one in both]
    requests, failed = (sum(one[name] for one in slices) for name in ("requests", "failures"))
    if len(duets) < FEWEST:
        yield FEW
    if failed > MOST_FAILED * requests:
        yield f"{failed:.0f} of {requests:.0f} requests failed"
    unseen = sum(
        abs(seen[one["index"]] - one["requests"]) for one in slices if np.isfinite(seen.get(one["index"], np.nan))
    )
    if unseen and not failed:
        yield f"{unseen:.0f} requests are missing in the server's own count"
    if full < FULL_TOGETHER:
        yield f"both together used {full:.0%} of the core"
    if not EVEN_IN_BLOCK[0] <= share <= EVEN_IN_BLOCK[1]:
        yield f"the first arm had {share:.0%} of the core"


def over_blocks(blocks: Mapping[int, Mapping[Place, Duets]], order: Sequence[int]) -> dict[Place, SideBySide]:
    """Those of a run, by block; `order`: the blocks that have figures, by which `costs` are ordered."""
    found = {}
    for place in dict.fromkeys(place for told in blocks.values() for place in told):
        own = {index: told[place] for index, told in blocks.items() if place in told}
        standing = {index: one for index, one in own.items() if not one.why_not}
        spreads = np.array([np.exp(one.spread) for one in standing.values() if np.isfinite(one.spread)])
        shares = np.array([one.share for one in own.values()])
        found[place] = SideBySide(
            costs=np.array([standing[index].cost if index in standing else np.nan for index in order]),
            busy=_busy(standing, order),
            spread=float(np.log(spreads.mean())) if len(spreads) else np.nan,
            duets=sum(one.count for one in own.values()),
            share=float(np.nanmean(shares)) if np.isfinite(shares).any() else np.nan,
            why_not=[one.why_not for one in own.values() if one.why_not],
        )
    return found


def _busy(standing: Mapping[int, Duets], order: Sequence[int]) -> Values:
    """By block. Where something else had a part of the core in every visit of an arm, it is what other blocks show; where it had
    in all of them, that both arms fill it."""
    told = [one.busy for one in standing.values() if np.isfinite(one.busy)]
    usual = float(np.median(told)) if told else 0.0
    seen = {index: one.busy if np.isfinite(one.busy) else usual for index, one in standing.items()}
    return np.array([seen.get(index, np.nan) for index in order])
