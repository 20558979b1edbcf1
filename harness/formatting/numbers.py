"""How numbers are written, everywhere: three significant digits, a thin space between thousands, units by the caller."""

from typing import Final

from harness.registry.load_modes import CAPACITY, CLOSED, OPEN
from harness.statistics.estimate import Estimate

THIN_SPACE: Final = "\u202f"

MISSING: Final = "–"


def number(value: float | None) -> str:
    """Three significant digits, never an exponent: 0.0123, 4.56, 78.9, 1 234."""
    if value is None or value != value:
        return MISSING
    size = abs(value)
    if size >= 100 or value == 0:
        return count(value)
    decimals = 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:.{decimals}f}"


def count(value: float) -> str:
    """A whole number: 72, 1 234."""
    return f"{value:,.0f}".replace(",", THIN_SPACE)


def blocks(number: int) -> str:
    """`1 block`, `6 blocks`."""
    return f"{count(number)} block{'' if number == 1 else 's'}"


def tick(value: float) -> str:
    """An axis's number, with no digit too many: 0.25, 5, 1 000."""
    return f"{value:,.10g}".replace(",", THIN_SPACE)


def estimate(value: Estimate | None) -> str:
    """A value with its interval: `318 [311, 324]`; the value alone where there is none."""
    if value is None:
        return MISSING
    return f"{number(value.value)} {interval(value)}".rstrip()


def ratio(value: Estimate) -> str:
    """A ratio with its interval: `4.41× [4.27, 4.55]`."""
    return f"{number(value.value)}× {interval(value)}".rstrip()


def percent(fraction: float) -> str:
    """A fraction as a percentage: `0.1 %`, `48 %`."""
    value = 100 * fraction
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %"


def margin(fraction: float | None) -> str:
    """A half-width as a percentage: `±2.1 %`."""
    return MISSING if fraction is None else f"±{percent(fraction)}"


def noise(fraction: float | None) -> str:
    """How far equal arms differ: `±2.1 %`, and from 10 % on as the factor that it is, `×÷ 1.35`."""
    return margin(fraction) if fraction is None or fraction < 0.10 else f"×÷ {number(1 + fraction)}"


def probability(p: float) -> str:
    """`p = 0.032`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def duration(seconds: float) -> str:
    """A length of time for people: `45 s`, `7 min 30 s`, `1 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def level(mode: str, value: float) -> str:
    """The level of a cell: `64 users`, `200/s`, `the highest rate`."""
    if mode == CLOSED:
        return "1 user" if value == 1 else f"{count(value)} users"
    return f"{value:g}/s" if mode == OPEN else "the highest rate"


def cell(mode: str, endpoint: str, value: float) -> str:
    """An endpoint with its level, short: `wait ms=100 @ 64`, `wait ms=100 @ 200/s`."""
    if mode == CAPACITY:
        return endpoint
    return f"{endpoint} @ {value:g}{'/s' if mode == OPEN else ''}"


def pushed(mode: str, endpoint: str, value: float) -> str:
    """An endpoint with its level, in full: `wait ms=100 @ 64 users`."""
    return f"{endpoint} @ {level(mode, value)}"


def interval(value: Estimate) -> str:
    """`[311, 324]`; nothing where there is none."""
    return "" if value.low is None or value.high is None else f"[{number(value.low)}, {number(value.high)}]"
