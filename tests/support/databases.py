"""Scenarios that read a database."""

import json
from typing import Any

from support.scenarios import TINY

from harness.system.cores import Cores

ANY = Cores(None, None)


READS = TINY[: TINY.index('[[arms]]\nname = "async again"')].replace("blocks = 6", "blocks = 2") + (
    '[load]\nvisits = 1\nslice_s = 0.5\n\n[[endpoints]]\nname = "db_read"\nusers = [4]\n'
)


def reading(**table: Any) -> str:
    """READS with a `[database]` table."""
    keys = "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
    return f"{READS}\n[database]\n{keys}\n"
