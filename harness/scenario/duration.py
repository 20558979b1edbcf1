"""A length of time as people write it: `8m`, `90s`, `1h`, `2m30s`; in seconds once it is read."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

PATTERN: Final = r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$"

SHORTEST_S, LONGEST_S = 10, 24 * 3600


def seconds(text: object) -> float:
    """`2m30s` → 150.0; ValueError with expected and got. A number that is read already stays as it is."""
    if isinstance(text, float):
        return text
    found = re.fullmatch(PATTERN, text.replace(" ", "")) if isinstance(text, str) else None
    if found is None or not any(found.groups()):
        raise ValueError(f"expected a time such as '8m', '90s' or '1h', got {text!r}")
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + rest
    if not SHORTEST_S <= total <= LONGEST_S:
        raise ValueError(f"expected from {SHORTEST_S}s to 24h, got {text!r}")
    return float(total)


Duration = Annotated[float, BeforeValidator(seconds), Field(), WithJsonSchema({"type": "string", "pattern": PATTERN})]
