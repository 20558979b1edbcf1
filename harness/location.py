"""Where the harness's own parts and the demo are, in a checkout as in an installed wheel."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
"""The folder that holds harness/ and locustfiles/: a child started there can import them."""

SHIPPED: Final = Path(__file__).parent / "shipped"
"""Only in a wheel: what lies beside harness/ in a checkout, under names that are nobody's own in site-packages."""

_DEMO: Final = SHIPPED if SHIPPED.is_dir() else ROOT

INJECTED: Final = _DEMO / "injected"
"""What measured processes import beside their project: a package that nobody else has."""

PROJECT: Final = _DEMO / "bench_project"
"""The demo project."""

SCENARIOS: Final = _DEMO / "scenarios"
"""The scenarios that come with the harness."""
