"""A latency objective (SLO), as a scenario writes it: `p99 <= 250ms`."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from harness.samples import SAMPLES_NEEDED
from harness.statistics.binomial import surely_more

DOUBT: Final = 0.05

FORM: Final = r"^p(50|95|99|99\.9) ?<= ?([0-9]+(?:\.[0-9]+)?) ?(ms|s)$"


@dataclass(frozen=True)
class Objective:
    """At least a share of `quantile` of all requests is answered correctly within `limit_ms`."""

    quantile: float
    limit_ms: float

    def __str__(self) -> str:
        return f"p{100 * self.quantile:g} <= {self.limit_ms:g}ms"

    @property
    def samples_needed(self) -> int:
        """Fewest requests that can confirm it."""
        return SAMPLES_NEEDED[self.quantile]

    def surely_missed(self, requests: int, late: int) -> bool:
        """Whether it was missed beyond chance, for a slice too short to estimate the percentile."""
        return not requests or surely_more(late, requests, 1 - self.quantile, DOUBT)

    def met(self, requests: int, late: int) -> bool:
        """Whether it was met when `late` of so many requests took longer, failed or were dropped."""
        return requests > 0 and late <= (1 - self.quantile) * requests


def parse(text: Any) -> Objective:
    """The objective in this text; ValueError with expected and got."""
    found = re.fullmatch(FORM, text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(
            f"expected an objective such as 'p99 <= 250ms' (p50, p95, p99 or p99.9; ms or s), got {text!r}"
        )
    limit_ms = float(found[2]) * (1000 if found[3] == "s" else 1)
    if not 0 < limit_ms <= 60_000:
        raise ValueError(f"expected a limit above 0 and up to 60 s, got {text!r}")
    return Objective(round(float(found[1]) / 100, 4), limit_ms)


ObjectiveText = Annotated[Objective, BeforeValidator(parse), WithJsonSchema({"type": "string", "pattern": FORM})]
