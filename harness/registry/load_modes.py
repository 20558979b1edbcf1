"""The three kinds of load: closed loop (users), open loop (arrival rate), and a capacity search for the highest rate."""

from typing import Final, Literal

Kind = Literal["poisson", "uniform", "burst"]

CLOSED: Final = "closed"

OPEN: Final = "open"

CAPACITY: Final = "capacity"
