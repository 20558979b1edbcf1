"""The three kinds of load: users that call back to back, arrivals by a schedule, and a search for the highest rate."""

from typing import Final, Literal

Kind = Literal["poisson", "uniform", "burst"]

CLOSED: Final = "closed"

OPEN: Final = "open"

CAPACITY: Final = "capacity"
