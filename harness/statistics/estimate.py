"""A value with its interval: what every figure is before it is written. Needs no scipy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with its interval. `low` and `high` are None where there are too few blocks for one."""

    value: float
    low: float | None
    high: float | None
    n: int
