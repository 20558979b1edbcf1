"""Where the harness's own parts and the demo project are, in a checkout as in an installed wheel."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
"""The folder that holds harness/, locustfiles/ and probe/: a child started there can import them."""

PROJECT: Final = ROOT / "bench_project"
"""The demo project."""
