"""Where the harness's own parts and the demo are, in a checkout as in an installed wheel."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
"""The folder that holds harness/, locustfiles/ and probe/: a child started there can import them."""

SHIPPED: Final = Path(__file__).parent / "shipped"
"""Only in a wheel: what lies beside harness/ in a checkout, under names that are nobody's own in site-packages."""

_DEMO: Final = SHIPPED if SHIPPED.is_dir() else ROOT

PROJECT: Final = _DEMO / "bench_project"
"""The demo project."""

SCENARIOS: Final = _DEMO / "scenarios"
"""The scenarios that come with the harness."""
