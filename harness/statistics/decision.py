"""What the interval and the test of a ratio say against a margin, and how many blocks would say it. Pure.

Two arms are equivalent where the 95 % interval lies within the margin. That is two one-sided tests at 2.5 % each, twice as strict
as the usual 5 %, for which the 90 % interval would do: what decides is the interval that is printed. They differ where they are
not equivalent and the test, corrected for the family, finds it. All else is open: no difference was found, and one beyond the
margin is not ruled out.
Source: Schuirmann, "A comparison of the two one-sided tests procedure and the power approach" (1987).
"""

from enum import Enum

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
    if p <= doubt:
        return Outcome.HIGHER if ratio.value > 1 else Outcome.LOWER
    return Outcome.OPEN


def blocks_needed(one: Moderated, margin: float, doubt: float, factor: int) -> int | None:
    """Fewest blocks with which the same test and interval would decide an open comparison, if mean and variance stayed what they
    are; None where no number would. `factor`: by which the test's p is corrected (Holm)."""
    either = one.blocks_until_apart(1.0, doubt / factor), one.blocks_until_within(margin, doubt)
    return min((blocks for blocks in either if blocks is not None), default=None)
