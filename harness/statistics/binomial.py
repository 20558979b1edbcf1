"""How unlikely is that? The one probability that both halves need, so that a percentile of few samples proves nothing."""

from math import exp, lgamma, log, log1p
from typing import Final

THREE_SIGMA: Final = 0.00135


def binomial_tail(least: int, of: int, share: float) -> float:
    """The probability of `least` or more in `of` trials that each succeed with probability `share` (0 < share < 1)."""
    if least <= 0:
        return 1.0
    logs = (
        lgamma(of + 1) - lgamma(k + 1) - lgamma(of - k + 1) + k * log(share) + (of - k) * log1p(-share)
        for k in range(least, of + 1)
    )
    return min(1.0, sum(map(exp, logs)))


def surely_more(late: int, of: int, share: float, doubt: float = THREE_SIGMA) -> bool:
    """Whether `late` of `of` shows that more than `share` are late: p99 of a hundred ticks is one tick, and proves nothing."""
    return late > share * of and binomial_tail(late, of, share) < doubt
