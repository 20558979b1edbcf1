"""The JSON schema of scenario files, for editors.

python -m harness.scenario.schema > scenarios/scenario.schema.json
"""

import json
import sys
from typing import Final

from harness.scenario.model import Scenario

SCHEMA_FILE: Final = "scenario.schema.json"


def schema() -> str:
    """The JSON Schema that editors use, as text."""
    return json.dumps(Scenario.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
