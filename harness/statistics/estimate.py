"""A value with its interval: what every figure is before it is written. Needs no scipy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with its interval. `low` and `high` are None where there are too few blocks for one."""

    value: float
    low: float | None
    high: float | None
    n: int

    @property
    def inverse(self) -> "Estimate":
        """1 / value, with its interval."""
        low, high = (None if end is None else 1 / end for end in (self.high, self.low))
        return Estimate(1 / self.value, low, high, self.n)
