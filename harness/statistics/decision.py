"""What the interval and the test of a ratio say against a margin, and how many blocks would say it. Pure.

Two arms are equivalent where the 95 % interval lies within the margin. That is two one-sided tests at 2.5 % each, twice as strict
as the usual 5 %, for which the 90 % interval would do: what decides is the interval that is printed. They differ where the test,
corrected for the family, finds it and the estimate lies beyond the margin. All else is open.
Source: Schuirmann, "A comparison of the two one-sided tests procedure and the power approach" (1987).
"""

from enum import Enum
from math import log

from harness.statistics.estimate import Estimate
from harness.statistics.moderated import Moderated


class Outcome(Enum):
    """Of a comparison: the ratio is above 1, below, equivalent to 1, or it is open which."""

    HIGHER = "higher"
    LOWER = "lower"
    EQUIVALENT = "equivalent"
    OPEN = "open"


def decide(ratio: Estimate, p: float, margin: float, doubt: float) -> Outcome:
    """`p` is corrected for the family, `margin` a fraction, `doubt` how often the test may err."""
    if ratio.low is None or ratio.high is None:
        return Outcome.OPEN
    if 1 / (1 + margin) <= ratio.low and ratio.high <= 1 + margin:
        return Outcome.EQUIVALENT
    if p <= doubt and _beyond(ratio.value, margin):
        return Outcome.HIGHER if ratio.value > 1 else Outcome.LOWER
    return Outcome.OPEN


def blocks_needed(one: Moderated, margin: float, doubt: float, factor: int) -> int | None:
    """Fewest blocks with which the same test and interval would decide an open comparison, if mean and variance stayed what they
    are; None where no number would. `factor`: by which the test's p is corrected (Holm)."""
    if abs(one.mean) > log(1 + margin):
        return one.blocks_until_apart(1.0, doubt / factor)
    return one.blocks_until_within(margin, doubt)


def _beyond(value: float, margin: float) -> bool:
    return abs(log(value)) > log(1 + margin)
