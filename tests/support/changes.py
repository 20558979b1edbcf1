"""A change of the project against a revision, made up."""

from pathlib import Path

from support.fakes import FakeLoad
from support.runs import fake_run
from support.scenarios import tiny

from harness.plan import ab
from harness.scenario.model import Base, Scenario

BASE = Base(ref="main", sha="a" * 40, change="b" * 40)


def doubled(**changes: object) -> Scenario:
    return ab.doubled(tiny(**changes), BASE)


def run_of(tmp_path: Path, load: FakeLoad, **changes: object) -> Path:
    return fake_run(tmp_path, doubled(**changes), load)
