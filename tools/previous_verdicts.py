"""Verdicts as they were before the moderated t, for comparison: sign flips over all comparisons of a run, an interval by t or
bootstrap, and a veto of the A/A pair's interval. Pure."""

from math import log

from harness.statistics import intervals
from harness.statistics.intervals import Values
from tools import sign_flips


def different(logs: Values, pairs: int, places: int, margin: float, doubt: float) -> tuple[float, list[bool]]:
    """The smallest p, and of each of the pairs whether it was told to be different.

    Shape: logs (blocks, comparisons): all pairs, then the A/A pair at each place.
    """
    p = sign_flips.adjusted(logs)
    return float(p.min()), [
        _told(logs[:, at], logs[:, pairs + at % places], float(p[at]), margin, doubt) for at in range(pairs)
    ]


def _told(logs: Values, control: Values, p: float, margin: float, doubt: float) -> bool:
    if p > doubt:
        return False
    ratio, floor = intervals.of_logs(logs), intervals.of_logs(control)
    if ratio is None or ratio.low is None or ratio.high is None:
        return False
    ends = [abs(log(end)) for end in (floor.low, floor.high) if end is not None] if floor else []
    beyond = abs(log(ratio.value)) > max([log(1 + margin), *ends])
    return beyond and (ratio.low > 1 or ratio.high < 1)
