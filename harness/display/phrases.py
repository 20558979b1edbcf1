"""What a run that goes on is told in, on every display: where it is, what came lately, how comparisons stand. Words only."""

from datetime import datetime, timedelta

from harness.display.rolling import Lately
from harness.formatting import numbers
from harness.plan.slices import Slice
from harness.samples import Played
from harness.scenario.model import Scenario
from harness.statistics.estimate import Estimate
from harness.verdicts.interim import INVALID, SoFar, Standing


def cell(mode: str, slice_: Slice) -> str:
    """`wait ms=100 @ 64 users on async · uvicorn`; in a search, the rate that is tried."""
    asked = slice_.cell
    pushed = f"{asked.level:g}/s" if slice_.open else numbers.level(mode, asked.level)
    return f"{asked.endpoint} @ {pushed} on {asked.arm}"


def played(mode: str, slice_: Slice, one: Played | None) -> str:
    """The slice just played, in a few words."""
    if one is None:
        return f"{cell(mode, slice_)}: skipped"
    failed = f", {one.failures} FAILED" if one.failures else ""
    dropped = f", {one.dropped} dropped" if one.dropped else ""
    return f"{cell(mode, slice_)}: {one.requests} requests{failed}{dropped}"


def lately(last: Lately, load_cores: int) -> list[str]:
    """`612 req/s`, `p95 ≤ 121 ms`, `0 failed`, `load generator 43 % CPU` of the last slices."""
    share = numbers.MISSING if last.load_busy is None else numbers.percent(last.load_busy / load_cores)
    p95 = "too few for p95" if last.worst_p95_ms is None else f"p95 ≤ {numbers.number(last.worst_p95_ms)} ms"
    failed = f"{numbers.count(last.failures)} {'FAILED' if last.failures else 'failed'}"
    return [f"{numbers.number(last.rate_rps)} req/s", p95, failed, f"load generator {share} CPU"]


def standing(mode: str, one: Standing) -> str:
    """`wait ms=100 @ 64 users  async · uvicorn / sync · gthread×16  2.57× [2.20, 3.01]  faster`."""
    where = numbers.pushed(mode, one.endpoint, one.level)
    return "  ".join([where, f"{one.arm} / {one.over}", *filter(None, [ratio(one)]), word(one)])


def ratio(one: Standing) -> str:
    """`2.57× [2.20, 3.01]`; nothing where nothing can be compared."""
    return "" if one.ratio is None else numbers.ratio(Estimate(one.ratio, one.low, one.high, one.blocks))


def word(one: Standing) -> str:
    """The verdict as it stands; `INVALID so far` and why, `inconclusive` and what would decide it."""
    return f"INVALID so far: {one.note}" if one.word == INVALID else f"{one.word} {one.note}".strip()


def brief(one: Standing) -> str:
    """The same where room is dear: `inconclusive (~7 blocks)`."""
    if one.blocks_needed is None:
        return word(one)
    return f"{one.word} (~{blocks(one.blocks_needed)})"


def title(so_far: SoFar) -> str:
    """What the comparisons are by, and after how many blocks."""
    return f"by {so_far.metric}, after {blocks(so_far.blocks)}"


def blocks(number: int) -> str:
    return f"{number} block{'' if number == 1 else 's'}"


def slices(number: int) -> str:
    return f"{number} slice{'' if number == 1 else 's'}"


def left(scenario: Scenario, seconds: float, now: datetime) -> str:
    """`about 2 min 35 s left, until 14:05`; where a rule may end the run sooner, `at most`."""
    about = "at most" if scenario.rule else "about"
    return f"{about} {numbers.duration(seconds)} left, until {clock(now, seconds)}"


def clock(now: datetime, seconds: float) -> str:
    """The time of day so many seconds from now: `14:05`."""
    return f"{now + timedelta(seconds=seconds):%H:%M}"
