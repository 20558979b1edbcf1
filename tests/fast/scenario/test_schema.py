"""Scenarios: what is shipped loads, what is malformed is refused whole, early, and in one clear message each."""

import json

from harness.location import ROOT
from harness.registry import endpoints, servers
from harness.scenario import schema


def test_the_committed_schema_is_fresh() -> None:
    assert (ROOT / "scenarios" / schema.SCHEMA_FILE).read_text() == schema.schema(), "run `make schema`"


def test_the_schema_knows_every_server_and_endpoint() -> None:
    text = json.dumps(json.loads(schema.schema()))
    assert all(f'"{name}"' in text for name in [*servers.SERVERS, *endpoints.ENDPOINTS])
