"""Percentages as people type them: `5%`, `0.5 %`."""

import re
from contextlib import suppress
from typing import Any, Final

PATTERN: Final = r"^([0-9]+(?:\.[0-9]+)?) ?%$"


def fraction(text: Any) -> float:
    """The fraction in this text; ValueError with expected and got."""
    found = re.fullmatch(PATTERN, text, re.ASCII) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"expected a percentage such as '5%' or '0.5 %', got {text!r}")
    return float(found[1]) / 100


def part(text: Any) -> float:
    """A fraction that leaves something over: above 0 and below 100 %."""
    with suppress(ValueError):
        if 0 < fraction(text) < 1:
            return fraction(text)
    raise ValueError(f"expected a percentage above 0 and below 100, such as '3%', got {text!r}")
